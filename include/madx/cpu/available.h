#pragma once

#include <string>

namespace madx::cpu {

/// Whether the kernels of this folder run here: they were built with libxsmm, and libxsmm makes the
/// products that they are of on this processor and system (asked once a process: LIBXSMM_TARGET may
/// name a processor that it makes none for, and memory may not be made executable). Where they do
/// not, ops call LibTorch's own operations instead, which are slower.
bool available();

/// Where they do not run, why: a clause for a message; else empty.
std::string why_not_available();

}  // namespace madx::cpu
