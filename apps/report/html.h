#pragma once

#include <string>
#include <string_view>

namespace madx::apps {

/// `text` as it may stand in HTML and SVG, between tags or in a quoted attribute. Control
/// characters, which neither allows, become U+FFFD; line breaks and tabs stay. `text` is UTF-8.
std::string escape_html(std::string_view text);

}  // namespace madx::apps
