#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace madx {

/// Rows [first, first + rows) that go through one stack of adapters at a site: indices into the
/// adapters of the problem, bottom first. The form that operators, CPU and CUDA share.
struct SiteGroup {
  int64_t first = 0, rows = 0;
  std::vector<size_t> adapters = {};
};

}  // namespace madx
