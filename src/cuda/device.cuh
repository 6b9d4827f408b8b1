#pragma once

// What a kernel's source needs of CUDA. The same source is compiled by nvcc for a GPU, and by the
// host's compiler for tests/cuda/emulation, which runs it on the CPU and watches every access.
#include <cstdint>

#ifdef __CUDACC__

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define MADX_DEVICE __device__ __forceinline__
#define MADX_DEVICE_CALL __device__ __noinline__
#define MADX_BOTH __host__ __device__
#define MADX_UNROLL _Pragma("unroll")

namespace madx::cuda {

/// Where emulation watches memory; nothing on a device.
MADX_DEVICE void see_shared(const void*, int, bool) {}

MADX_DEVICE unsigned char* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char madx_dynamic_shared[];
  return madx_dynamic_shared;
}

}  // namespace madx::cuda

#else

#include MADX_CUDA_EMULATION  // the header of what stands for CUDA

#endif

namespace madx::cuda {

constexpr int kLanes = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFF;
/// Of every kernel. Eight warps keep each of a multiprocessor's four schedulers at two.
constexpr int kWarps = 8, kThreads = kWarps * kLanes;

MADX_DEVICE int lane_index() { return static_cast<int>(threadIdx.x) % kLanes; }
MADX_DEVICE int warp_index() { return static_cast<int>(threadIdx.x) / kLanes; }

/// The sum over the lanes of a warp, in all of them.
MADX_DEVICE float warp_sum(float value) {
  MADX_UNROLL
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

}  // namespace madx::cuda
