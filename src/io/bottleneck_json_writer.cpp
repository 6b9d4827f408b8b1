#include <algorithm>
#include <cmath>
#include <iterator>

#include "io/bottleneck_json.h"
#include "madx/io/adapter_config.h"

namespace madx::io {
namespace {

using nlohmann::json;

// Keys that mean nothing without hypercomplex layers: they are kept as they are.
constexpr const char* kPassiveKeys[] = {"factorized_phm_W",
                                        "factorized_phm_rule",
                                        "hypercomplex_nonlinearity",
                                        "learn_phm",
                                        "phm_bias",
                                        "phm_c_init",
                                        "phm_dim",
                                        "phm_init_range",
                                        "phm_rank",
                                        "shared_W_phm",
                                        "shared_phm_rule"};

// Whole factors are whole numbers in AdapterHub's files: 16, not 16.0.
json factor_json(double factor) {
  constexpr double kLargestExact = 1e15;
  if (factor == std::floor(factor) && factor < kLargestExact) return static_cast<int64_t>(factor);
  return factor;
}

json reduction_factor_json(const BottleneckConfig& config) {
  if (config.layer_reduction_factors.empty()) return factor_json(config.reduction_factor);
  json factors = json::object();
  if (config.reduction_factor > 0) factors["default"] = factor_json(config.reduction_factor);
  for (const auto& [layer, factor] : config.layer_reduction_factors) {
    factors[std::to_string(layer)] = factor_json(factor);
  }
  return factors;
}

json residual_json(ResidualSource source) {
  if (source == ResidualSource::kPostAdd) return "post_add";
  return source == ResidualSource::kBeforeLayerNorm;
}

// Puts the spelling of the file where it means what the configuration says.
void spell_as_read(const BottleneckConfig& config, json& keys) {
  const auto is_passive = [&](const std::string& key) {
    const auto same = [&](const char* passive) { return key == passive; };
    return std::any_of(std::begin(kPassiveKeys), std::end(kPassiveKeys), same) ||
           (key == "inv_adapter_reduction_factor" && !config.has_invertible());
  };
  for (const auto& [key, text] : config.spelling) {
    const json spelled = json::parse(text);
    const auto& value = keys.at(key);
    const bool is_none = value == false || value == 0 || value == json::array();
    if (is_passive(key) || spelled == value || (spelled.is_null() && is_none)) keys[key] = spelled;
  }
}

json scaling_json(const BottleneckConfig& config) {
  switch (config.scaling_kind) {
    case ScalingKind::kLearned:
      return "learned";
    case ScalingKind::kChannel:
      return "channel";
    case ScalingKind::kFixed:
      return config.scaling;
  }
  return nullptr;
}

}  // namespace

json bottleneck_json(const BottleneckConfig& config) {
  json inv_adapter, inv_factor;  // null
  if (config.has_invertible()) {
    inv_adapter = config.inv_adapter;
    inv_factor = factor_json(config.inv_adapter_reduction_factor);
  }
  json keys = {
      {"adapter_residual_before_ln", config.adapter_residual_before_ln},
      {"cross_adapter", config.cross_adapter},
      {"dropout", config.dropout},
      {"factorized_phm_W", true},
      {"factorized_phm_rule", false},
      {"hypercomplex_nonlinearity", "glorot-uniform"},
      {"init_weights", config.init_weights},
      {"init_weights_seed", config.init_weights_seed < 0 ? json() : json(config.init_weights_seed)},
      {"inv_adapter", inv_adapter},
      {"inv_adapter_reduction_factor", inv_factor},
      {"is_parallel", config.is_parallel},
      {"learn_phm", true},
      {"leave_out", config.leave_out},
      {"ln_after", config.ln_after},
      {"ln_before", config.ln_before},
      {"mh_adapter", config.mh_adapter},
      {"non_linearity", config.non_linearity},
      {"original_ln_after", config.original_ln_after},
      {"original_ln_before", config.original_ln_before},
      {"output_adapter", config.output_adapter},
      {"phm_bias", true},
      {"phm_c_init", "normal"},
      {"phm_dim", 4},
      {"phm_init_range", 0.0001},
      {"phm_layer", false},
      {"phm_rank", 1},
      {"reduction_factor", reduction_factor_json(config)},
      {"residual_before_ln", residual_json(config.residual_before_ln)},
      {"scaling", scaling_json(config)},
      {"shared_W_phm", false},
      {"shared_phm_rule", true},
      {"stochastic_depth", config.stochastic_depth},
      {"use_gating", config.use_gating},
  };
  spell_as_read(config, keys);
  return keys;
}

std::map<std::string, std::string> config_values(const BottleneckConfig& config) {
  std::map<std::string, std::string> values;
  const auto keys = bottleneck_json(config);
  for (const auto& [key, value] : keys.items()) values[key] = value.dump();
  return values;
}

}  // namespace madx::io
