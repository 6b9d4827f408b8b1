#pragma once

#include <optional>
#include <string>

#include "madx/core/error.h"

namespace madx {

/// The configuration of an AdapterFusion: AdapterHub's keys, same names, same defaults ("dynamic").
struct FusionConfig {
  bool query = true;             ///< a linear layer on what the members read
  bool key = true;               ///< and on each member's output, for the scores
  bool value = true;             ///< and on their weighted sum, without bias
  bool query_before_ln = false;  ///< the query is what lies below, not what the members read
  bool residual_before = false;  ///< the residual is added to each member's output, not to the sum
  bool temperature = false;      ///< scores / T: T falls from 50 to 1 over training
  bool value_before_softmax = true;    ///< the same function either way, as `value` is linear
  bool value_initialized = true;       ///< `value` starts as the identity
  bool regularization = true;          ///< 0.01 ||I - value||^2 joins the training loss
  std::optional<double> dropout_prob;  ///< of the scores; none: the encoder's attention dropout
};

/// AdapterHub's "dynamic" (the default) or "static" (without `value`). Throws InputError for
/// another name.
inline FusionConfig named_fusion_config(const std::string& name) {
  FusionConfig config;
  if (name == "dynamic") return config;
  if (name != "static") {
    input_error("fusion configuration: expected dynamic or static, but found \"", name,
                "\"; choose one of these");
  }
  config.value = config.value_initialized = config.regularization = false;
  return config;
}

}  // namespace madx
