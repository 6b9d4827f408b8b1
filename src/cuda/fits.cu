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

}  // namespace madx::cuda
