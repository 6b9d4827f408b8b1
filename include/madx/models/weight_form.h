#pragma once

#include <string>

#include "madx/core/error.h"
#include "madx/models/encoder_config.h"
#include "madx/ops/bfloat16_weight.h"
#include "madx/ops/frozen_layer.h"
#include "madx/ops/int8_weight.h"

namespace madx {

using ops::WeightForm;

/// Throws InputError, naming `where` (an encoder's file, or who asks), for a form that this
/// processor would be slower with, or whose granules the sizes of `config` are no multiples of.
inline void check_weight_form(const EncoderConfig& config, WeightForm form,
                              const std::string& where) {
  const auto require_multiples = [&](const char* type, int64_t of) {
    if (config.hidden_size % of == 0 && config.intermediate_size % of == 0) return;
    input_error(where, ": for ", type, ", expected sizes that are multiples of ", of,
                ", but found hidden_size ", config.hidden_size, " and intermediate_size ",
                config.intermediate_size, "; use float32");
  };
  if (form == WeightForm::kInt8) {
    if (!cpu::has_int8_products()) {
      input_error(
          "int8: expected a processor that multiplies it (x86-64 with AVX2), but this one does "
          "not, or MADX_CPU_CAPABILITY hides it; use float32");
    }
    require_multiples("int8", cpu::kInt8Granule);
  }
  if (form != WeightForm::kPackedBfloat16) return;
  if (!cpu::has_bfloat16_products()) {
    input_error(
        "bfloat16: expected a processor that multiplies it (AMX or AVX512-BF16), but this one does "
        "not, or MADX_CPU_CAPABILITY hides it, and would be slower than in float32; use float32");
  }
  require_multiples("bfloat16", cpu::kBfloat16Granule);
}

}  // namespace madx
