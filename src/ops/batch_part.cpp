#include "madx/ops/batch_part.h"

#include <ATen/CPUGeneratorImpl.h>

#include <optional>
#include <utility>

#include "madx/ops/random_seed.h"
#include "ops/row_numbers.h"

namespace madx::ops {

namespace {

thread_local const PartRows* part_rows = nullptr;

/// 0 with probability p, else 1 / (1 - p), of x's kind.
at::Tensor dropout_factors(at::IntArrayRef shape, const at::Tensor& like, double p,
                           std::optional<at::Generator> generator = std::nullopt) {
  return at::empty(shape, like.options()).bernoulli_(1 - p, std::move(generator)).div_(1 - p);
}

}  // namespace

PartScope::PartScope(const PartRows* rows) : before_(part_rows) { part_rows = rows; }

PartScope::~PartScope() { part_rows = before_; }

namespace detail {

at::Tensor row_numbers(const char* op, int64_t rows) {
  if (part_rows == nullptr) return {};
  TORCH_CHECK(part_rows->numbers.numel() == rows, op, ": expected ", part_rows->numbers.numel(),
              " rows, those of the part of a batch, but got ", rows);
  return part_rows->numbers;
}

void refuse_part(const char* op) {
  TORCH_CHECK(part_rows == nullptr, op,
              ": expected a whole batch, but got a part of one, whose dropout only the CPU draws");
}

}  // namespace detail

at::Tensor dropout(const at::Tensor& x, double p) {
  const auto* const part = part_rows;
  if (part == nullptr || p == 0 || p == 1) return at::dropout(x, p, /*train=*/true);
  if (x.size(0) == part->numbers.numel()) {
    auto shape = x.sizes().vec();
    shape[0] = part->whole_rows;
    const auto factors = dropout_factors(shape, x, p);
    return x * factors.index_select(0, part->numbers.to(x.device()));
  }
  // Of all ranks' draws the generator gives the same: what makes them differ is where they are.
  const auto seed = random_seed();
  const auto first = part->numbers.numel() > 0 ? part->numbers[0].item<int64_t>() : 0;
  const auto own = at::detail::createCPUGenerator(seed + static_cast<uint64_t>(first));
  const auto factors = dropout_factors(x.sizes(), x.cpu(), p, own);
  return x * factors.to(x.device());
}

}  // namespace madx::ops
