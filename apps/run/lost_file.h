#pragma once

#include <string>

namespace madx::apps {

/// From here on, a mapped file that is cut short while `program` reads it ends the process with
/// status 1 and a line that names the file, in place of a signal. So does a write beyond the size
/// that files may have (`ulimit -f`), as one to a full disk.
void handle_lost_files(const std::string& program);

}  // namespace madx::apps
