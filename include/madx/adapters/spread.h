#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "madx/adapters/composition.h"

namespace madx::detail {

/// A composition without batch splits and parallel blocks, and the sequences that it is for.
struct Stretch {
  int64_t sequences;  // -1: all there are
  Composition composition;
};

/// By channel (one, or one a member of a parallel block), the stretches of the batch in order.
/// Throws InputError where sizes of blocks do not fit together.
std::vector<std::vector<Stretch>> spread(const Composition& composition);

}  // namespace madx::detail
