#pragma once

#include "cuda/types.cuh"

namespace madx::cuda {

/// One product of a warp on the tensor cores, sum (16, 8) += a (16, 16) b (16, 8), in 16-bit types
/// with fp32 sums: PTX's mma.m16n8k16. Lane 4 g + q holds
///   of a:    columns 2q, 2q+1 of row g, of row g+8, then columns 2q+8, 2q+9 of row g, of row g+8;
///   of b:    rows 2q, 2q+1 of column g, then rows 2q+8, 2q+9;
///   of sum:  columns 2q, 2q+1 of row g, then of row g+8.
/// A word holds two elements, the one of the lower index in its low half.
#ifdef __CUDACC__
MADX_DEVICE void multiply_add(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                              Half) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
MADX_DEVICE void multiply_add(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                              BFloat16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
template <class T>
void multiply_add(float (&sum)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], T) {
  emulation::multiply_add(sum, a, b, [](uint16_t bits) { return to_float(T{bits}); });
}
#endif

}  // namespace madx::cuda
