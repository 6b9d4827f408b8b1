#pragma once

namespace madx::gemm {

/// How kernels form products of float32: a value of each call, the same for a forward pass and its
/// backward pass.
enum class Products {
  /// By the vector units' fused multiply-add.
  kVector,
  /// By the matrix units for bfloat16 (AMX), each number as the sum of three of bfloat16 and each
  /// product as six of theirs: as exact as the vector units' sums, and about twice as fast. Where
  /// has_matrix_units() alone.
  kMatrix,
};

/// What calls take that do not say: kMatrix where has_matrix_units(), unless the environment
/// variable MADX_FLOAT32_PRODUCTS, read once, is `vector`. Throws InputError where it is neither
/// that nor `matrix`, or `matrix` on a processor without AMX.
Products default_products();

}  // namespace madx::gemm
