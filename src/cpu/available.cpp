#include "madx/cpu/available.h"

#include "gemm/small_gemm.h"
#include "madx/gemm/capability.h"

namespace madx::cpu {
namespace {

#ifdef MADX_LIBXSMM

/// Makes products of the kinds that kernels use, which throws where libxsmm makes none.
std::string why_not() {
  using gemm::MADX_CAPABILITY::SmallGemm;
  gemm::capability();  // which says what libxsmm makes them for
  constexpr int64_t kSize = 16, kColumns = 64;
  try {
    for (const bool transposed : {false, true})
      for (const bool accumulate : {false, true})
        SmallGemm(kSize, kColumns, kSize, kSize, kColumns, kColumns, {transposed, accumulate});
  } catch (const MachineError&) {
    return std::string("libxsmm makes no products for \"") + libxsmm_get_target_arch() +
           "\" here (LIBXSMM_TARGET, or memory that may not be executed)";
  }
  return "";
}

#else

std::string why_not() { return "this build has no libxsmm"; }

#endif

const std::string& reason() {
  static const std::string reason = why_not();
  return reason;
}

}  // namespace

bool available() { return reason().empty(); }

std::string why_not_available() { return reason(); }

}  // namespace madx::cpu
