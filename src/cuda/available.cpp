#include "madx/cuda/adapter_site.h"
#include "madx/cuda/coupling.h"
#include "madx/cuda/rates.h"

#ifdef MADX_CUDA
#include <c10/cuda/CUDAStream.h>
#else
#include <c10/util/Exception.h>
#endif

namespace madx::cuda {

#ifdef MADX_CUDA

bool available() { return true; }

void* current_stream(int device) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

#else

namespace {
[[noreturn]] void not_built() {
  TORCH_INTERNAL_ASSERT(false, "CUDA kernels were called in a build without them");
}
}  // namespace

bool available() { return false; }
void* current_stream(int) { not_built(); }
bool fits(Type, int64_t, int64_t) { not_built(); }
bool fuses(Type, int64_t, int64_t) { not_built(); }
Rates device_rates() { not_built(); }
void adapter_site_forward(const SiteProblem&, const SiteKept&, void*, void*) { not_built(); }
void adapter_site_backward(const SiteProblem&, const SiteKept&, const void*, const SiteGradients&,
                           void*) {
  not_built();
}
void coupling(const CouplingProblem&, void*) { not_built(); }

#endif

}  // namespace madx::cuda
