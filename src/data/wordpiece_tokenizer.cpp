#include "wordpiece_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/json_text.h"
#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {
namespace {

constexpr std::string_view kContinuation = "##";

bool is_continuation(std::string_view piece) {
  return piece.substr(0, kContinuation.size()) == kContinuation;
}

class WordPieceTokenizer final : public PlainTokenizer {
 public:
  WordPieceTokenizer(std::vector<std::string> pieces, const SpecialTokens& special,
                     const WordPieceOptions& options)
      : PlainTokenizer(special), pieces_(std::move(pieces)), options_(options) {
    // Of two equal lines the later one counts, as in Hugging Face.
    for (size_t id = 0; id < pieces_.size(); ++id) {
      const std::string_view piece = pieces_[id];
      if (is_continuation(piece)) {
        continuations_[piece.substr(kContinuation.size())] = static_cast<int64_t>(id);
      } else {
        starts_[piece] = static_cast<int64_t>(id);
      }
    }
  }

  std::string normalize(std::string_view text) const override {
    return basic_normalize(text, options_.basic);
  }

  void append_ids(std::string_view normal, bool /*first*/,
                  std::vector<int64_t>& ids) const override {
    for (const auto word : basic_split(normal)) append_word(word, ids);
  }

  bool lower_cases() const override { return options_.basic.lower_case; }

  std::string decode(const std::vector<int64_t>& ids) const override {
    std::string text;
    for (const int64_t id : ids) {
      if (is_special(id)) continue;
      const std::string next = piece(id);
      if (text.empty()) {
        text = next;
      } else if (is_continuation(next)) {
        text += next.substr(kContinuation.size());
      } else {
        text += " " + next;
      }
    }
    return text;
  }

  std::string piece(int64_t id) const override {
    check_id(id);
    return pieces_[static_cast<size_t>(id)];
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(pieces_.size()); }

 private:
  using Ids = std::unordered_map<std::string_view, int64_t>;

  /// Greedy: the longest piece that begins the word, then the longest that continues it. A word
  /// with a part that no piece covers is unk as a whole. Brackets are words of their own, so no
  /// word can be "[CLS]".
  void append_word(std::string_view word, std::vector<int64_t>& ids) const {
    const auto characters = split_utf8(word);
    const size_t count = characters.size();
    if (count > options_.max_word_length) return ids.push_back(special().unk);

    const size_t ids_before = ids.size();
    for (size_t start = 0, end = 0; start < count; start = end) {
      const Ids& table = start == 0 ? starts_ : continuations_;
      auto found = table.end();
      for (end = count; end > start; --end) {
        found = table.find(join(characters[start], characters[end - 1]));
        if (found != table.end()) break;
      }
      if (found == table.end()) {
        ids.resize(ids_before);
        return ids.push_back(special().unk);
      }
      ids.push_back(found->second);
    }
  }

  /// All from `first` to `last`, two characters of one word.
  static std::string_view join(std::string_view first, std::string_view last) {
    const char* end = last.data() + last.size();
    return {first.data(), static_cast<size_t>(end - first.data())};
  }

  std::vector<std::string> pieces_;
  WordPieceOptions options_;
  Ids starts_;         // keys point into pieces_
  Ids continuations_;  // without their "##"
};

std::vector<std::string> split_vocab(const std::string& bytes, const std::string& path) {
  std::vector<std::string> pieces;
  for (LineScanner lines(bytes); lines.next();) {
    if (first_invalid_utf8(lines.line())) {
      input_error(path, ":", lines.number(),
                  ": expected a piece in UTF-8, but found other "
                  "bytes; copy the file again from the encoder's Hugging Face directory");
    }
    pieces.emplace_back(lines.line());
  }
  return pieces;
}

SpecialTokens find_special_tokens(const std::vector<std::string>& pieces, const std::string& path) {
  const auto find = [&](const char* name) -> int64_t {
    const auto found = std::find(pieces.begin(), pieces.end(), name);
    if (found == pieces.end()) {
      input_error(path, ": expected the piece ", name, ", but found none among ", pieces.size(),
                  "; use the vocabulary that belongs to the encoder");
    }
    return found - pieces.begin();
  };
  return {find("[CLS]"), find("[SEP]"), find("[PAD]"), find("[UNK]"), find("[MASK]")};
}

bool has_upper_case(const std::vector<std::string>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [](const std::string& piece) {
    const bool in_brackets = piece.size() > 2 && piece.front() == '[' && piece.back() == ']';
    return !in_brackets &&
           std::any_of(piece.begin(), piece.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  });
}

/// The value of `key`, std::nullopt where it is missing or null.
std::optional<bool> find_bool(const nlohmann::json& config, const char* key,
                              const std::string& path) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return std::nullopt;
  if (!found->is_boolean()) {
    input_error(path, ": expected '", key, "' to be true or false, but found ", shown(*found),
                "; correct it");
  }
  return found->get<bool>();
}

WordPieceOptions read_options(const TokenizerFile& file, const std::string& where,
                              const std::vector<std::string>& pieces) {
  const std::string path = where + "/tokenizer_config.json";
  const auto config = parse_json(path, file.tokenizer_config.value_or("{}"));
  if (!config.is_object()) {
    input_error(path,
                ": expected a JSON object, but found something else; copy the file again "
                "from the encoder's Hugging Face directory");
  }
  if (!find_bool(config, "do_basic_tokenize", path).value_or(true)) {
    input_error(path,
                ": expected 'do_basic_tokenize' to be true, but found false; only BERT's own "
                "way to split words is known here");
  }
  WordPieceOptions options;
  auto& basic = options.basic;
  basic.lower_case = find_bool(config, "do_lower_case", path).value_or(!has_upper_case(pieces));
  basic.strip_accents = find_bool(config, "strip_accents", path).value_or(basic.lower_case);
  basic.split_chinese_characters = find_bool(config, "tokenize_chinese_chars", path).value_or(true);
  return options;
}

}  // namespace

std::shared_ptr<const PlainTokenizer> make_wordpiece_tokenizer(const TokenizerFile& file,
                                                               const std::string& where) {
  const std::string path = where + "/" + file.name;
  auto pieces = split_vocab(file.bytes, path);
  const auto options = read_options(file, where, pieces);
  return make_wordpiece_tokenizer(std::move(pieces), options, path);
}

std::shared_ptr<const PlainTokenizer> make_wordpiece_tokenizer(std::vector<std::string> pieces,
                                                               const WordPieceOptions& options,
                                                               const std::string& path) {
  const auto special = find_special_tokens(pieces, path);
  return std::make_shared<WordPieceTokenizer>(std::move(pieces), special, options);
}

}  // namespace madx
