#pragma once

#include <map>
#include <string>
#include <vector>

#include "madx/adapters/bottleneck_config.h"
#include "madx/adapters/fusion_config.h"
#include "madx/core/tensor_map.h"

namespace madx::io {

/// Which encoder a directory of AdapterHub belongs to: the keys that every one of its JSON files
/// carries.
struct ModelInfo {
  std::string model_type = "xlm-roberta";              ///< or "bert"
  std::string model_class = "XLMRobertaAdapterModel";  ///< Python's class
  std::string model_name;   ///< as Python names the checkpoint: "xlm-roberta-base"
  int64_t hidden_size = 0;  ///< 0 where the file does not say
};

/// The file that a directory's tensors are in.
enum class TensorFormat {
  kTorch,        ///< torch.save's (*.bin): what Python's adapters load by their default calls
  kSafetensors,  ///< *.safetensors: those load with use_safetensors=True
};

/// A set of adapters as its directory holds it.
/// Keys of `tensors` are free of the model's prefix and of the adapter's name:
/// `encoder.layer.3.output.adapter_down.0.weight`,
/// `encoder.layer.3.attention.output.adapter_up.bias`, `invertible.F.0.weight`.
struct AdapterDirectory {
  std::string name;         ///< as keys of tensors carry it
  BottleneckConfig config;  ///< of all its adapters
  ModelInfo model;          ///< whose adapters they are
  TensorMap tensors;        ///< by key
};

/// A head as its directory holds it. Keys of `tensors` are those of the head's module list:
/// `1.weight`, `1.bias` for tagging; `0.weight`, `0.bias`, `2.weight`, `2.bias`, `3.bias` for
/// masked LM (dense, LayerNorm, output bias). The output embedding `3.weight` is tied to the
/// input's: it is dropped on reading and never written.
struct HeadDirectory {
  std::string
      name;  ///< empty for a head that was not saved by name (a static head of Hugging Face)
  std::string head_type;            ///< "tagging", "masked_lm" or "classification"
  std::vector<std::string> labels;  ///< tagging: labels by id
  int64_t vocab_size = 0;           ///< masked_lm
  ModelInfo model;                  ///< whose head it is
  TensorMap tensors;                ///< by key
  /// Values of a head's configuration that change nothing without training, as JSON by key: they
  /// are written as they were read.
  std::map<std::string, std::string> spelling;
};

/// An AdapterFusion as its directory holds it. Keys of `tensors` are
/// `encoder.layer.3.output.query.weight` and its like.
struct FusionDirectory {
  std::string name;                        ///< "a,b" where it has no other
  std::vector<std::string> adapter_names;  ///< what is fused
  FusionConfig config;                     ///< of all its layers
  ModelInfo model;                         ///< whose fusion it is
  TensorMap tensors;                       ///< by key
};

/// Why Python's `adapters` cannot give a name to an adapter or head: an empty one, one with a dot,
/// an attribute of PyTorch's modules ("train", "to", ...), or one that is not UTF-8 or has control
/// characters. "expected ..., but found ..."; empty for a name that it can give.
std::string name_problem(const std::string& name);
/// Throws InputError for a name that has a problem.
void check_name(const std::string& name);

/// What a directory holds by the names of its files, with the file that says so: "an adapter of
/// AdapterHub (adapter_config.json)", ...; "" for none of what is known.
std::string describe_directory(const std::string& directory);

/// Reads adapter_config.json with pytorch_adapter.bin or, where that is missing,
/// adapter.safetensors; key names of today and of AdapterHub's first versions. The name is the one
/// that the tensors' keys carry, or without tensors, as all layers are left out, that of
/// adapter_config.json. A task adapter of the first versions that declares an invertible adapter
/// but has no weights for it has none, as in AdapterHub. Tensors may be views of the mapped file.
/// Throws InputError naming file, key, expected and found: a key that no bottleneck or invertible
/// adapter has, two names; a directory of something else, PEFT's adapters among it. Shapes and
/// completeness are for the modules to check.
AdapterDirectory read_adapter(const std::string& directory);

/// The encoder that an adapter was made for, by adapter_config.json alone. Throws InputError as
/// read_adapter does for what that file holds.
ModelInfo read_adapter_model(const std::string& directory);

/// Writes adapter_config.json and pytorch_adapter.bin (or adapter.safetensors), which Python's
/// `model.load_adapter(directory)` loads. The files are written into `directory`, which must exist,
/// with tensors in AdapterHub's order. Throws InputError for a name that check_name refuses,
/// another encoder type or an unknown key.
void write_adapter(const std::string& directory, const AdapterDirectory& adapter,
                   TensorFormat format = TensorFormat::kTorch);

/// Leaves out these layers beside those that the adapter leaves out already: their tensors go, as
/// with `leave_out` of Python's load_adapter.
void leave_out_layers(AdapterDirectory& adapter, const std::vector<int64_t>& layers);

/// Whether `directory` holds a head (head_config.json).
bool has_head(const std::string& directory);

/// Reads head_config.json with pytorch_model_head.bin or, where that is missing,
/// model_head.safetensors; flexible heads of AdapterHub and static ones of Hugging Face (token
/// classification, masked LM). Throws InputError naming file, key, expected and found: another kind
/// of head, more layers, labels without ids.
HeadDirectory read_head(const std::string& directory);

/// Writes head_config.json and pytorch_model_head.bin (or model_head.safetensors) into `directory`,
/// which must exist.
void write_head(const std::string& directory, const HeadDirectory& head,
                TensorFormat format = TensorFormat::kTorch);

/// Reads adapter_fusion_config.json with pytorch_model_adapter_fusion.bin or, where that is
/// missing, model_adapter_fusion.safetensors. Throws InputError naming file, key, expected and
/// found.
FusionDirectory read_fusion(const std::string& directory);

/// Writes the same files, which Python's `model.load_adapter_fusion(directory)` loads where the
/// fused adapters are loaded.
void write_fusion(const std::string& directory, const FusionDirectory& fusion,
                  TensorFormat format = TensorFormat::kTorch);

}  // namespace madx::io
