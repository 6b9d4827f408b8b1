#pragma once

#include <string>
#include <string_view>

namespace madx {

/// Whether a reader sees nothing where this code point (its UTF-8 bytes) stands: white space of any
/// kind, control and format characters (U+00AD, U+200B, U+200E, U+FEFF, ...), variation selectors
/// and fillers.
bool is_invisible(std::string_view code_point);

/// `text` without invisible characters at its ends.
std::string_view trim_invisible(std::string_view text);

/// Whether `text` has nothing but invisible characters: what a reader takes for an empty line.
inline bool is_blank(std::string_view text) { return trim_invisible(text).empty(); }

/// Whether `text` is UTF-8 without control characters: a name that can stand in JSON, in a file's
/// name and in a message.
bool is_plain_name(std::string_view text);

/// The user's text in a message of one line: in quotation marks, cut to 40 characters, invisible
/// ones but the plain space written as <U+00A0>. For every message that shows text out of a file.
std::string in_quotes(std::string_view text);

}  // namespace madx
