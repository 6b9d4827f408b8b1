#include "madx/data/tokenizer.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "madx/core/error.h"
#include "sentencepiece_tokenizer.h"
#include "wordpiece_tokenizer.h"

namespace madx {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSentencePieceName = "sentencepiece.bpe.model";
constexpr const char* kVocabName = "vocab.txt";
constexpr const char* kConfigName = "tokenizer_config.json";

std::string read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    input_error(path.string(), ": expected a readable file, but found: ", std::strerror(errno),
                "; check its permissions");
  }
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) machine_error(path.string(), ": reading failed: ", std::strerror(errno));
  return bytes;
}

}  // namespace

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

std::shared_ptr<const Tokenizer> make_tokenizer(const TokenizerFile& file,
                                                const std::string& where) {
  if (file.name == kSentencePieceName) return make_sentencepiece_tokenizer(file, where);
  if (file.name == kVocabName) return make_wordpiece_tokenizer(file, where);
  input_error(where, ": expected a tokenizer named ", kSentencePieceName, " or ", kVocabName,
              ", but found '", file.name, "'; give it the name that Hugging Face uses");
}

TokenizerFile read_tokenizer_file(const std::string& directory) {
  const fs::path root(directory);
  if (!fs::is_directory(root)) {
    input_error(directory, ": expected a directory with ", kSentencePieceName, " or ", kVocabName,
                ", but found ", fs::exists(root) ? "a file" : "nothing", "; check the path");
  }
  const bool has_model = fs::exists(root / kSentencePieceName);
  const bool has_vocab = fs::exists(root / kVocabName);
  if (has_model == has_vocab) {
    input_error(directory, ": expected one of ", kSentencePieceName, " (XLM-R) and ", kVocabName,
                " (BERT), but found ", has_model ? "both" : "neither", "; ",
                has_model ? "remove the one that does not belong to the encoder"
                          : "copy the one of the encoder's Hugging Face directory");
  }
  if (has_model) return {kSentencePieceName, read_bytes(root / kSentencePieceName), std::nullopt};

  TokenizerFile file{kVocabName, read_bytes(root / kVocabName), std::nullopt};
  if (fs::exists(root / kConfigName)) file.tokenizer_config = read_bytes(root / kConfigName);
  return file;
}

std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& directory) {
  return make_tokenizer(read_tokenizer_file(directory), directory);
}

}  // namespace madx
