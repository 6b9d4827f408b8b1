#pragma once

#include <functional>
#include <string>

namespace madx::apps {

/// What every program does around its work: errors become one line on standard error and an exit
/// status.
///   0 done · 1 the machine failed (disk full, out of memory) · 2 bad input or usage · 130 Ctrl-C
///   or SIGTERM
/// Ctrl-C and SIGTERM ask a running training to write its checkpoint; a second one ends the program
/// at once.
int run_program(const std::string& name, const std::function<void()>& work);

}  // namespace madx::apps
