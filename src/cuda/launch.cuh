#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "cuda/product.cuh"
#include "madx/core/error.h"
#include "madx/cuda/device.h"

// Host side of a launch: how many rows a tile has, how much shared memory it takes, and the launch
// itself.
namespace madx::cuda {

/// Limits of the current device.
struct DeviceLimits {
  int64_t shared_bytes;  // a block may have
  int64_t multiprocessors;
};

#ifdef __CUDACC__

inline void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) machine_error("CUDA: ", what, ": ", cudaGetErrorString(error));
}

inline DeviceLimits device_limits() {
  int device = 0, shared = 0, multiprocessors = 0;
  check(cudaGetDevice(&device), "no current device");
  check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
        "shared memory");
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
        "multiprocessors");
  return {shared, multiprocessors};
}

template <class Params>
void launch(void (*kernel)(Params), int64_t blocks, int64_t shared_bytes, void* stream,
            const Params& params) {
  static_assert(sizeof(Params) <= 4096, "a kernel's parameters have 4 KB");
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(shared_bytes)),
        "shared memory of a kernel");
  kernel<<<static_cast<unsigned>(blocks), kThreads, static_cast<size_t>(shared_bytes),
           static_cast<cudaStream_t>(stream)>>>(params);
  check(cudaGetLastError(), "launch of a kernel");
}

#else

inline DeviceLimits device_limits() {
  return {emulation::device().shared_bytes, emulation::device().multiprocessors};
}

template <class Params>
void launch(void (*kernel)(Params), int64_t blocks, int64_t shared_bytes, void*,
            const Params& params) {
  static_assert(sizeof(Params) <= 4096, "a kernel's parameters have 4 KB");
  emulation::launch([&] { kernel(params); }, blocks, kThreads, shared_bytes);
}

#endif

/// act(T{}) with the type's element.
template <class Act>
auto with_type(Type type, Act act) {
  switch (type) {
    case Type::kHalf:
      return act(Half{});
    case Type::kBFloat16:
      return act(BFloat16{});
    case Type::kFloat:
      break;
  }
  return act(float{});
}

/// Rows of a tile that kernels are compiled for, most first. More rows read the weights less often:
/// each block reads them once. In fp32 a row takes twice the memory, and four sums a lane.
template <class T>
struct TileRows {
  static constexpr int kChoices[4] = {64, 32, 16, 8};
};
template <>
struct TileRows<float> {
  static constexpr int kChoices[2] = {16, 4};
};

/// Shared memory of a row: itself and its z.
template <class T>
int64_t row_bytes(int64_t width, int64_t bottleneck) {
  return static_cast<int64_t>(sizeof(T)) * (shared_stride<T>(static_cast<int>(width)) +
                                            shared_stride<T>(static_cast<int>(bottleneck)));
}

/// Whether a multiprocessor has registers for two blocks with this tile.
template <class T>
constexpr bool may_pair(int rows) {
  return rows < 64 && sizeof(T) == 2;  // as kLeastBlocks
}
static_assert(kLeastBlocks<Half, 64> == 1 && kLeastBlocks<Half, 32> == 2 &&
                  kLeastBlocks<float, 4> == 1,
              "may_pair and kLeastBlocks say the same");

/// Which of TileRows to use: the largest that fits and still gives every multiprocessor a block. A
/// small bottleneck is bound by memory, not by reading weights: there, two blocks a multiprocessor,
/// so that one loads while the other multiplies; float32 has no registers for that.
template <class T>
int choose_rows(int64_t width, int64_t bottleneck, int64_t rows) {
  constexpr int64_t kSmallBottleneck = 128;
  const auto limits = device_limits();
  const auto bytes = row_bytes<T>(width, bottleneck);
  int chosen = 0;
  for (const int choice : TileRows<T>::kChoices) {
    if (choice * bytes > limits.shared_bytes) continue;
    chosen = choice;
    const bool pairs = bottleneck > kSmallBottleneck || sizeof(T) == 4 ||
                       (may_pair<T>(choice) && 2 * choice * bytes <= limits.shared_bytes);
    if (pairs && rows >= choice * limits.multiprocessors) break;
  }
  if (chosen == 0)
    machine_error("CUDA: a row of ", width, " columns with a bottleneck of ", bottleneck,
                  " takes more shared memory than this device has");
  return chosen;
}

/// act(std::integral_constant<int, rows>) for one of TileRows.
template <class T, class Act, size_t kIndex = 0>
void with_rows(int rows, Act act) {
  constexpr int kChoice = TileRows<T>::kChoices[kIndex];
  if (rows == kChoice) {
    act(std::integral_constant<int, kChoice>{});
  } else if constexpr (kIndex + 1 < sizeof(TileRows<T>::kChoices) / sizeof(int)) {
    with_rows<T, Act, kIndex + 1>(rows, act);
  }
}

/// Whether rows of `columns` elements of T from these addresses on are whole 128-bit words, by
/// eights.
template <class T, class... Pointers>
bool whole_words(int64_t columns, Pointers... data) {
  const auto aligned = [](const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % sizeof(Words) == 0;
  };
  return columns % kColumns == 0 && (aligned(data) && ...);
}

/// Calls `start(params, blocks)` for as many groups at a time as a launch takes, with the rows, the
/// blocks and, by `fill(index, group)`, the adapters of each.
template <class Params, class Problem, class Fill, class Start>
void launch_groups(Params& params, const Problem& problem, int tile, Fill fill, Start start) {
  auto& groups = params.groups;
  int64_t row = 0, blocks = 0;
  const auto flush = [&] {
    if (blocks > 0) start(blocks);
    groups.count = 0;
    blocks = 0;
  };
  for (size_t index = 0; index < problem.groups.size(); ++index) {
    const auto rows = problem.groups[index].rows;
    if (rows == 0) continue;
    if (groups.count == groups.kMostGroups) flush();
    auto& group = groups.groups[groups.count++];
    group.first_row = row;
    group.end_row = row += rows;
    group.first_block = blocks;
    fill(index, group);
    blocks += (rows + tile - 1) / tile;
  }
  flush();
}

}  // namespace madx::cuda
