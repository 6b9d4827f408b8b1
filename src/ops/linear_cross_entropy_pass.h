#pragma once

#include <ATen/ATen.h>

#include <cstdint>

// Losses over the vocabulary, with gradients, in LibTorch's own operations and by the kernel.
namespace madx::ops::detail {

/// Rows of the output embedding taken at a time: a chunk of logits for a few hundred masked tokens
/// stays in cache.
constexpr int64_t kVocabularyChunk = 4096;

/// Rows of x taken at a time where the bias learns too: 64 rows of XLM-R's logits are 64 MB.
constexpr int64_t kRowChunk = 64;

/// What the forward pass computes.
struct CrossEntropyPass {
  at::Tensor losses;         // (rows)
  at::Tensor gradient;       // (rows, hidden), of their sum by x; undefined where it is not needed
  at::Tensor bias_gradient;  // (vocabulary); undefined where it is not needed
};

/// The logits of the targets: (rows).
at::Tensor target_logits(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const at::Tensor& targets);

/// Losses and input gradient in one pass over the output embedding, as a running (online) softmax:
/// with the maximum m of the logits seen so far, z = sum exp(l - m) and g = sum exp(l - m) W are
/// kept, and scaled by exp(m_old - m_new) whenever a chunk raises m. At the end d loss / d x = g /
/// z - W[target].
CrossEntropyPass pass_by_vocabulary(const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, const at::Tensor& targets,
                                    bool needs_gradient);

/// The same a chunk of rows at a time. The bias's gradient needs every row's final sum; whole rows
/// of logits have it.
CrossEntropyPass pass_by_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& targets);

/// Whether the kernel of madx/cpu takes an output embedding: of float32, or, for its matrix units,
/// of bfloat16.
bool fits_vocabulary_loss(const at::Tensor& weight);

/// By the kernel of madx/cpu.
CrossEntropyPass pass_by_cpu_kernel(const at::Tensor& x, const at::Tensor& weight,
                                    const at::Tensor& bias, const at::Tensor& targets,
                                    bool x_gradient, bool bias_gradient);

}  // namespace madx::ops::detail
