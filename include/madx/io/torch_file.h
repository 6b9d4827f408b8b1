#pragma once

#include <string>

#include "madx/core/tensor_map.h"

namespace madx::io {

/// The tensors of a file that Python's `torch.save` wrote: a dict (or OrderedDict) of tensors by
/// name, or one that holds such a dict under "state_dict". Reads today's zip archives and the
/// stream that PyTorch wrote before 1.6.
///
/// A file is data here, never a program: only tensors and plain containers are built, all sizes are
/// checked, and any other Python object is refused by name. Tensors arrive on the CPU, with the
/// strides that they were saved with. Throws InputError naming file, expected and found for a file
/// that is damaged or holds something else.
TensorMap read_torch_file(const std::string& path);

/// Writes the zip archive that `torch.load(path)` reads by its defaults (weights_only=True), whole
/// or not at all: a dict of contiguous CPU tensors. Throws InputError for a type that torch.save
/// has no storage for, MachineError when writing fails.
void write_torch_file(const std::string& path, const TensorMap& tensors);

}  // namespace madx::io
