#pragma once

#include <string>

namespace madx::apps {

/// What a user should know beside what is done: "note: TEXT", a line on standard error. It is held
/// back until `say_notes`, so that a program which refuses its input says its error alone.
void note(const std::string& text);

/// Says what is held back. Programs do it when long work begins, and when they end well.
void say_notes();

}  // namespace madx::apps
