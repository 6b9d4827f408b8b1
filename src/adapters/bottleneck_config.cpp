#include "madx/adapters/bottleneck_config.h"

#include "madx/core/error.h"

namespace madx {
namespace {

BottleneckConfig pfeiffer() { return {}; }

BottleneckConfig houlsby() {
  BottleneckConfig config;
  config.mh_adapter = true;
  config.original_ln_before = false;
  config.non_linearity = "swish";
  return config;
}

BottleneckConfig parallel() {
  BottleneckConfig config;
  config.original_ln_before = false;
  config.reduction_factor = 2;
  config.init_weights = "mam_adapter";
  config.is_parallel = true;
  config.scaling = 4.0;
  return config;
}

BottleneckConfig scaled_parallel() {
  BottleneckConfig config = parallel();
  config.scaling_kind = ScalingKind::kLearned;
  config.scaling = 1.0;
  return config;
}

BottleneckConfig with_invertible(BottleneckConfig config) {
  config.inv_adapter = "nice";
  config.inv_adapter_reduction_factor = 2;
  return config;
}

}  // namespace

BottleneckConfig named_config(const std::string& name) {
  if (name == "pfeiffer" || name == "seq_bn") return pfeiffer();
  if (name == "pfeiffer+inv" || name == "seq_bn_inv") return with_invertible(pfeiffer());
  if (name == "houlsby" || name == "double_seq_bn") return houlsby();
  if (name == "houlsby+inv" || name == "double_seq_bn_inv") return with_invertible(houlsby());
  if (name == "parallel" || name == "par_bn") return parallel();
  if (name == "scaled_parallel" || name == "scaled_par_bn") return scaled_parallel();
  // AdapterHub's other configurations.
  for (const char* const other : {"compacter", "compacter++", "prefix_tuning", "prefix_tuning_flat",
                                  "prompt_tuning", "lora", "mtl_lora", "ia3", "vera", "dora",
                                  "dvora", "loreft", "noreft", "direft", "mam", "unipelt"}) {
    if (name == other) {
      input_error("adapter configuration \"", name, "\": expected a bottleneck adapter, but found ",
                  name[0] == 'c' ? "hypercomplex layers (phm_layer)" : "another method",
                  ", which is not supported; choose pfeiffer, houlsby or parallel");
    }
  }
  input_error(
      "adapter configuration: expected pfeiffer (seq_bn), houlsby (double_seq_bn), either with ",
      "+inv (_inv), parallel (par_bn) or scaled_parallel (scaled_par_bn), but found \"", name,
      "\"; choose one of these");
}

}  // namespace madx
