#pragma once

#include <cstdint>

namespace madx::cuda {

/// Element type of every array of a problem.
enum class Type { kFloat, kHalf, kBFloat16 };

/// Whether the kernels of this folder run on the CUDA device with this index: they were built
/// (CMake's MADX_CUDA), the device is there, and it is not older than what they were built for
/// (MADX_CUDA_ARCHITECTURES). Elsewhere the functions here throw; ops ask first.
bool available(int device);

/// The current CUDA stream of the device with this index, as LibTorch has it (a cudaStream_t).
void* current_stream(int device);

/// Whether a tile of rows of this width, with this bottleneck, fits the current device's shared
/// memory: for hidden sizes up to 4096 with bottlenecks up to 1024 it does on sm_80 and newer.
bool fits(Type type, int64_t width, int64_t bottleneck);

/// Whether products of a tile are faster, by bytes moved: false where so few rows fit that reading
/// the weights for each tile costs more than passing activations through memory between
/// plain GEMMs (docs/cuda.md has the numbers).
bool fuses(Type type, int64_t width, int64_t bottleneck);

}  // namespace madx::cuda
