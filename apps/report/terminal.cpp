#include "apps/report/terminal.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cstdlib>
#include <string>

#include "madx/data/utf8.h"

namespace madx::apps {
namespace {

// The C library's widths need a UTF-8 locale; it is set for this thread and these calls only,
// whatever the program's is.
class Utf8Locale {
 public:
  Utf8Locale() : previous_(uselocale(utf8())) {}
  ~Utf8Locale() { uselocale(previous_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  // Without C.UTF-8 every character is one column wide: tables of such a system may be off by a few
  // blanks.
  static locale_t utf8() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }

  locale_t previous_;
};

// Under a Utf8Locale.
int64_t character_width(std::string_view character) {
  wchar_t wide = 0;
  std::mbstate_t state{};
  const size_t bytes = mbrtowc(&wide, character.data(), character.size(), &state);
  if (bytes != character.size()) return 1;
  const int width = wcwidth(wide);
  return width < 0 ? 1 : width;
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

bool is_terminal(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return isatty(descriptor) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool wants_colour(int descriptor) { return is_terminal(descriptor) && !is_set("NO_COLOR"); }

int64_t terminal_width(int descriptor) {
  winsize size{};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

int64_t display_width(std::string_view text) {
  const Utf8Locale locale;
  int64_t width = 0;
  for (const std::string_view character : split_utf8(text)) width += character_width(character);
  return width;
}

std::string fit_width(std::string_view text, int64_t width) {
  const int64_t needed = display_width(text);
  if (needed <= width)
    return std::string(text) + std::string(static_cast<size_t>(width - needed), ' ');
  if (width <= 0) return "";

  const Utf8Locale locale;
  std::string fitted;
  int64_t used = 0;
  for (const std::string_view character : split_utf8(text)) {
    const int64_t next = character_width(character);
    if (used + next > width - 1) break;
    fitted += character;
    used += next;
  }
  return fitted + "…" + std::string(static_cast<size_t>(width - 1 - used), ' ');
}

}  // namespace madx::apps
