#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "byte_trie.h"
#include "madx/data/tokenizer.h"
#include "sentencepiece_file.h"

namespace madx {

inline constexpr std::string_view kWordMark = "\u2581";  // ▁, which SentencePiece puts for a space

/// Readable text of a tokenizer's pieces put end to end, special ones left out: a space for each ▁,
/// none at the ends.
std::string text_of_pieces(const Tokenizer& tokenizer, const std::vector<int64_t>& ids);

/// A unigram model: of all ways to split a word into pieces, the one with the highest sum of
/// scores.
///
/// Sums are in double and begin anew at each word, so a word is split the same wherever it stands.
/// Where two ways have one score, the one with the longer last piece counts. That is what
/// transformers' fast tokenizer does, and SentencePiece 0.2 but where its sums in float are
/// rounded; 0.1.9x compared a sum in double with one rounded to float, and took either.
class Unigram {
 public:
  /// Whether a piece, or a run of unknown characters, may reach over a ▁ into the next word.
  enum class Words { kJoined, kAlone };

  /// Piece i has id i. Only normal pieces are found in text, by their scores; a character that is
  /// none of them is `unknown`, at `lowest_score` less 10. Throws InputError, naming `path`, for a
  /// piece that is there twice.
  Unigram(const std::vector<UnigramPiece>& pieces, int64_t unknown, double lowest_score,
          const std::string& path, Words words = Words::kJoined);

  /// Appends the ids of `text`, in which ▁ stands for each space. Neighbouring unknown characters
  /// are one id.
  void append_ids(std::string_view text, std::vector<int64_t>& ids) const;

 private:
  struct Best {  // the best way to split what ends here
    double score;
    uint32_t start;  // of its last piece
    int32_t id;      // of its last piece; below 0 before one is found
  };

  void append_word(std::string_view word, std::vector<Best>& best, std::vector<int64_t>& ids) const;

  ByteTrie trie_;
  std::vector<double> score_;  // by id
  double unknown_score_;
  int32_t unknown_;
  Words words_;
  bool splits_words_ = true;  // no piece reaches over a space
};

}  // namespace madx
