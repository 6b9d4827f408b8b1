#pragma once

#include <string>
#include <vector>

namespace madx::apps {

/// A tagged sentence for a terminal, tokens separated by blanks: with `colour` each entity stands
/// on a background of its type's colour, its type behind it; without, in brackets: "Umujyi wa
/// [Kigali LOC]". Control characters of the tokens are shown as "?", so that no text can steer the
/// terminal. Throws std::invalid_argument when the numbers of tokens and tags differ, InputError
/// for what is not a tag.
std::string highlight(const std::vector<std::string>& tokens, const std::vector<std::string>& tags,
                      bool colour);

}  // namespace madx::apps
