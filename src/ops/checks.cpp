#include "madx/ops/checks.h"

namespace madx::ops {

namespace detail {

void check_kind(const char* op, std::initializer_list<at::Tensor> tensors) {
  const auto& first = *tensors.begin();
  for (const auto& tensor : tensors) {
    TORCH_CHECK(tensor.defined(), op, ": expected tensors, but one is undefined");
    TORCH_CHECK(tensor.scalar_type() == first.scalar_type() && tensor.device() == first.device(),
                op, ": expected tensors of one type on one device, but got ", first.scalar_type(),
                " on ", first.device(), " and ", tensor.scalar_type(), " on ", tensor.device());
  }
}

void check_dropout(const char* op, double dropout) {
  TORCH_CHECK(dropout >= 0 && dropout < 1, op,
              ": expected a dropout of 0 or more and below 1, but got ", dropout);
}

bool has_data(const at::Tensor& tensor) {
  return tensor.has_storage() && !tensor.is_meta() &&
         !tensor.unsafeGetTensorImpl()->is_python_dispatch();
}

}  // namespace detail

void check_numbers(const char* op, const char* what, const at::Tensor& numbers, int64_t size) {
  TORCH_CHECK(numbers.scalar_type() == at::kLong, op, ": expected ", what, " of int64, but got ",
              numbers.scalar_type());
  if (!numbers.device().is_cpu() || !detail::has_data(numbers) || numbers.numel() == 0) return;
  const auto [least, most] = at::aminmax(numbers);
  TORCH_CHECK(least.item<int64_t>() >= 0 && most.item<int64_t>() < size, op, ": expected ", what,
              " in [0, ", size, "), but got ", least.item<int64_t>(), " to ", most.item<int64_t>());
}

}  // namespace madx::ops
