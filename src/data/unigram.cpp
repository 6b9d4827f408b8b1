#include "unigram.h"

#include <algorithm>

#include "madx/core/error.h"
#include "madx/data/utf8.h"

namespace madx {

std::string text_of_pieces(const Tokenizer& tokenizer, const std::vector<int64_t>& ids) {
  std::string pieces;
  for (const int64_t id : ids) {
    if (!tokenizer.is_special(id)) pieces += tokenizer.piece(id);
  }
  for (size_t at = 0; (at = pieces.find(kWordMark, at)) != std::string::npos; ++at) {
    pieces.replace(at, kWordMark.size(), " ");
  }
  pieces.erase(pieces.find_last_not_of(' ') + 1);
  return pieces.erase(0, pieces.find_first_not_of(' '));
}

Unigram::Unigram(const std::vector<UnigramPiece>& pieces, int64_t unknown, double lowest_score,
                 const std::string& path, Words words)
    : unknown_score_(lowest_score - 10), unknown_(static_cast<int32_t>(unknown)), words_(words) {
  ByteTrie::Keys keys;
  for (const auto& piece : pieces) {
    const auto id = static_cast<int32_t>(score_.size());
    score_.push_back(piece.score);
    if (piece.kind != UnigramPiece::kNormal) continue;
    keys.emplace_back(piece.text, id);
    if (words == Words::kJoined && piece.text.find(kWordMark, 1) != std::string::npos)
      splits_words_ = false;
  }
  trie_ = ByteTrie(std::move(keys));
  if (trie_.repeated()) {
    input_error(path, ": expected every piece once, but found '", *trie_.repeated(),
                "' twice; copy the file again from the encoder's Hugging Face directory");
  }
}

void Unigram::append_ids(std::string_view text, std::vector<int64_t>& ids) const {
  std::vector<Best> best;
  auto ids_before = static_cast<int64_t>(ids.size());
  const auto unknown = [&](int64_t a, int64_t b) { return a == unknown_ && b == unknown_; };
  while (!text.empty()) {
    const size_t end = splits_words_ ? std::min(text.find(kWordMark, 1), text.size()) : text.size();
    append_word(text.substr(0, end), best, ids);
    text.remove_prefix(end);
    if (words_ == Words::kJoined && !text.empty()) continue;
    ids.erase(std::unique(ids.begin() + ids_before, ids.end(), unknown), ids.end());
    ids_before = static_cast<int64_t>(ids.size());
  }
}

void Unigram::append_word(std::string_view word, std::vector<Best>& best,
                          std::vector<int64_t>& ids) const {
  best.assign(word.size() + 1, {0, 0, ByteTrie::kNone});
  const auto offer = [&](size_t start, size_t end, double score, int32_t id) {
    score += best[start].score;
    if (best[end].id < 0 || score > best[end].score)
      best[end] = {score, static_cast<uint32_t>(start), id};
  };
  for (size_t start = 0, next = 0; start < word.size(); start = next) {
    next = start + std::max<size_t>(code_point_length(word.substr(start)), 1);
    bool is_piece = false;  // the character at `start`
    uint32_t node = 0;
    for (size_t at = start; at < word.size() && (node = trie_.child(node, word[at])) != 0; ++at) {
      const int32_t id = trie_.number(node);
      if (id == ByteTrie::kNone) continue;
      offer(start, at + 1, score_[static_cast<size_t>(id)], id);
      is_piece = is_piece || at + 1 == next;
    }
    if (!is_piece) offer(start, next, unknown_score_, unknown_);
  }

  const auto ids_before = static_cast<int64_t>(ids.size());
  for (size_t end = word.size(); end > 0; end = best[end].start) ids.push_back(best[end].id);
  std::reverse(ids.begin() + ids_before, ids.end());
}

}  // namespace madx
