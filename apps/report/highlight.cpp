#include "apps/report/highlight.h"

#include <array>
#include <stdexcept>

#include "apps/report/entity_colours.h"
#include "madx/data/tags.h"

namespace madx::apps {
namespace {

// Pale backgrounds of the 256-colour palette: black text reads well on each, in light and dark
// terminals.
constexpr std::array<int, detail::kEntityColours> kBackgrounds = {153, 157, 223, 225,
                                                                  229, 159, 217, 189};

std::string printable(const std::string& token) {
  std::string text = token;
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

std::string highlight(const std::vector<std::string>& tokens, const std::vector<std::string>& tags,
                      bool colour) {
  if (tokens.size() != tags.size()) {
    throw std::invalid_argument("highlight: expected a tag for each of " +
                                std::to_string(tokens.size()) + " tokens, but got " +
                                std::to_string(tags.size()));
  }
  const std::vector<Span> spans = spans_of(tags);
  auto span = spans.begin();
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) text += ' ';
    const bool opens = span != spans.end() && i == span->begin;
    if (opens && colour) {
      text +=
          "\x1b[30;48;5;" + std::to_string(kBackgrounds[detail::entity_colour(span->type)]) + "m ";
    } else if (opens) {
      text += '[';
    }
    text += printable(tokens[i]);
    if (span != spans.end() && i + 1 == span->end) {
      text += colour ? " \x1b[1m" + printable(span->type) + " \x1b[0m"
                     : " " + printable(span->type) + "]";
      ++span;
    }
  }
  return text;
}

}  // namespace madx::apps
