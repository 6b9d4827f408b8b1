#include "cuda/launch.cuh"
#include "madx/cuda/rates.h"

namespace madx::cuda {
namespace {

struct PerClock {
  int half, single;  // FLOP a clock and multiprocessor: tensor cores, fused multiply-adds
};

/// By compute capability, from NVIDIA's descriptions of the architectures.
PerClock per_clock(int major, int minor) {
  if (major == 8) return minor == 0 ? PerClock{2048, 128} : PerClock{512, 256};
  if (major == 9) return {4096, 256};
  if (major == 10) return {8192, 256};
  return {0, 256};
}

}  // namespace

Rates device_rates() {
  int device = 0;
  check(cudaGetDevice(&device), "no current device");
  const auto attribute = [&](cudaDeviceAttr which) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device), "an attribute of the device");
    return value;
  };
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "properties of the device");
  // Clocks are in kHz; memory moves two words a clock.
  const double memory =
      2e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) / 8;
  const double clocks =
      1e3 * attribute(cudaDevAttrClockRate) * attribute(cudaDevAttrMultiProcessorCount);
  const auto each = per_clock(attribute(cudaDevAttrComputeCapabilityMajor),
                              attribute(cudaDevAttrComputeCapabilityMinor));
  return {properties.name, memory, clocks * each.half, clocks * each.single};
}

}  // namespace madx::cuda
