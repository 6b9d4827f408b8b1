#pragma once

#include <torch/script.h>

#include <string>

#include "madx/io/encoder_files.h"

namespace madx::io {

/// How an archive's own forward and the native layers differ on a small batch.
struct ArchiveComparison {
  double difference;    ///< the largest, relative to values above 1
  at::ScalarType type;  ///< in which the archive computes
};

/// Runs both over two sequences and compares them at the tokens that are no padding. The archive's
/// arguments are told apart by their names, or else the first two by their places: ids, mask.
/// Throws InputError where forward fails, gives neither hidden states nor logits, or differs by
/// more than rounding in its type explains.
ArchiveComparison compare_with_archive(torch::jit::Module& archive, const LoadedEncoder& loaded,
                                       const std::string& where);

}  // namespace madx::io
