#include "fast_unigram_tokenizer.h"

#include <algorithm>

#include "code_points.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

using Prefix = FastUnigramModel::Prefix;

class FastUnigramTokenizer final : public PlainTokenizer {
 public:
  FastUnigramTokenizer(FastUnigramModel model, const std::string& path)
      : PlainTokenizer(model.special),
        model_(std::move(model)),
        unigram_(model_.pieces, special().unk, model_.lowest_score, path, model_.words) {}

  std::string normalize(std::string_view text) const override { return model_.normalizer(text); }

  void append_ids(std::string_view normal, bool first, std::vector<int64_t>& ids) const override {
    if (!model_.splits_at_spaces) return append_marked(normal, first, ids);
    while (true) {
      const size_t spaces = spaces_at_begin(normal);
      first = first && spaces == 0;  // the word at the very beginning alone
      normal.remove_prefix(spaces);
      if (normal.empty()) return;
      size_t end = 0;  // of the word
      while (end < normal.size() && spaces_at_begin(normal.substr(end)) == 0)
        end += std::max<size_t>(code_point_length(normal.substr(end)), 1);
      append_marked(normal.substr(0, end), first, ids);
      normal.remove_prefix(end);
    }
  }

  std::string decode(const std::vector<int64_t>& ids) const override {
    return text_of_pieces(*this, ids);
  }

  std::string piece(int64_t id) const override {
    check_id(id);
    return model_.pieces[static_cast<size_t>(id)].text;
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(model_.pieces.size()); }

 private:
  /// Ids of a text, each space a ▁.
  void append_marked(std::string_view text, bool first, std::vector<int64_t>& ids) const {
    if (text.empty()) return;
    std::string marked;
    for (const char byte : text) {
      if (byte == ' ') {
        marked += kWordMark;
      } else {
        marked += byte;
      }
    }
    const bool wants_mark =
        model_.prefix == Prefix::kAlways || (model_.prefix == Prefix::kFirst && first);
    if (wants_mark && marked.compare(0, kWordMark.size(), kWordMark) != 0)
      marked.insert(0, kWordMark);
    unigram_.append_ids(marked, ids);
  }

  FastUnigramModel model_;
  Unigram unigram_;
};

}  // namespace

std::shared_ptr<const PlainTokenizer> make_fast_unigram_tokenizer(FastUnigramModel model,
                                                                  const std::string& path) {
  return std::make_shared<FastUnigramTokenizer>(std::move(model), path);
}

}  // namespace madx
