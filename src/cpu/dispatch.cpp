// The functions of include/madx/cpu: each calls the one of the capability in force.
#include "cpu/kernels.h"
#include "madx/gemm/capability.h"

namespace madx::cpu {
namespace {

const Kernels& table_of(gemm::Capability capability) {
#ifdef MADX_CAPABILITIES
  if (capability >= gemm::Capability::kAvx512) return avx512::kernel_table;
  if (capability == gemm::Capability::kAvx2) return avx2::kernel_table;
#endif
  return baseline::kernel_table;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& kernels = table_of(gemm::capability());
  return kernels;
}

void adapter_site_forward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                          int threads, float* out) {
  kernels().adapter_site_forward(problem, kept, threads, out);
}

void adapter_site_backward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                           const float* out_gradient, int threads, float* f_gradient,
                           float* a_gradient, const std::vector<SiteAdapterGradient>& gradients) {
  kernels().adapter_site_backward(problem, kept, out_gradient, threads, f_gradient, a_gradient,
                                  gradients);
}

void attention_forward(const AttentionInput& input, int threads, Rows out) {
  kernels().attention_forward(input, threads, out);
}

void attention_backward(const AttentionInput& input, ConstRows out_gradient, int threads,
                        const AttentionGradients& gradients) {
  kernels().attention_backward(input, out_gradient, threads, gradients);
}

void coupling(const CouplingProblem& problem, int threads, float* y) {
  kernels().coupling(problem, threads, y);
}

void embed(const EmbeddingInput& input, int threads, float* out) {
  kernels().embed(input, threads, out);
}

void frozen_linear_forward(const FrozenWeight& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  kernels().frozen_linear_forward(layer, x, rows, threads, y);
}

void frozen_linear_backward(const FrozenWeight& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  kernels().frozen_linear_backward(layer, y_gradient, rows, threads, x_gradient);
}

int64_t feed_forward_kept(const FeedForward& layers, int64_t rows, int threads) {
  return kernels().feed_forward_kept(layers, rows, threads);
}

void feed_forward_forward(const FeedForward& layers, const float* x, int64_t rows, int threads,
                          float* kept, float* y) {
  kernels().feed_forward_forward(layers, x, rows, threads, kept, y);
}

void feed_forward_backward(const FeedForward& layers, const float* kept, const float* y_gradient,
                           int64_t rows, int threads, float* x_gradient) {
  kernels().feed_forward_backward(layers, kept, y_gradient, rows, threads, x_gradient);
}

void vocabulary_loss(const VocabularyLossInput& input, int threads,
                     const VocabularyLossOutput& output) {
  kernels().vocabulary_loss(input, threads, output);
}

void pack_transposed(const Bfloat16* weight, int64_t n, int64_t k, Bfloat16* panels) {
  kernels().pack_transposed(weight, n, k, panels);
}

void pack(const Bfloat16* matrix, int64_t rows, int64_t n, int64_t stride, int64_t k,
          Bfloat16* panels) {
  kernels().pack(matrix, rows, n, stride, k, panels);
}

void frozen_linear_forward(const FrozenBfloat16& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  kernels().bfloat16_linear_forward(layer, x, rows, threads, y);
}

void frozen_linear_backward(const FrozenBfloat16& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  kernels().bfloat16_linear_backward(layer, y_gradient, rows, threads, x_gradient);
}

void feed_forward_forward(const FeedForwardBfloat16& layers, const float* x, int64_t rows,
                          int threads, Bfloat16* kept, float* y) {
  kernels().bfloat16_feed_forward_forward(layers, x, rows, threads, kept, y);
}

void feed_forward_backward(const FeedForwardBfloat16& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient) {
  kernels().bfloat16_feed_forward_backward(layers, kept, y_gradient, rows, threads, x_gradient);
}

void quantise(const float* weight, int64_t out, int64_t in, const int32_t* exact,
              int64_t exact_count, const Int8Panels& panels) {
  kernels().quantise(weight, out, in, exact, exact_count, panels);
}

void dequantise(const Int8Matrix& matrix, int64_t out, int64_t in, float* weight) {
  kernels().dequantise(matrix, out, in, weight);
}

void frozen_linear_forward(const FrozenInt8& layer, const float* x, int64_t rows, int threads,
                           float* y) {
  kernels().int8_linear_forward(layer, x, rows, threads, y);
}

void frozen_linear_backward(const FrozenInt8& layer, const float* y_gradient, int64_t rows,
                            int threads, float* x_gradient) {
  kernels().int8_linear_backward(layer, y_gradient, rows, threads, x_gradient);
}

void feed_forward_forward(const FeedForwardInt8& layers, const float* x, int64_t rows, int threads,
                          Bfloat16* kept, float* y) {
  kernels().int8_feed_forward_forward(layers, x, rows, threads, kept, y);
}

void feed_forward_backward(const FeedForwardInt8& layers, const Bfloat16* kept,
                           const float* y_gradient, int64_t rows, int threads, float* x_gradient) {
  kernels().int8_feed_forward_backward(layers, kept, y_gradient, rows, threads, x_gradient);
}

}  // namespace madx::cpu
