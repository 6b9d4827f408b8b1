#pragma once

#include <string>
#include <vector>

#include "madx/adapters/bottleneck_config.h"
#include "madx/io/tensor_map.h"

namespace madx::io {

/// Which encoder a directory of AdapterHub belongs to: the keys that every one of its JSON files
/// carries.
struct ModelInfo {
  std::string model_type = "xlm-roberta";  ///< or "bert"
  std::string model_class = "XLMRobertaAdapterModel";
  std::string model_name;
  int64_t hidden_size = 0;
};

/// A set of adapters as its directory holds it.
/// Keys of `tensors` are free of the model's prefix and of the adapter's name:
/// `encoder.layer.3.output.adapter_down.0.weight`,
/// `encoder.layer.3.attention.output.adapter_up.bias`, `invertible.F.0.weight`.
struct AdapterDirectory {
  std::string name;
  BottleneckConfig config;
  ModelInfo model;
  TensorMap tensors;
};

/// A head as its directory holds it. Keys of `tensors` are those of the head's module list:
/// `1.weight`, `1.bias` for tagging; `0.weight`, `0.bias`, `2.weight`, `2.bias`, `3.bias` for
/// masked LM (dense, LayerNorm, output bias). The output embedding `3.weight` is tied to the
/// input's: it is dropped on reading and never written.
struct HeadDirectory {
  std::string
      name;  ///< empty for a head that was not saved by name (a static head of Hugging Face)
  std::string head_type;            ///< "tagging" or "masked_lm"
  std::vector<std::string> labels;  ///< tagging: labels by id
  int64_t vocab_size = 0;           ///< masked_lm
  ModelInfo model;
  TensorMap tensors;
};

/// Throws InputError for a name that Python's `adapters` cannot give to an adapter or head: an
/// empty one, one with a dot, an attribute of PyTorch's modules ("train", "to", ...). For programs
/// to call before they train.
void check_name(const std::string& name);

/// Reads adapter_config.json with pytorch_adapter.bin or, where that is missing,
/// adapter.safetensors; key names of today and of AdapterHub's first versions. The name is the one
/// that the tensors' keys carry. A task adapter of the first versions that declares an invertible
/// adapter but has no weights for it has none, as in AdapterHub. Tensors may be views of the mapped
/// file. Throws InputError naming file, key, expected and found: a key that no bottleneck or
/// invertible adapter has, two names. Shapes and completeness are for the modules to check.
AdapterDirectory read_adapter(const std::string& directory);

/// Writes adapter_config.json and pytorch_adapter.bin, which Python's
/// `model.load_adapter(directory)` loads without flags. The files are written into `directory`,
/// which must exist, with tensors in AdapterHub's order. Throws InputError for a name that
/// check_name refuses, another encoder type or an unknown key.
void write_adapter(const std::string& directory, const AdapterDirectory& adapter);

/// Whether `directory` holds a head (head_config.json).
bool has_head(const std::string& directory);

/// Reads head_config.json with pytorch_model_head.bin or, where that is missing,
/// model_head.safetensors; flexible heads of AdapterHub and static ones of Hugging Face (token
/// classification, masked LM). Throws InputError naming file, key, expected and found: another kind
/// of head, more layers, labels without ids.
HeadDirectory read_head(const std::string& directory);

/// Writes head_config.json and pytorch_model_head.bin into `directory`, which must exist.
void write_head(const std::string& directory, const HeadDirectory& head);

}  // namespace madx::io
