#pragma once

#include <string>
#include <string_view>

// What the project's HTML reports have in common. Names and texts are escaped here; what is called
// `html` is markup already.
namespace madx::apps {

/// A page that needs no other file: `style` is a style sheet, `body` all that the page shows.
std::string html_page(std::string_view title, std::string_view style, const std::string& body);

/// A path or a command in type of one width, from left to right in every language.
std::string html_code(std::string_view text);

/// A line of a <dl>: the name of a fact, and the fact.
std::string html_fact(std::string_view name, const std::string& html);

/// A chart, `caption` below it unless empty.
std::string html_figure(const std::string& svg, std::string_view caption = "");

/// What a click unfolds; open at first where `open`. In print it is open, but for what is long
/// (`is_long`): that is printed as the reader left it.
std::string html_fold(std::string_view summary, const std::string& html, bool open = false,
                      bool is_long = false);

/// A small label: `kind` is "right", "wrong" or "dim".
std::string html_chip(const std::string& kind, std::string_view text);

}  // namespace madx::apps
