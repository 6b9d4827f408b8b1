#pragma once

#include <string>

namespace madx::cuda {

/// What the current device could do at best, by its clocks and widths.
struct Rates {
  std::string name;         ///< of the GPU
  double bytes_per_second;  ///< of its memory
  double half_flops;   ///< dense, 16-bit types with fp32 sums; 0: not known for this architecture
  double float_flops;  ///< a second, of float32 on its general units
};
/// Of the current device. Throws MachineError where CUDA does not tell.
Rates device_rates();

}  // namespace madx::cuda
