#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace madx {

/// Ids with a meaning of their own. XLM-R: `<s>` 0, `</s>` 2, `<pad>` 1, `<unk>` 3, `<mask>` the
/// last id. BERT: [CLS], [SEP], [PAD], [UNK], [MASK], wherever vocab.txt has them.
struct SpecialTokens {
  int64_t bos;   ///< begins a sequence
  int64_t eos;   ///< ends a sequence
  int64_t pad;   ///< fills up; nothing here needs it
  int64_t unk;   ///< stands for what the vocabulary lacks
  int64_t mask;  ///< stands for what is to be predicted
};

/// Text to sub-word ids and back. Text is UTF-8; check it with first_invalid_utf8() where it
/// enters, for here a malformed byte becomes a replacement character. Const methods may be called
/// from many threads at once.
///
/// Raw text never yields a special id other than unk: the characters "<mask>" or "[SEP]" in a
/// corpus are split like any others. (Hugging Face looks such strings up by default; with that, a
/// web page that quotes "</s>" would end the sequence.) Other tokens that were added to the
/// vocabulary, such as "<entity>" or a name, are found in raw text, as Hugging Face does.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Sub-word ids of `text`, without bos and eos. Empty for text that holds nothing visible.
  virtual std::vector<int64_t> encode(std::string_view text) const = 0;

  /// `ids` between bos and eos: a sequence as encoders take it.
  std::vector<int64_t> with_ends(std::vector<int64_t> ids) const;

  /// with_ends(encode(text)), at most `max_length` ids: of a longer text the end is left out.
  /// Throws InputError for a `max_length` below 2.
  std::vector<int64_t> encode_sequence(
      std::string_view text, int64_t max_length = std::numeric_limits<int64_t>::max()) const;

  /// Sub-word ids of each word on its own. A word that would vanish (empty, or a lone zero-width
  /// character) becomes unk, so that each word has a first sub-word to carry its tag.
  std::vector<std::vector<int64_t>> encode_words(const std::vector<std::string>& words) const;

  /// Readable text of `ids`, special tokens left out. Not the original text: normalization is not
  /// undone.
  virtual std::string decode(const std::vector<int64_t>& ids) const = 0;

  /// The sub-word with this id as the vocabulary writes it ("▁river", "##s", "<mask>"). Throws
  /// InputError for an id outside [0, vocab_size()).
  virtual std::string piece(int64_t id) const = 0;

  /// Number of ids: the rows of the word embedding that text and special tokens can reach.
  virtual int64_t vocab_size() const = 0;

  /// The ids with a meaning of their own.
  const SpecialTokens& special() const { return special_; }
  /// Whether `id` is one of them.
  bool is_special(int64_t id) const;

 protected:
  /// For a derived class, which knows the ids.
  explicit Tokenizer(const SpecialTokens& special) : special_(special) {}

  /// Throws InputError unless `id` is in [0, vocab_size()).
  void check_id(int64_t id) const;

 private:
  SpecialTokens special_;
};

/// A tokenizer as it is stored, in a directory or inside an encoder's archive.
struct TokenizerFile {
  std::string name;   ///< "sentencepiece.bpe.model" (XLM-R), "vocab.txt" (BERT), "tokenizer.json"
  std::string bytes;  ///< the file's content
  std::optional<std::string> tokenizer_config = std::nullopt;  ///< of tokenizer_config.json
  std::optional<std::string> added_tokens = std::nullopt;      ///< of added_tokens.json
  /// Content of tokenizer.json beside another file, which it then gives its added tokens.
  std::optional<std::string> tokenizer_json = std::nullopt;

  /// All that is stored: name and content.
  std::vector<std::pair<std::string, std::string>> all() const;
};

/// The names of all files that a tokenizer may be stored in.
const std::vector<std::string>& tokenizer_file_names();

/// Makes the tokenizer that `file.name` asks for. `where` is the directory or archive that holds
/// the file; messages name it. Throws InputError for a damaged file, one that is not XLM-R's or
/// BERT's, or added tokens that contradict it.
///
/// From sentencepiece.bpe.model and vocab.txt ids are those of transformers' Python tokenizers:
/// BERT's composes a text to NFC. Its `do_lower_case`, `strip_accents` and
/// `tokenize_chinese_chars` come from tokenizer_config.json. Where `do_lower_case` is not
/// said, the vocabulary tells: a lower-cased one has no piece with a letter A to Z, except those in
/// brackets such as [CLS]. (transformers would lower-case for a cased vocabulary as well.)
///
/// From tokenizer.json ids are those of transformers' fast tokenizers: a Unigram or WordPiece model
/// and the normalizers that XLM-R's and BERT's files have. Any other is refused by its name.
///
/// Added tokens come from all of the files; they are cut out of a text in the same way, Python's or
/// the fast one.
std::shared_ptr<const Tokenizer> make_tokenizer(const TokenizerFile& file,
                                                const std::string& where);

/// Finds the tokenizer among files: sentencepiece.bpe.model or vocab.txt, else tokenizer.json.
/// `read` gives a file's content, std::nullopt where there is none. std::nullopt where none of the
/// three is there; InputError, naming `where`, for both of the first two.
std::optional<TokenizerFile> find_tokenizer_file(
    const std::function<std::optional<std::string>(const std::string& name)>& read,
    const std::string& where);

/// Reads the tokenizer's files from `directory`. Throws InputError where there are none, or none
/// that is supported: RoBERTa's BPE (vocab.json, merges.txt) is not.
TokenizerFile read_tokenizer_file(const std::string& directory);

/// make_tokenizer(read_tokenizer_file(directory), directory).
std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& directory);

}  // namespace madx
