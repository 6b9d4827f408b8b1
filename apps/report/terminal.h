#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace madx::apps {

/// True when the file descriptor (STDOUT_FILENO, STDERR_FILENO) is a terminal that can redraw a
/// line.
bool is_terminal(int descriptor);

/// True when the descriptor is a terminal and the user has not set NO_COLOR (https://no-color.org).
bool wants_colour(int descriptor);

/// Columns of the terminal behind the descriptor; 80 when it does not say.
int64_t terminal_width(int descriptor);

/// Columns that UTF-8 text takes in a terminal: 2 for East Asian wide characters, 0 for combining
/// marks, 1 for others and for each byte that is not UTF-8. `text` carries no escape sequences.
int64_t display_width(std::string_view text);

/// `text` filled up with spaces to `width` columns, or cut to them with "…" at its end.
std::string fit_width(std::string_view text, int64_t width);

}  // namespace madx::apps
