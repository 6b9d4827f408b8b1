#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace madx::apps::detail {

// How many colours entity types have, in the terminal and in report.html.
inline constexpr std::size_t kEntityColours = 8;

// The colour of a type: the usual types have one each, others one of all by their name, the same in
// every run.
inline std::size_t entity_colour(std::string_view type) {
  constexpr std::array<std::string_view, 5> kUsual = {"PER", "LOC", "ORG", "DATE", "MISC"};
  std::size_t sum = 0;
  for (std::size_t i = 0; i < kUsual.size(); ++i) {
    if (type == kUsual[i]) return i;
  }
  for (const char c : type) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum % kEntityColours;
}

}  // namespace madx::apps::detail
