#include "io/bottleneck_json.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "madx/core/error.h"

namespace madx::io {
namespace {

using nlohmann::json;

// Smaller ones would make bottlenecks a thousand times as wide as the encoder.
constexpr double kSmallestFactor = 0.001;
constexpr const char* kFactor = "a number of at least 0.001";

bool is_factor(const json& value) {
  return value.is_number() && std::isfinite(value.get<double>()) &&
         value.get<double>() >= kSmallestFactor;
}

// A whole number from 0 to 9999, as Python writes it; -1 for anything else.
int64_t parse_layer(const std::string& text) {
  if (text.empty() || text.size() > 4 || (text.size() > 1 && text[0] == '0') ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return -1;
  }
  return std::atoi(text.c_str());
}

// A factor for all layers, or {"default": factor, "3": factor of layer 3, ...}; without "default"
// every layer needs its own.
void set_reduction_factor(const JsonObject& object, BottleneckConfig& config) {
  constexpr const char* kKey = "reduction_factor";
  const auto& value = object.at(kKey);
  config.layer_reduction_factors.clear();
  if (!value.is_object()) {
    if (!is_factor(value)) {
      object.refuse(kKey, std::string(kFactor) + " or an object of them by layer");
    }
    config.reduction_factor = value.get<double>();
    return;
  }
  config.reduction_factor = 0;
  for (const auto& [layer, factor] : value.items()) {
    if (!is_factor(factor) || (layer != "default" && parse_layer(layer) < 0)) {
      object.refuse(kKey, "an object of numbers of at least 0.001 by layer");
    }
    if (layer == "default") {
      config.reduction_factor = factor.get<double>();
    } else {
      config.layer_reduction_factors[parse_layer(layer)] = factor.get<double>();
    }
  }
  if (value.empty()) object.refuse(kKey, "an object with a \"default\" or every layer");
}

void set_leave_out(const JsonObject& object, BottleneckConfig& config) {
  constexpr const char* kExpected = "a list of layers, counted from 0";
  config.leave_out.clear();
  if (!object.has("leave_out")) return;  // null: none
  if (!object.at("leave_out").is_array()) object.refuse("leave_out", kExpected);
  for (const auto& layer : object.at("leave_out")) {
    // As it is: JSON compares a number with a signed one as signed.
    if (!layer.is_number_unsigned() || layer.get<uint64_t>() > INT64_MAX)
      object.refuse("leave_out", kExpected);
    config.leave_out.push_back(layer.get<int64_t>());
  }
}

void set_residual(const JsonObject& object, BottleneckConfig& config) {
  const auto& value = object.value().at("residual_before_ln");
  if (value == "post_add") {
    config.residual_before_ln = ResidualSource::kPostAdd;
  } else if (value.is_boolean() || value.is_null()) {
    config.residual_before_ln =
        value == true ? ResidualSource::kBeforeLayerNorm : ResidualSource::kAfterLayerNorm;
  } else {
    object.refuse("residual_before_ln", "true, false or \"post_add\"");
  }
}

void set_scaling(const JsonObject& object, BottleneckConfig& config) {
  const auto& value = object.value().at("scaling");
  if (value == "learned" || value == "channel") {
    config.scaling_kind = value == "learned" ? ScalingKind::kLearned : ScalingKind::kChannel;
    config.scaling = 1.0;
  } else if (value.is_number()) {
    config.scaling_kind = ScalingKind::kFixed;
    config.scaling = value.get<double>();
  } else {
    object.refuse("scaling", "a number, \"learned\" or \"channel\"");
  }
}

void set_probability(const JsonObject& object, const char* key, double& field) {
  if (!object.value().contains(key)) return;
  field = object.has(key) ? object.number(key) : 0;
  if (!(field >= 0 && field <= 1)) object.refuse(key, "a probability from 0 to 1");
}

// Two keys today; one nested object in AdapterHub's first version.
void set_invertible(const JsonObject& object, BottleneckConfig& config) {
  const bool had_invertible = config.has_invertible();
  const bool nested = object.has("invertible_adapter") && !object.at("invertible_adapter").empty();
  const JsonObject source = nested ? object.object("invertible_adapter") : object;
  const char* const kind_key = nested ? "block_type" : "inv_adapter";
  const char* const factor_key = nested ? "reduction_factor" : "inv_adapter_reduction_factor";

  if (source.has(kind_key)) {
    config.inv_adapter = source.text(kind_key);
    if (config.inv_adapter == "glow") {
      source.refuse(kind_key, "\"nice\"",
                    "\"glow\" fails in AdapterHub itself, train the adapter with \"nice\"");
    }
    if (config.inv_adapter != "nice") source.refuse(kind_key, "\"nice\" or null");
  } else if (source.value().contains(kind_key)) {
    config.inv_adapter.clear();
  }
  if (source.has(factor_key)) {
    if (!is_factor(source.at(factor_key))) source.refuse(factor_key, kFactor);
    config.inv_adapter_reduction_factor = source.number(factor_key);
    config.spelling["inv_adapter_reduction_factor"] = source.at(factor_key).dump();
  } else if (config.has_invertible() && (!had_invertible || source.value().contains(factor_key))) {
    source.at(factor_key);  // refuses: AdapterHub has no default here
  }
}

void refuse_what_is_not_computed(const JsonObject& object) {
  const auto refuse_true = [&](const char* key, const char* advice) {
    if (object.has(key) && object.flag(key)) object.refuse(key, "false", advice);
  };
  refuse_true("cross_adapter", "encoders have no cross-attention");
  refuse_true("phm_layer", "hypercomplex layers (compacter) are not supported, use linear ones");
}

// Keeps how the values of the 33 keys are spelled.
void keep_spelling(const JsonObject& object, BottleneckConfig& config) {
  const json known = bottleneck_json(config);
  for (const auto& [key, value] : object.value().items()) {
    if (!known.contains(key)) continue;
    config.spelling[key] = value.dump(-1, ' ', true, json::error_handler_t::replace);
  }
}

}  // namespace

void set_bottleneck_keys(const JsonObject& object, BottleneckConfig& config) {
  refuse_what_is_not_computed(object);
  keep_spelling(object, config);
  const auto set_flag = [&](const char* key, bool& field) {
    if (object.value().contains(key)) field = object.has(key) && object.flag(key);  // null: false
  };
  set_flag("mh_adapter", config.mh_adapter);
  set_flag("output_adapter", config.output_adapter);
  if (object.has("reduction_factor")) set_reduction_factor(object, config);
  if (object.value().contains("leave_out")) set_leave_out(object, config);
  if (object.has("non_linearity")) config.non_linearity = object.text("non_linearity");
  set_flag("original_ln_before", config.original_ln_before);
  set_flag("original_ln_after", config.original_ln_after);
  set_flag("ln_before", config.ln_before);
  set_flag("ln_after", config.ln_after);
  if (object.value().contains("residual_before_ln")) set_residual(object, config);
  set_flag("adapter_residual_before_ln", config.adapter_residual_before_ln);
  set_flag("is_parallel", config.is_parallel);
  if (object.value().contains("scaling")) set_scaling(object, config);
  set_flag("use_gating", config.use_gating);
  set_probability(object, "dropout", config.dropout);
  set_probability(object, "stochastic_depth", config.stochastic_depth);
  if (object.has("init_weights")) {
    config.init_weights = object.text("init_weights");
    const auto& way = config.init_weights;
    if (way != "bert" && way != "mam_adapter" && way != "houlsby") {
      object.refuse("init_weights", "\"bert\", \"mam_adapter\" or \"houlsby\"");
    }
  }
  if (object.has("init_weights_seed")) {
    config.init_weights_seed = object.integer("init_weights_seed");
    if (config.init_weights_seed < 0) object.refuse("init_weights_seed", "null or at least 0");
  } else if (object.value().contains("init_weights_seed")) {
    config.init_weights_seed = -1;
  }
  set_invertible(object, config);
}

}  // namespace madx::io
