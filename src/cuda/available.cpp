#include "madx/cuda/adapter_site.h"
#include "madx/cuda/coupling.h"
#include "madx/cuda/rates.h"

#ifdef MADX_CUDA
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#else
#include <c10/util/Exception.h>
#endif

namespace madx::cuda {

#ifdef MADX_CUDA

bool available(int device) {
  int devices = 0, major = 0, minor = 0;
  const bool told =
      cudaGetDeviceCount(&devices) == cudaSuccess && device >= 0 && device < devices &&
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess;
  if (!told) cudaGetLastError();  // the next launch is not to find this error
  return told && 10 * major + minor >= MADX_CUDA_OLDEST;
}

void* current_stream(int device) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

#else

namespace {
[[noreturn]] void not_built() {
  TORCH_INTERNAL_ASSERT(false, "CUDA kernels were called in a build without them");
}
}  // namespace

bool available(int) { return false; }
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
