#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace madx {

/// A part of a sentence that fits into the encoder. All are indices of words. The encoder reads
/// [begin, end); predictions are taken for [keep_begin, keep_end), the rest is context.
struct Window {
  std::size_t begin;       ///< first word that is read
  std::size_t end;         ///< one past the last
  std::size_t keep_begin;  ///< first word whose prediction counts
  std::size_t keep_end;    ///< one past the last
};

/// Cuts a sentence, given as the number of sub-words of each word, into windows of at most `limit`
/// sub-words (special tokens not counted) that share at most `overlap` sub-words with their
/// neighbour. The kept ranges are not empty, follow one another and cover every word once: a word
/// that several windows hold is kept where it is farthest from the nearer cut. One window for a
/// sentence within the limit, none for a sentence without words. A word of more than `limit`
/// sub-words gets a window of its own, which the caller has to truncate.
/// Throws c10::Error unless limit >= 1, 0 <= overlap < limit and no count is negative.
std::vector<Window> make_windows(const std::vector<std::int64_t>& subword_counts,
                                 std::int64_t limit, std::int64_t overlap);

/// The same with an overlap of a quarter of the limit.
inline std::vector<Window> make_windows(const std::vector<std::int64_t>& subword_counts,
                                        std::int64_t limit) {
  return make_windows(subword_counts, limit, limit / 4);
}

}  // namespace madx
