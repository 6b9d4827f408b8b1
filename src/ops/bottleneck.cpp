#include "madx/ops/bottleneck.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "madx/core/error.h"

namespace madx::ops {

namespace {

struct ActivationName {
  const char* name;
  Activation activation;
};

/// AdapterHub's names; of several for one, the one that is written stands first. `gelu_orig` is
/// what files from before 2021 call gelu.
constexpr ActivationName kActivationNames[] = {{"gelu", Activation::kGelu},
                                               {"gelu_orig", Activation::kGelu},
                                               {"gelu_python", Activation::kGelu},
                                               {"gelu_new", Activation::kGeluTanh},
                                               {"gelu_fast", Activation::kGeluTanh},
                                               {"gelu_accurate", Activation::kGeluTanh},
                                               {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                               {"gelu_python_tanh", Activation::kGeluTanh},
                                               {"gelu_10", Activation::kGeluClipped},
                                               {"quick_gelu", Activation::kQuickGelu},
                                               {"silu", Activation::kSilu},
                                               {"swish", Activation::kSilu},
                                               {"mish", Activation::kMish},
                                               {"tanh", Activation::kTanh},
                                               {"sigmoid", Activation::kSigmoid},
                                               {"leakyrelu", Activation::kLeakyRelu},
                                               {"leaky_relu", Activation::kLeakyRelu},
                                               {"relu", Activation::kRelu},
                                               {"relu6", Activation::kRelu6},
                                               {"relu2", Activation::kReluSquared},
                                               {"laplace", Activation::kLaplace},
                                               {"linear", Activation::kLinear}};

}  // namespace

const char* activation_name(Activation activation) {
  for (const auto& each : kActivationNames)
    if (each.activation == activation) return each.name;
  TORCH_INTERNAL_ASSERT(false, "activation without a name");
}

Activation parse_activation(const std::string& name) {
  auto lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& each : kActivationNames)
    if (lower == each.name) return each.activation;
  if (lower == "prelu" || lower == "xielu") {
    input_error("unknown non-linearity \"", name,
                "\": expected one without weights of its own, such as relu or leakyrelu");
  }
  std::string names;
  for (const auto& each : kActivationNames)
    names.append(names.empty() ? "" : ", ").append(each.name);
  input_error("unknown non-linearity \"", name, "\": expected one of ", names);
}

at::Tensor activate(const at::Tensor& x, Activation activation) {
  constexpr double kClip = 10;           // gelu_10
  constexpr double kQuickSlope = 1.702;  // quick_gelu: x sigmoid(1.702 x)
  constexpr double kLaplaceMean = 0.707107, kLaplaceDeviation = 0.282095;
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kGeluClipped:
      return at::clamp(at::gelu(x), -kClip, kClip);
    case Activation::kQuickGelu:
      return x * at::sigmoid(kQuickSlope * x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kMish:
      return at::mish(x);
    case Activation::kTanh:
      return at::tanh(x);
    case Activation::kSigmoid:
      return at::sigmoid(x);
    case Activation::kLeakyRelu:
      return at::leaky_relu(x);
    case Activation::kRelu6:
      return at::relu6(x);
    case Activation::kReluSquared:
      return at::square(at::relu(x));
    case Activation::kLaplace:
      return 0.5 * (1 + at::erf((x - kLaplaceMean) / (kLaplaceDeviation * std::sqrt(2.0))));
    case Activation::kLinear:
      return x;
  }
  TORCH_INTERNAL_ASSERT(false, "activation without a case");
}

at::Tensor bottleneck(const at::Tensor& x, const at::Tensor& down_weight,
                      const at::Tensor& down_bias, const at::Tensor& up_weight,
                      const at::Tensor& up_bias, Activation activation) {
  const auto h = activate(at::linear(x, down_weight, down_bias), activation);  // (..., bottleneck)
  return at::linear(h, up_weight, up_bias);
}

}  // namespace madx::ops
