#include "madx/data/windows.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace madx {
namespace {

void check(const std::vector<std::int64_t>& subword_counts, std::int64_t limit,
           std::int64_t overlap) {
  TORCH_CHECK(limit >= 1, "make_windows: expected a limit of at least 1, but got ", limit);
  TORCH_CHECK(overlap >= 0 && overlap < limit,
              "make_windows: expected an overlap from 0 to below the limit ", limit, ", but got ",
              overlap);
  for (const std::int64_t count : subword_counts)
    TORCH_CHECK(count >= 0, "make_windows: expected counts of at least 0, but got ", count);
}

/// Element w is the number of sub-words before word w; the last one is their total.
std::vector<std::int64_t> offsets_of(const std::vector<std::int64_t>& subword_counts) {
  std::vector<std::int64_t> offsets(subword_counts.size() + 1, 0);
  for (std::size_t w = 0; w < subword_counts.size(); ++w) {
    offsets[w + 1] = offsets[w] + subword_counts[w];
  }
  return offsets;
}

/// Windows as full as can be, each beginning at most `overlap` sub-words before the end of the one
/// before and leaving room for at least one word more. Nothing is kept yet.
std::vector<Window> cover(const std::vector<std::int64_t>& offsets, std::int64_t limit,
                          std::int64_t overlap) {
  const std::size_t words = offsets.size() - 1;
  std::vector<Window> windows;
  for (std::size_t end = 0; end < words;) {
    std::size_t begin = end;
    while (begin > 0 && offsets[end] - offsets[begin - 1] <= overlap &&
           offsets[end + 1] - offsets[begin - 1] <= limit) {
      --begin;
    }
    ++end;
    while (end < words && offsets[end + 1] - offsets[begin] <= limit) ++end;
    windows.push_back({begin, end, begin, end});
  }
  return windows;
}

}  // namespace

std::vector<Window> make_windows(const std::vector<std::int64_t>& subword_counts,
                                 std::int64_t limit, std::int64_t overlap) {
  check(subword_counts, limit, overlap);
  const auto offsets = offsets_of(subword_counts);
  auto windows = cover(offsets, limit, overlap);

  // Left of the middle of what two neighbours share, a word has more context in the first one.
  for (std::size_t i = 1; i < windows.size(); ++i) {
    Window& first = windows[i - 1];
    Window& second = windows[i];
    const std::int64_t twice_middle = offsets[second.begin] + offsets[first.end];
    std::size_t cut = second.begin;
    while (cut < first.end && offsets[cut] + offsets[cut + 1] <= twice_middle) ++cut;
    first.keep_end = cut;
    second.keep_begin = cut;
  }
  windows.erase(std::remove_if(windows.begin(), windows.end(),
                               [](const Window& w) { return w.keep_begin == w.keep_end; }),
                windows.end());
  return windows;
}

}  // namespace madx
