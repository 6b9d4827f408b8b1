#pragma once

#include <cerrno>

namespace madx {

/// Whether an errno means that the machine failed (no space, descriptors or memory left, a broken
/// disk), which no other path in the command line mends.
inline bool is_machine_failure(int error) {
  return error == ENOSPC || error == EDQUOT || error == EIO || error == EMFILE || error == ENFILE ||
         error == ENOMEM;
}

}  // namespace madx
