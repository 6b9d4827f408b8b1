#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace madx {

/// forward(x), of which the backward pass keeps x alone and computes the rest again (Chen et al.
/// 2016, "Training deep nets with sublinear memory cost"): less memory for a third more time.
/// Dropout is drawn as the first time, by one thread at a time: LibTorch's generators, which all
/// threads draw from, are set back for the second. Only backward() works through it;
/// autograd::grad, or backward() with inputs, throws c10::Error. `forward` lives as long as the
/// graph and has to own what it reads.
at::Tensor recomputed(const at::Tensor& x,
                      const std::function<at::Tensor(const at::Tensor&)>& forward);

}  // namespace madx
