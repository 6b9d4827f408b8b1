#pragma once

namespace madx::cpu {

/// Whether the kernels of this folder were built with libxsmm. Without it they give the same results
/// from plain loops, slower than LibTorch's own operations, which ops then call instead.
bool available();

}  // namespace madx::cpu
