#include "madx/gemm/capability.h"

#include <cstdlib>
#include <string>

#ifdef MADX_LIBXSMM
#include <libxsmm.h>
#endif

#include "madx/core/error.h"
#include "madx/gemm/bfloat16.h"
#include "madx/gemm/int8.h"

#if defined(MADX_CAPABILITIES) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace madx::gemm {
namespace {

constexpr auto kVariable = "MADX_CPU_CAPABILITY";
constexpr Capability kAll[] = {Capability::kBaseline, Capability::kAvx2, Capability::kAvx512,
                               Capability::kAmx};

#ifdef MADX_CAPABILITIES

// What the flags in cmake/MadxCpuKernels.cmake let the compiler use. These ask for the system's
// part, too: that it saves the registers.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

#ifdef __linux__
bool processor_has_amx() {
  constexpr unsigned kBfloat16 = 1u << 22, kTiles = 1u << 24, kInt8 = 1u << 25;  // of EDX
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr auto kWanted = kBfloat16 | kTiles | kInt8;
  return (d & kWanted) == kWanted;
}

/// Linux hands the tile registers out on request, once a process.
bool request_tiles() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool processor_has_amx() { return false; }
bool request_tiles() { return false; }
#endif

/// The most there is, up to `most`: no tiles are requested where they are not wanted.
Capability detect(Capability most) {
  __builtin_cpu_init();
  if (most == Capability::kBaseline || !has_avx2()) return Capability::kBaseline;
  if (most == Capability::kAvx2 || !has_avx512()) return Capability::kAvx2;
  if (most == Capability::kAvx512 || !processor_has_amx() || !request_tiles())
    return Capability::kAvx512;
  return Capability::kAmx;
}

#else

Capability detect(Capability) { return Capability::kBaseline; }

#endif

Capability most_wanted() {
  const char* const value = std::getenv(kVariable);
  const std::string wanted = value == nullptr ? "" : value;
  if (wanted.empty()) return Capability::kAmx;
  for (const auto capability : kAll)
    if (wanted == name_of(capability)) return capability;
  input_error(kVariable, ": expected 'baseline', 'avx2', 'avx512' or 'amx', but got '", wanted,
              "'");
}

Capability choose() {
  const auto most = most_wanted();
  const auto chosen = detect(most);
#ifdef MADX_LIBXSMM
  libxsmm_init();  // which chooses for itself
  // Down, never up: it would make what the processor has not.
  const auto cap = most == Capability::kBaseline ? LIBXSMM_X86_SSE4 : LIBXSMM_X86_AVX2;
  if (most <= Capability::kAvx2 && libxsmm_get_target_archid() > cap)
    libxsmm_set_target_archid(cap);
#endif
  return chosen;
}

}  // namespace

Capability capability() {
  static const auto capability = choose();
  return capability;
}

const char* name_of(Capability capability) {
  switch (capability) {
    case Capability::kBaseline:
      return "baseline";
    case Capability::kAvx2:
      return "avx2";
    case Capability::kAvx512:
      return "avx512";
    case Capability::kAmx:
      return "amx";
  }
  return "";
}

bool has_matrix_units() { return capability() == Capability::kAmx; }

bool has_bfloat16_dot_products() {
#ifdef MADX_CAPABILITIES
  return capability() >= Capability::kAvx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool has_int8_products() { return capability() >= Capability::kAvx2; }

bool has_int8_dot_products() {
#ifdef MADX_CAPABILITIES
  return capability() >= Capability::kAvx512 && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

bool has_bfloat16_products() { return has_matrix_units() || has_bfloat16_dot_products(); }

}  // namespace madx::gemm
