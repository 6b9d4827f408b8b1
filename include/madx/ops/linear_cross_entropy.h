#pragma once

#include <ATen/ATen.h>

namespace madx::ops {

/// Mean cross-entropy of softmax(x W^T + b) against `targets`, without ever holding more than one
/// chunk of logits. x (rows, hidden), weight (vocabulary, hidden), bias (vocabulary), targets
/// (rows) int64 -> (). Gradients go to x and, if they require one, to bias and weight. Where a
/// frozen weight is of bfloat16, the CPU's kernel rounds x and the probabilities for the products
/// with it, which sum in float32; elsewhere it is taken in x's type, a chunk at a time, or whole
/// where the bias learns. A weight that learns is of x's type, and its gradient, dense, is made in
/// `backward`, of logits that are computed anew, a chunk of the vocabulary at a time. Throws
/// c10::Error when shapes, types or devices disagree, there are no rows, or, on the CPU, a target
/// is no row of the weight.
at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& bias, const at::Tensor& targets);

}  // namespace madx::ops
