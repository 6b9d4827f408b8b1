#pragma once

namespace madx::cpu {

/// How kernels form products of float32.
enum class FloatProducts {
  /// By the vector units' fused multiply-add.
  kVector,
  /// By the matrix units for bfloat16 (AMX), each number as the sum of three of bfloat16 and each
  /// product as six of theirs: as exact as the vector units' sums, and about twice as fast.
  kMatrix,
};

/// What is in force: kMatrix where has_bfloat16_products(), unless the environment variable
/// MADX_FLOAT32_PRODUCTS is `vector`. Throws Error where it is neither that nor `matrix`, or
/// `matrix` on a processor without AMX.
FloatProducts float_products();

/// Sets what is in force from now on, for the whole process; not between a forward pass and its
/// backward pass.
void set_float_products(FloatProducts products);

}  // namespace madx::cpu
