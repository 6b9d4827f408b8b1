#pragma once

#include <string>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/io/adapterhub.h"

namespace madx::io {

/// Loads the directory of an AdapterFusion into the bank, under `name` or, when it is empty, under
/// its own name. Returns the name. `default_dropout` acts in training where the configuration names
/// none: the encoder's attention dropout. Throws InputError when a fused adapter is not in the
/// bank, the fusion is of another hidden size than the encoder, or a tensor is missing, extra or of
/// another shape.
std::string load_fusion(AdapterStack& adapters, const std::string& directory,
                        const std::string& name = "", double default_dropout = 0.1);

/// Writes a fusion of the bank as a directory that Python's `model.load_adapter_fusion(directory)`
/// reads where its adapters are loaded. `directory` must exist.
void save_fusion(const AdapterStack& adapters, const std::string& name, const ModelInfo& model,
                 const std::string& directory, TensorFormat format = TensorFormat::kTorch);

/// Loads a setup, all its adapters and fusions, into the bank, and returns the composition to
/// activate. Layers in `leave_out` have no adapter. Heads are for load_tagging_head, from the
/// directory of their name. Throws InputError as load_adapter and load_fusion do.
Composition load_adapter_setup(AdapterStack& adapters, const std::string& directory,
                               const std::vector<int64_t>& leave_out = {});

/// Writes a composition with its adapters and fusions as a setup that Python's
/// `model.load_adapter_setup(directory)` reads. `directory` must exist and be empty. `head` names
/// the head that Python then loads from the directory of that name, where the caller saves it;
/// empty: none. Throws InputError for what AdapterHub's files have no words for.
void save_adapter_setup(const AdapterStack& adapters, const Composition& composition,
                        const ModelInfo& model, const std::string& directory,
                        const std::string& head = "", TensorFormat format = TensorFormat::kTorch);

}  // namespace madx::io
