#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "madx/ops/random_seed.h"

// Dropout of a batch whose sequences are shared out to several processes. What is drawn for a row
// depends on its number alone, so each process draws for its rows what one process would draw for
// them in the whole batch.
namespace madx::ops {

/// Which rows of the whole batch the rows of a part are.
struct PartRows {
  at::Tensor numbers;      ///< (rows) int64, on the CPU
  int64_t whole_rows = 0;  ///< of the whole batch
};

namespace detail {
inline thread_local const PartRows* part_rows = nullptr;
}

/// While it lives, rows that operators are given by this thread are those of a part. nullptr: they
/// are a whole batch's, as without it.
class PartScope {
 public:
  /// `rows` outlive it.
  explicit PartScope(const PartRows* rows) : before_(detail::part_rows) {
    detail::part_rows = rows;
  }
  ~PartScope() { detail::part_rows = before_; }
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;

 private:
  const PartRows* before_;
};

namespace detail {

/// The numbers of x's rows, by which a kernel draws its dropout: (rows) int64; undefined for a
/// whole batch, whose rows are numbered from 0.
inline at::Tensor row_numbers(const char* op, int64_t rows) {
  if (part_rows == nullptr) return {};
  TORCH_CHECK(part_rows->numbers.numel() == rows, op, ": expected ", part_rows->numbers.numel(),
              " rows, those of the part of a batch, but got ", rows);
  return part_rows->numbers;
}

inline const int64_t* numbers_data(const at::Tensor& numbers) {
  return numbers.defined() ? numbers.const_data_ptr<int64_t>() : nullptr;
}

/// Kernels that number rows from 0 take whole batches alone.
inline void refuse_part(const char* op) {
  TORCH_CHECK(part_rows == nullptr, op,
              ": expected a whole batch, but got a part of one, whose dropout only the CPU draws");
}

/// 0 with probability p, else 1 / (1 - p), of x's kind.
inline at::Tensor dropout_factors(at::IntArrayRef shape, const at::Tensor& like, double p,
                                  std::optional<at::Generator> generator = std::nullopt) {
  return at::empty(shape, like.options()).bernoulli_(1 - p, std::move(generator)).div_(1 - p);
}

}  // namespace detail

/// at::dropout in training; of the part's rows, those of the whole batch's dropout. Where x is not
/// the part's rows one for one (the rows of one group, attention weights), its own are drawn: as
/// likely as any, but not the ones that one process draws.
inline at::Tensor dropout(const at::Tensor& x, double p) {
  const auto* const part = detail::part_rows;
  if (part == nullptr || p == 0 || p == 1) return at::dropout(x, p, /*train=*/true);
  if (x.size(0) == part->numbers.numel()) {
    auto shape = x.sizes().vec();
    shape[0] = part->whole_rows;
    const auto factors = detail::dropout_factors(shape, x, p);
    return x * factors.index_select(0, part->numbers.to(x.device()));
  }
  // Of all ranks' draws the generator gives the same: what makes them differ is where they are.
  const auto seed = random_seed();
  const auto first = part->numbers.numel() > 0 ? part->numbers[0].item<int64_t>() : 0;
  const auto own = at::detail::createCPUGenerator(seed + static_cast<uint64_t>(first));
  const auto factors = detail::dropout_factors(x.sizes(), x.cpu(), p, own);
  return x * factors.to(x.device());
}

}  // namespace madx::ops
