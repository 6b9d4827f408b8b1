#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "madx/core/error.h"

namespace madx {

/// Where the residual of a bottleneck starts (AdapterHub's `residual_before_ln`).
enum class ResidualSource {
  kBeforeLayerNorm,  ///< true: the output of what lies below, before the sum with the block's input
  kAfterLayerNorm,   ///< false: the adapter's own input
  kPostAdd,          ///< "post_add": after the sum with the block's input, before the LayerNorm
};

/// The factor on a bottleneck's output: a number, or learned (one value, or one a channel).
enum class ScalingKind { kFixed, kLearned, kChannel };

/// The configuration of a set of adapters, one a site: AdapterHub's bottleneck keys, same names,
/// same defaults. Read from and written to adapter_config.json by io/adapter_config.h.
struct BottleneckConfig {
  bool mh_adapter = false;       ///< a site after the attention output
  bool output_adapter = true;    ///< a site after the feed-forward output
  bool cross_adapter = false;    ///< a site after cross-attention: encoders have none
  double reduction_factor = 16;  ///< hidden size / bottleneck size; 0: by layer alone
  std::map<int64_t, double>
      layer_reduction_factors;     ///< layers that differ from `reduction_factor`
  std::vector<int64_t> leave_out;  ///< layers without an adapter
  std::string non_linearity =
      "relu";  ///< between down and up, by AdapterHub's name: "relu", "gelu", "swish", ...

  bool original_ln_before = true;  ///< the adapter reads LN(f + a) instead of f
  bool original_ln_after = true;   ///< the block ends with LN(y + a)
  bool ln_before = false;          ///< a LayerNorm of the adapter's own before `down`
  bool ln_after = false;           ///< and after `up`
  ResidualSource residual_before_ln = ResidualSource::kBeforeLayerNorm;  ///< what is added
  bool adapter_residual_before_ln =
      false;                 ///< the residual is added before the adapter's own last LayerNorm
  bool is_parallel = false;  ///< the adapter reads the block's input

  ScalingKind scaling_kind = ScalingKind::kFixed;  ///< a number, or learned
  double scaling = 1.0;                            ///< of the output, where it is a number
  bool use_gating = false;        ///< a learned factor of the output for each sequence
  double dropout = 0.0;           ///< of the output, in training
  double stochastic_depth = 0.0;  ///< probability that a sequence skips the adapter, in training
  std::string init_weights = "bert";  ///< bert, mam_adapter or houlsby
  int64_t init_weights_seed = -1;     ///< -1: none

  std::string inv_adapter;  ///< "" (none) or "nice"
  double inv_adapter_reduction_factor =
      2;  ///< half the hidden size, which F and G see each, by their bottleneck size

  /// How a file spells values that can be spelled in several ways (16 or 16.0, [] or null), and its
  /// values of keys that mean nothing without others (phm_dim): JSON by key. They are written as
  /// they were read, as Python does.
  std::map<std::string, std::string> spelling;

  bool has_invertible() const { return !inv_adapter.empty(); }  ///< whether it has one
  bool leaves_out(int64_t layer) const;  ///< whether no adapter is in this layer
  /// Bottleneck size in `layer`: hidden // reduction factor, as Python rounds it, at least 1.
  /// Throws InputError where there is no factor for the layer, and for more than 2^20 units.
  int64_t bottleneck_size(int64_t hidden, int64_t layer) const;
};

/// AdapterHub's named configurations: pfeiffer (seq_bn), houlsby (double_seq_bn), parallel
/// (par_bn), scaled_par_bn. Throws InputError, with the names there are, for another one.
BottleneckConfig named_config(const std::string& name);

namespace detail {

/// size / factor, rounded down as Python's `//` does it: 768 // 12.8 is 59, for 12.8 is a little
/// more as a double, though the quotient of doubles is 60. At least 1.
inline int64_t reduced_size(int64_t size, double factor) {
  const auto whole = static_cast<double>(size);
  return std::max<int64_t>(1, std::llround((whole - std::fmod(whole, factor)) / factor));
}

}  // namespace detail

inline bool BottleneckConfig::leaves_out(int64_t layer) const {
  for (const auto left : leave_out) {
    if (left == layer) return true;
  }
  return false;
}

inline int64_t BottleneckConfig::bottleneck_size(int64_t hidden, int64_t layer) const {
  const auto own = layer_reduction_factors.find(layer);
  const auto factor = own == layer_reduction_factors.end() ? reduction_factor : own->second;
  if (factor <= 0) {
    input_error("reduction_factor: expected a number above 0 for layer ", layer, ", but found ",
                factor, "; give one, or a \"default\"");
  }
  constexpr double kLargest = 1 << 20;
  if (static_cast<double>(hidden) / factor > kLargest) {
    input_error("reduction_factor: expected a bottleneck of at most ",
                static_cast<int64_t>(kLargest), " units, but ", hidden, " / ", factor,
                " are more; give a larger factor");
  }
  return detail::reduced_size(hidden, factor);
}

}  // namespace madx
