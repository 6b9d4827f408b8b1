#include "sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "madx/core/error.h"
#include "sentencepiece_file.h"
#include "sentencepiece_normalizer.h"
#include "unigram.h"

namespace madx {
namespace {

/// SentencePiece's own splitter, for models of another kind than XLM-R's.
using Processor = sentencepiece::SentencePieceProcessor;

/// SentencePiece's ids under fairseq's numbering, which XLM-R was trained with: fairseq begins with
/// <s> <pad> </s> <unk> where the model begins with <unk> <s> </s>, so that all later pieces move
/// up by one; <mask> comes after them.
class SentencePieceTokenizer final : public PlainTokenizer {
 public:
  SentencePieceTokenizer(SentencePieceModel model, std::unique_ptr<Processor> processor,
                         std::string path)
      : PlainTokenizer({/*bos=*/0, /*eos=*/2, /*pad=*/1, /*unk=*/3,
                        /*mask=*/static_cast<int64_t>(model.pieces.size()) + kShift}),
        model_(std::move(model)),
        processor_(std::move(processor)),
        path_(std::move(path)) {
    if (!processor_) unigram_.emplace(model_.pieces, kModelUnk, lowest_score(), path_);
  }

  std::string normalize(std::string_view text) const override {
    return unigram_ ? normalize_as_sentencepiece(model_, text) : std::string(text);
  }

  void append_ids(std::string_view normal, bool /*first*/,
                  std::vector<int64_t>& ids) const override {
    // Control pieces (<s>, </s>) are not looked for in text.
    const size_t ids_before = ids.size();
    if (unigram_) {
      unigram_->append_ids(normal, ids);
    } else {
      append_processed(normal, ids);
    }
    for (size_t i = ids_before; i < ids.size(); ++i) {
      ids[i] = ids[i] == kModelUnk ? special().unk : ids[i] + kShift;
    }
  }

  std::string decode(const std::vector<int64_t>& ids) const override {
    return text_of_pieces(*this, ids);
  }

  std::string piece(int64_t id) const override {
    check_id(id);
    if (id == special().bos) return "<s>";
    if (id == special().eos) return "</s>";
    if (id == special().pad) return "<pad>";
    if (id == special().unk) return "<unk>";
    if (id == special().mask) return "<mask>";
    return model_.pieces[static_cast<size_t>(id - kShift)].text;
  }

  int64_t vocab_size() const override { return special().mask + 1; }

  static constexpr int64_t kModelUnk = 0;
  static constexpr int64_t kModelBos = 1;
  static constexpr int64_t kModelEos = 2;

 private:
  static constexpr int64_t kShift = 1;

  double lowest_score() const {
    double lowest = std::numeric_limits<float>::max();
    for (const auto& piece : model_.pieces) {
      if (piece.kind == UnigramPiece::kNormal) lowest = std::min(lowest, piece.score);
    }
    return lowest;
  }

  void append_processed(std::string_view text, std::vector<int64_t>& ids) const {
    std::vector<int> model_ids;
    const auto status = processor_->Encode(text, &model_ids);
    if (!status.ok()) {
      input_error(path_, ": expected a SentencePiece model that splits any text, but found: ",
                  status.message(), "; use the model that belongs to the encoder");
    }
    ids.insert(ids.end(), model_ids.begin(), model_ids.end());
  }

  SentencePieceModel model_;
  std::optional<Unigram> unigram_;  // empty where processor_ splits
  std::unique_ptr<Processor> processor_;
  std::string path_;
};

/// The id of a piece of this kind, -1 where there is none.
int64_t find_piece(const SentencePieceModel& model, int kind, std::string_view text = {}) {
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const auto& piece = model.pieces[id];
    if (piece.kind == kind && (text.empty() || piece.text == text)) return static_cast<int64_t>(id);
  }
  return -1;
}

std::unique_ptr<Processor> load_processor(const std::string& path, const std::string& bytes) {
  auto processor = std::make_unique<Processor>();
  const auto status = processor->LoadFromSerializedProto(bytes);
  if (!status.ok()) {
    input_error(path, ": expected a SentencePiece model, but found ", bytes.size(),
                " bytes that are none (", status.message(),
                "); copy it again from the encoder's Hugging Face directory");
  }
  return processor;
}

}  // namespace

std::shared_ptr<const PlainTokenizer> make_sentencepiece_tokenizer(const TokenizerFile& file,
                                                                   const std::string& where) {
  const std::string path = where + "/" + file.name;
  auto model = read_sentencepiece_model(path, file.bytes);
  if (model.pieces.empty()) {
    input_error(path, ": expected a SentencePiece model, but found ", file.bytes.size(),
                " bytes that are none (no pieces); copy it again from the encoder's Hugging Face "
                "directory");
  }
  using Ours = SentencePieceTokenizer;
  const int64_t unk = find_piece(model, UnigramPiece::kUnknown),
                bos = find_piece(model, UnigramPiece::kControl, "<s>"),
                eos = find_piece(model, UnigramPiece::kControl, "</s>"),
                pad = find_piece(model, UnigramPiece::kControl, "<pad>");
  if (unk != Ours::kModelUnk || bos != Ours::kModelBos || eos != Ours::kModelEos || pad != -1) {
    input_error(
        path,
        ": expected XLM-R's special pieces <unk> 0, <s> 1, </s> 2 and no <pad>, but found <unk> ",
        unk, ", <s> ", bos, ", </s> ", eos, ", <pad> ", pad,
        "; use the model that belongs to the encoder");
  }
  auto processor = model.is_plain_unigram ? nullptr : load_processor(path, file.bytes);
  return std::make_shared<SentencePieceTokenizer>(std::move(model), std::move(processor), path);
}

}  // namespace madx
