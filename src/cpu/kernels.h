#pragma once

#include "madx/cpu/adapter_site.h"
#include "madx/cpu/attention.h"
#include "madx/cpu/bfloat16.h"
#include "madx/cpu/coupling.h"
#include "madx/cpu/embedding.h"
#include "madx/cpu/frozen_linear.h"
#include "madx/cpu/int8.h"
#include "madx/cpu/vocabulary_loss.h"

namespace madx::cpu {

/// The functions of include/madx/cpu as one capability has them: of each source of a kernel there
/// is an object for each capability, in a namespace that is named after it.
struct Kernels {
  decltype(&cpu::adapter_site_forward) adapter_site_forward;
  decltype(&cpu::adapter_site_backward) adapter_site_backward;
  decltype(&cpu::attention_forward) attention_forward;
  decltype(&cpu::attention_backward) attention_backward;
  decltype(&cpu::coupling) coupling;
  decltype(&cpu::embed) embed;
  void (*frozen_linear_forward)(const FrozenWeight&, const float*, int64_t, int, float*);
  void (*frozen_linear_backward)(const FrozenWeight&, const float*, int64_t, int, float*);
  decltype(&cpu::feed_forward_kept) feed_forward_kept;
  void (*feed_forward_forward)(const FeedForward&, const float*, int64_t, int, float*, float*);
  void (*feed_forward_backward)(const FeedForward&, const float*, const float*, int64_t, int,
                                float*);
  decltype(&cpu::vocabulary_loss) vocabulary_loss;
  decltype(&cpu::pack_transposed) pack_transposed;
  decltype(&cpu::pack) pack;
  void (*bfloat16_linear_forward)(const FrozenBfloat16&, const float*, int64_t, int, float*);
  void (*bfloat16_linear_backward)(const FrozenBfloat16&, const float*, int64_t, int, float*);
  void (*bfloat16_feed_forward_forward)(const FeedForwardBfloat16&, const float*, int64_t, int,
                                        Bfloat16*, float*);
  void (*bfloat16_feed_forward_backward)(const FeedForwardBfloat16&, const Bfloat16*, const float*,
                                         int64_t, int, float*);
  decltype(&cpu::quantise) quantise;
  decltype(&cpu::dequantise) dequantise;
  void (*int8_linear_forward)(const FrozenInt8&, const float*, int64_t, int, float*);
  void (*int8_linear_backward)(const FrozenInt8&, const float*, int64_t, int, float*);
  void (*int8_feed_forward_forward)(const FeedForwardInt8&, const float*, int64_t, int, Bfloat16*,
                                    float*);
  void (*int8_feed_forward_backward)(const FeedForwardInt8&, const Bfloat16*, const float*, int64_t,
                                     int, float*);
};

/// Those of the capability in force (madx/gemm/capability.h), chosen at the first call.
const Kernels& kernels();

namespace baseline {
extern const Kernels kernel_table;
}
#ifdef MADX_CAPABILITIES
namespace avx2 {
extern const Kernels kernel_table;
}
namespace avx512 {
extern const Kernels kernel_table;
}
#endif

}  // namespace madx::cpu
