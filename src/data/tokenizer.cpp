#include "madx/data/tokenizer.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "added_tokens.h"
#include "core/json_text.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "sentencepiece_tokenizer.h"
#include "tokenizer_json.h"
#include "wordpiece_tokenizer.h"

namespace madx {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSentencePieceName = "sentencepiece.bpe.model";
constexpr const char* kVocabName = "vocab.txt";
constexpr const char* kJsonName = "tokenizer.json";
constexpr const char* kConfigName = "tokenizer_config.json";
constexpr const char* kAddedName = "added_tokens.json";

}  // namespace

std::vector<int64_t> Tokenizer::with_ends(std::vector<int64_t> ids) const {
  ids.insert(ids.begin(), special_.bos);
  ids.push_back(special_.eos);
  return ids;
}

std::vector<int64_t> Tokenizer::encode_sequence(std::string_view text, int64_t max_length) const {
  if (max_length < 2)
    input_error("expected a max_length of 2 or more, for bos and eos, but found ", max_length);
  auto ids = encode(text);
  if (static_cast<int64_t>(ids.size()) > max_length - 2)
    ids.resize(static_cast<size_t>(max_length - 2));
  return with_ends(std::move(ids));
}

std::vector<std::vector<int64_t>> Tokenizer::encode_words(
    const std::vector<std::string>& words) const {
  std::vector<std::vector<int64_t>> ids;
  ids.reserve(words.size());
  for (const auto& word : words) {
    ids.push_back(encode(word));
    if (ids.back().empty()) ids.back().push_back(special_.unk);
  }
  return ids;
}

bool Tokenizer::is_special(int64_t id) const {
  return id == special_.bos || id == special_.eos || id == special_.pad || id == special_.unk ||
         id == special_.mask;
}

void Tokenizer::check_id(int64_t id) const {
  if (id < 0 || id >= vocab_size()) {
    input_error("tokenizer: expected ids from 0 to ", vocab_size() - 1, ", but found ", id,
                "; use the tokenizer that belongs to the encoder");
  }
}

std::vector<std::pair<std::string, std::string>> TokenizerFile::all() const {
  std::vector<std::pair<std::string, std::string>> files = {{name, bytes}};
  if (tokenizer_config) files.emplace_back(kConfigName, *tokenizer_config);
  if (added_tokens) files.emplace_back(kAddedName, *added_tokens);
  if (tokenizer_json) files.emplace_back(kJsonName, *tokenizer_json);
  return files;
}

const std::vector<std::string>& tokenizer_file_names() {
  static const std::vector<std::string> names = {kSentencePieceName, kVocabName, kJsonName,
                                                 kConfigName, kAddedName};
  return names;
}

std::shared_ptr<const Tokenizer> make_tokenizer(const TokenizerFile& file,
                                                const std::string& where) {
  const bool alone = file.name == kJsonName;  // tokenizer.json is all that there is
  const std::string json_path = where + "/" + kJsonName;
  nlohmann::json json;
  if (alone || file.tokenizer_json)
    json = parse_json(json_path, alone ? file.bytes : *file.tokenizer_json);
  std::shared_ptr<const PlainTokenizer> plain;
  if (alone) {
    plain = make_json_tokenizer({json_path, json}, json_path);
  } else if (file.name == kSentencePieceName) {
    plain = make_sentencepiece_tokenizer(file, where);
  } else if (file.name == kVocabName) {
    plain = make_wordpiece_tokenizer(file, where);
  } else {
    input_error(where, ": expected a tokenizer named ", kSentencePieceName, ", ", kVocabName,
                " or ", kJsonName, ", but found '", file.name,
                "'; give it the name that Hugging Face uses");
  }
  return with_added_tokens(std::move(plain), read_added_tokens(file, where, json),
                           alone ? CutRules::kFast : CutRules::kSlow, where);
}

std::optional<TokenizerFile> find_tokenizer_file(
    const std::function<std::optional<std::string>(const std::string& name)>& read,
    const std::string& where) {
  auto model = read(kSentencePieceName), vocab = read(kVocabName), json = read(kJsonName);
  if (model && vocab) {
    input_error(where, ": expected one of ", kSentencePieceName, " (XLM-R) and ", kVocabName,
                " (BERT), but found both; remove the one that does not belong to the encoder");
  }
  if (!model && !vocab && !json) return std::nullopt;
  TokenizerFile file;
  file.name = model ? kSentencePieceName : vocab ? kVocabName : kJsonName;
  file.bytes = std::move(model ? *model : vocab ? *vocab : *json);
  if (model || vocab) file.tokenizer_json = std::move(json);
  file.tokenizer_config = read(kConfigName);
  file.added_tokens = read(kAddedName);
  return file;
}

TokenizerFile read_tokenizer_file(const std::string& directory) {
  const fs::path root(directory);
  if (!fs::is_directory(root)) {
    input_error(directory, ": expected a directory with ", kSentencePieceName, " or ", kVocabName,
                ", but found ", fs::exists(root) ? "a file" : "nothing", "; check the path");
  }
  const auto read = [&](const std::string& name) {
    if (!fs::exists(root / name)) return std::optional<std::string>();
    auto bytes = read_bytes(root / name);
    if (is_lfs_pointer(bytes)) {
      input_error((root / name).string(),
                  ": expected the file's content, but found a Git LFS pointer to it; run `git lfs "
                  "pull` in its folder");
    }
    return std::optional(std::move(bytes));
  };
  if (auto file = find_tokenizer_file(read, directory)) return *std::move(file);
  if (fs::exists(root / "vocab.json") || fs::exists(root / "merges.txt")) {
    input_error(directory, ": expected ", kSentencePieceName, " (XLM-R), ", kVocabName,
                " (BERT) or ", kJsonName,
                " of one of them, but found RoBERTa's BPE (vocab.json, merges.txt), which is not "
                "supported; use an encoder of XLM-R's or BERT's kind");
  }
  input_error(directory, ": expected one of ", kSentencePieceName, " (XLM-R) and ", kVocabName,
              " (BERT), but found neither, nor ", kJsonName,
              "; copy the one of the encoder's Hugging Face directory");
}

std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& directory) {
  return make_tokenizer(read_tokenizer_file(directory), directory);
}

}  // namespace madx
