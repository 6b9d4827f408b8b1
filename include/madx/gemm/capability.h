#pragma once

namespace madx::gemm {

/// What kernels are compiled for, each with all that those before it have. Of other processors than
/// x86-64 there is the first alone.
enum class Capability {
  kBaseline,  ///< what the compiler takes of itself: SSE2, where nobody told it of more
  kAvx2,      ///< and FMA, BMI
  kAvx512,    ///< F, BW, CD, DQ, VL
  kAmx,       ///< matrix units for bfloat16 and int8, which Linux grants on request
};

/// What is in force in this process: the most that processor and system have, but no more than the
/// environment variable MADX_CPU_CAPABILITY (baseline, avx2, avx512 or amx) says. Chosen at the
/// first call. Throws InputError where the variable is something else. Where it is baseline or
/// avx2, libxsmm's products are made for no more than that, too, whatever LIBXSMM_TARGET says.
Capability capability();

/// As MADX_CPU_CAPABILITY spells it.
const char* name_of(Capability capability);

/// Whether this processor and system have matrix units (AMX) and kAmx is in force.
bool has_matrix_units();

/// Whether the processor has dot products of bfloat16 with sums in float32 (AVX512-BF16), where
/// kAvx512 is in force or more.
bool has_bfloat16_dot_products();

/// Whether the processor has dot products of int8 with sums in int32 (AVX512-VNNI), where kAvx512
/// is in force or more.
bool has_int8_dot_products();

}  // namespace madx::gemm
