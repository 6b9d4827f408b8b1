#include "ops/coupling_cpu.h"

#include <ATen/Parallel.h>

#include "madx/cpu/coupling.h"

namespace madx::ops::detail {

at::Tensor coupling_cpu(const at::Tensor& x, const std::vector<at::Tensor>& weights,
                        const std::vector<int64_t>& group_rows, bool inverse) {
  const auto net = [](const at::Tensor* w) {
    return cpu::CouplingNet{w[0].const_data_ptr<float>(), w[1].const_data_ptr<float>(),
                            w[2].const_data_ptr<float>(), w[3].const_data_ptr<float>(),
                            w[0].size(0)};
  };
  const auto dense = x.contiguous();
  auto y = at::empty_like(dense);
  const auto* from = dense.const_data_ptr<float>();
  auto* to = y.data_ptr<float>();
  const auto* w = weights.data();
  for (const auto rows : group_rows) {
    cpu::coupling({from, rows, x.size(1), net(w), net(w + 4), inverse}, at::get_num_threads(), to);
    from += rows * x.size(1);
    to += rows * x.size(1);
    w += 8;
  }
  return y;
}

}  // namespace madx::ops::detail
