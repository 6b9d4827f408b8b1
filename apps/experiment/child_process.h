#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace madx::apps {

/// How a program that was run as a child ended.
struct ChildResult {
  int status = 0;           ///< exit status; 128 + the signal that ended it
  int signal = 0;           ///< that ended it, or 0
  double seconds = 0;       ///< it ran
  int64_t peak_memory = 0;  ///< bytes, resident
};

/// Runs `command`, its first word the path of a program, until it ends; what it prints is added to
/// the file `log`. `go_on` is asked a few times a second: when it says no, the child is sent
/// SIGTERM, once, and waited for. A child does not outlive this process. Throws MachineError where
/// none can be started.
ChildResult run_child(const std::vector<std::string>& command, const std::string& log,
                      const std::function<bool()>& go_on);

}  // namespace madx::apps
