#pragma once

#include <map>
#include <set>
#include <string>

#include "madx/core/tensor_map.h"
#include "madx/io/mapped_file.h"

namespace madx::io {

/// What a TorchScript archive holds beside its program.
struct TorchScriptFile {
  TensorMap tensors;  ///< parameters and buffers by their names in the module, over the mapped file
  std::map<std::string, std::string> extra_files;  ///< those that were asked for and are there
};

/// Reads an archive that `torch.jit.save` wrote, or ExportModule, as data: its program is not
/// looked at, nor are objects' `__setstate__`. Of the pickled module, tensors and modules inside it
/// are followed; what a call of any other function, or a class's own state, would give, is refused
/// by name or passed over. Throws InputError naming file, expected and found for a file that is
/// damaged or is no TorchScript archive.
TorchScriptFile read_torchscript_file(const std::string& path,
                                      const std::set<std::string>& extra_files);

/// The same over bytes in memory. `path` names them in errors.
TorchScriptFile parse_torchscript_file(const std::string& path, const SharedBytes& file,
                                       const std::set<std::string>& extra_files);

}  // namespace madx::io
