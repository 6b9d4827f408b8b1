// All that an object of one capability shows of itself: cmake/MadxCpuKernels.cmake makes every
// other name in it local.
#include "cpu/kernels.h"

namespace madx::cpu {
namespace MADX_CAPABILITY {

// Those of include/madx/cpu, whose declarations these are.
decltype(cpu::adapter_site_forward) adapter_site_forward;
decltype(cpu::adapter_site_backward) adapter_site_backward;
decltype(cpu::attention_forward) attention_forward;
decltype(cpu::attention_backward) attention_backward;
decltype(cpu::coupling) coupling;
decltype(cpu::embed) embed;
void frozen_linear_forward(const FrozenWeight&, const float*, int64_t, int, float*);
void frozen_linear_backward(const FrozenWeight&, const float*, int64_t, int, float*);
decltype(cpu::feed_forward_kept) feed_forward_kept;
void feed_forward_forward(const FeedForward&, const float*, int64_t, int, float*, float*);
void feed_forward_backward(const FeedForward&, const float*, const float*, int64_t, int, float*);
decltype(cpu::vocabulary_loss) vocabulary_loss;
decltype(cpu::pack_transposed) pack_transposed;
decltype(cpu::pack) pack;
void frozen_linear_forward(const FrozenBfloat16&, const float*, int64_t, int, float*);
void frozen_linear_backward(const FrozenBfloat16&, const float*, int64_t, int, float*);
void feed_forward_forward(const FeedForwardBfloat16&, const float*, int64_t, int, Bfloat16*,
                          float*);
void feed_forward_backward(const FeedForwardBfloat16&, const Bfloat16*, const float*, int64_t, int,
                           float*);
decltype(cpu::quantise) quantise;
decltype(cpu::dequantise) dequantise;
void frozen_linear_forward(const FrozenInt8&, const float*, int64_t, int, float*);
void frozen_linear_backward(const FrozenInt8&, const float*, int64_t, int, float*);
void feed_forward_forward(const FeedForwardInt8&, const float*, int64_t, int, Bfloat16*, float*);
void feed_forward_backward(const FeedForwardInt8&, const Bfloat16*, const float*, int64_t, int,
                           float*);

extern const Kernels kernel_table;
const Kernels kernel_table{
    adapter_site_forward,
    adapter_site_backward,
    attention_forward,
    attention_backward,
    coupling,
    embed,
    frozen_linear_forward,
    frozen_linear_backward,
    feed_forward_kept,
    feed_forward_forward,
    feed_forward_backward,
    vocabulary_loss,
    pack_transposed,
    pack,
    frozen_linear_forward,
    frozen_linear_backward,
    feed_forward_forward,
    feed_forward_backward,
    quantise,
    dequantise,
    frozen_linear_forward,
    frozen_linear_backward,
    feed_forward_forward,
    feed_forward_backward,
};

}  // namespace MADX_CAPABILITY
}  // namespace madx::cpu
