#pragma once

#include <ATen/ATen.h>

#include <string>

namespace madx::ops {

/// The non-linearities that AdapterHub's configurations name: those of Hugging Face's ACT2FN
/// without weights of their own.
enum class Activation {
  kRelu,
  kGelu,
  kGeluTanh,
  kGeluClipped,
  kQuickGelu,
  kSilu,
  kMish,
  kTanh,
  kSigmoid,
  kLeakyRelu,
  kRelu6,
  kReluSquared,
  kLaplace,
  kLinear
};

/// A name that parse_activation reads as this one.
const char* activation_name(Activation activation);

/// By AdapterHub's names, in any case. Throws InputError with the known names for another one, and
/// for one with weights of its own.
Activation parse_activation(const std::string& name);

/// x of any shape -> the same shape.
at::Tensor activate(const at::Tensor& x, Activation activation);

/// U act(D x + b_D) + b_U: Houlsby et al. 2019, section 2; MAD-X equation 1 without its residual.
/// x (..., hidden), down (bottleneck, hidden), up (hidden, bottleneck) -> (..., hidden)
at::Tensor bottleneck(const at::Tensor& x, const at::Tensor& down_weight,
                      const at::Tensor& down_bias, const at::Tensor& up_weight,
                      const at::Tensor& up_bias, Activation activation);

}  // namespace madx::ops
