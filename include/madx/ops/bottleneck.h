#pragma once

#include <ATen/ATen.h>

#include <string>

#include "madx/core/error.h"

namespace madx::ops {

/// The non-linearities that AdapterHub's configurations name. Each maps to one ATen function.
enum class Activation { kRelu, kGelu, kGeluTanh, kSilu, kTanh, kSigmoid, kLeakyRelu, kLinear };

/// Throws InputError with the known names for another one. "gelu" is the exact (erf) form,
/// "gelu_new" the tanh form.
inline Activation parse_activation(const std::string& name) {
  if (name == "relu") return Activation::kRelu;
  if (name == "gelu" || name == "gelu_orig") return Activation::kGelu;
  if (name == "gelu_new") return Activation::kGeluTanh;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "tanh") return Activation::kTanh;
  if (name == "sigmoid") return Activation::kSigmoid;
  if (name == "leakyrelu") return Activation::kLeakyRelu;
  if (name == "linear") return Activation::kLinear;
  input_error(
      "unknown non-linearity \"", name,
      "\": expected relu, gelu, gelu_new, silu (swish), tanh, sigmoid, leakyrelu or linear");
}

inline at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kTanh:
      return at::tanh(x);
    case Activation::kSigmoid:
      return at::sigmoid(x);
    case Activation::kLeakyRelu:
      return at::leaky_relu(x);
    case Activation::kLinear:
      return x;
  }
  TORCH_INTERNAL_ASSERT(false, "activation without a case");
}

/// U act(D x + b_D) + b_U: Houlsby et al. 2019, section 2; MAD-X equation 1 without its residual.
/// x (..., hidden), down (bottleneck, hidden), up (hidden, bottleneck) -> (..., hidden)
inline at::Tensor bottleneck(const at::Tensor& x, const at::Tensor& down_weight,
                             const at::Tensor& down_bias, const at::Tensor& up_weight,
                             const at::Tensor& up_bias, Activation activation) {
  const auto h = activate(at::linear(x, down_weight, down_bias), activation);  // (..., bottleneck)
  return at::linear(h, up_weight, up_bias);
}

}  // namespace madx::ops
