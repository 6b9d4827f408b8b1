#include "apps/run/shell_text.h"

#include <algorithm>
#include <cctype>

namespace madx::apps {

std::string shell_text(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    const bool plain =
        !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char letter) {
          return std::isalnum(letter) ||
                 std::string("-_./=:,@+").find(static_cast<char>(letter)) != std::string::npos;
        });
    text += text.empty() ? "" : " ";
    if (plain) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char letter : word)
      text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    text += '\'';
  }
  return text;
}

}  // namespace madx::apps
