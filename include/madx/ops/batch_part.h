#pragma once

#include <ATen/ATen.h>

#include <cstdint>

// Dropout of a batch whose sequences are shared out to several processes. What is drawn for a row
// depends on its number alone, so each process draws for its rows what one process would draw for
// them in the whole batch.
namespace madx::ops {

/// Which rows of the whole batch the rows of a part are.
struct PartRows {
  at::Tensor numbers;      ///< (rows) int64, on the CPU
  int64_t whole_rows = 0;  ///< of the whole batch
};

/// While it lives, rows that operators are given by this thread are those of a part. nullptr: they
/// are a whole batch's, as without it.
class PartScope {
 public:
  /// `rows` outlive it.
  explicit PartScope(const PartRows* rows);
  ~PartScope();
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;

 private:
  const PartRows* before_;
};

/// at::dropout in training; of the part's rows, those of the whole batch's dropout. Where x is not
/// the part's rows one for one (the rows of one group, attention weights), its own are drawn: as
/// likely as any, but not the ones that one process draws.
at::Tensor dropout(const at::Tensor& x, double p);

}  // namespace madx::ops
