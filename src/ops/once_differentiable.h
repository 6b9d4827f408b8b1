#pragma once

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

namespace madx::ops {

/// Called first in the backward pass of an op whose gradients have no backward pass of their own:
/// with create_graph they would silently count as constants. Throws c10::Error, naming the op.
inline void refuse_double_backward(const char* op) {
  TORCH_CHECK(!at::GradMode::is_enabled(), op,
              ": expected backward() without create_graph, since its gradient cannot be "
              "differentiated again, but create_graph is set; leave it out");
}

}  // namespace madx::ops
