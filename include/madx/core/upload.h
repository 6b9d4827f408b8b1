#pragma once

#include <ATen/ATen.h>

namespace madx {

/// The tensor on a device. To CUDA it goes through pinned memory and nobody waits for it: what was
/// launched before goes on, and the caching allocator keeps the pinned copy until it has arrived.
inline at::Tensor upload(const at::Tensor& tensor, const at::Device& device) {
  if (!device.is_cuda() || tensor.is_cuda()) return tensor.to(device);
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace madx
