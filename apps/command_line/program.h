#pragma once

#include <functional>
#include <string>

namespace madx::apps {

/// How work ended: an exit status, and a message unless it is 0.
///   0 done · 1 the machine failed (disk full, out of memory) · 2 bad input or usage · 130 Ctrl-C
///   or SIGTERM
struct Outcome {
  int status = 0;
  std::string message;
};

/// Does the work. Whatever it throws becomes an outcome.
Outcome outcome_of(const std::function<void()>& work);

/// One line on standard error, for an outcome that has a message. Returns its status.
int report(const std::string& name, const Outcome& outcome);

/// What every program does around its work: errors become one line on standard error and an exit
/// status. Ctrl-C and SIGTERM ask a running training to write its checkpoint; a second one ends the
/// program at once. Where mpirun or srun started several of it, they refuse to work: each would do
/// the whole of it. Programs that share their work out call run_program_on_ranks.
int run_program(const std::string& name, const std::function<void()>& work);

}  // namespace madx::apps
