#include "cuda/launch.cuh"
#include "madx/cuda/device.h"

namespace madx::cuda {

bool fits(Type type, int64_t width, int64_t bottleneck) {
  return with_type(type, [&](auto element) {
    using T = decltype(element);
    constexpr auto kCount = sizeof(TileRows<T>::kChoices) / sizeof(int);
    return TileRows<T>::kChoices[kCount - 1] * row_bytes<T>(width, bottleneck) <=
           device_limits().shared_bytes;
  });
}

bool fuses(Type type, int64_t width, int64_t bottleneck) {
  // A tile reads 2 width bottleneck weights for its rows, from the second-level cache; between
  // GEMMs a row is written and read again some eight times, in memory that is slower by about 2.5.
  constexpr int64_t kBottleneckPerRow = 10;
  return with_type(type, [&](auto element) {
    using T = decltype(element);
    for (const int rows : TileRows<T>::kChoices) {
      if (rows * row_bytes<T>(width, bottleneck) <= device_limits().shared_bytes)
        return bottleneck <= kBottleneckPerRow * rows;
    }
    return false;
  });
}

}  // namespace madx::cuda
