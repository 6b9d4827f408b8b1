// TORCH_LIBRARY(madx), by an explicit call: an object file of a static library that nobody refers
// to is left out, and its initialisers with it.
#include "madx/ops/register_ops.h"

#include <torch/library.h>

#include <new>
#include <optional>

#include "ops/schema.h"

namespace madx::ops {

void register_ops() {
  // Never destroyed: at the end of a process LibTorch's dispatcher may be gone before it.
  alignas(torch::Library) static unsigned char storage[sizeof(torch::Library)];
  static const auto* const library = [] {
    auto* const made =
        new (storage) torch::Library(torch::Library::DEF, "madx", std::nullopt, __FILE__, __LINE__);
    for (const auto* schema : kSchemas) made->def(schema);
    // One function for all devices, which brings its own autograd.
    made->impl("adapter_site", TORCH_FN(detail::adapter_site_op));
    made->impl("coupling", TORCH_FN(detail::coupling_op));
    made->impl("packed_attention", TORCH_FN(detail::packed_attention_op));
    made->impl("packed_attention.self", TORCH_FN(detail::packed_self_attention_op));
    made->impl("frozen_linear", TORCH_FN(detail::frozen_linear_op));
    made->impl("linear_cross_entropy", TORCH_FN(detail::linear_cross_entropy_op));
    return made;
  }();
  static_cast<void>(library);
}

}  // namespace madx::ops
