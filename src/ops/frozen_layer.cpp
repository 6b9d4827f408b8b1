#include "ops/frozen_layer.h"

#include "madx/ops/checks.h"

namespace madx::ops {

FrozenLinear FrozenLinear::narrow(int64_t begin, int64_t count) const {
  return {packed ? weight : weight.narrow(0, begin, count), bias.narrow(0, begin, count), packed,
          first + begin, rounds};
}

at::Tensor FrozenLinear::matrix() const {
  return packed ? packed->unpacked().narrow(0, first, out()) : weight;
}

namespace detail {

void check_layer(const char* op, int64_t in, const FrozenLinear& layer) {
  TORCH_CHECK(layer.bias.dim() == 1, op, ": expected a bias of one dimension, but got ",
              layer.bias.sizes());
  if (layer.packed) {
    TORCH_CHECK(layer.bias.scalar_type() == at::kFloat && layer.bias.device().is_cpu() &&
                    layer.bias.is_contiguous() && !layer.bias.requires_grad(),
                op,
                ": beside a packed weight, expected a dense bias of float32 on the CPU that takes "
                "no gradient, but got one of ",
                layer.bias.scalar_type(), " on ", layer.bias.device());
    TORCH_CHECK(layer.in() == in, op, ": expected a packed weight of ", in, " inputs, but got ",
                layer.in());
    const auto granule = layer.packed->granule();
    TORCH_CHECK(layer.first >= 0 && layer.first % granule == 0 && layer.out() % granule == 0 &&
                    layer.first + layer.out() <= layer.packed->out(),
                op, ": expected outputs in multiples of ", granule, " within ", layer.packed->out(),
                ", but got ", layer.out(), " from ", layer.first, " on");
    return;
  }
  TORCH_CHECK(layer.weight.dim() == 2 && layer.weight.size(1) == in, op,
              ": expected a weight of shape (out, ", in, "), but got ", layer.weight.sizes());
  TORCH_CHECK(layer.bias.size(0) == layer.weight.size(0), op, ": expected a bias of shape (",
              layer.weight.size(0), "), but got ", layer.bias.sizes());
}

void check_weight(const char* op, const at::Tensor& x, const FrozenLinear& layer) {
  TORCH_CHECK(x.dim() >= 1, op, ": expected rows, but got a tensor without dimensions");
  TORCH_CHECK(layer.packed || layer.weight.defined(), op,
              ": expected a weight, packed or as a tensor, but got neither");
  TORCH_CHECK(!layer.rounds || (!layer.packed && layer.weight.scalar_type() == at::kFloat), op,
              ": expected a weight of float32 that is rounded as it meets rows, but got another");
  if (!layer.packed) check_kind(op, {x, layer.weight});
}

}  // namespace detail

}  // namespace madx::ops
