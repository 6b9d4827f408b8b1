#pragma once

#include <string>
#include <vector>

#include "madx/adapters/bottleneck_config.h"
#include "madx/io/tensor_map.h"

namespace madx::io {

/// Which encoder a directory of AdapterHub belongs to: the keys that every one of its JSON files carries.
struct ModelInfo {
  std::string model_type = "xlm-roberta";  ///< or "bert"
  std::string model_class = "XLMRobertaAdapterModel";
  std::string model_name;
  int64_t hidden_size = 0;
};

/// A set of adapters as its directory holds it.
/// Keys of `tensors` are free of the model's prefix and of the adapter's name:
/// `encoder.layer.3.output.adapter_down.0.weight`, `encoder.layer.3.attention.output.adapter_up.bias`,
/// `invertible.F.0.weight`.
struct AdapterDirectory {
  std::string name;
  BottleneckConfig config;
  ModelInfo model;
  TensorMap tensors;
};

/// A head as its directory holds it. Keys of `tensors` are those of the head's module list: `1.weight` for tagging;
/// `0.weight`, `2.bias`, `3.bias` for masked LM (dense, LayerNorm, output embedding; `3.weight` is tied and left out).
struct HeadDirectory {
  std::string name;
  std::string head_type;            ///< "tagging" or "masked_lm"
  std::vector<std::string> labels;  ///< tagging: labels by id
  int64_t vocab_size = 0;           ///< masked_lm
  ModelInfo model;
  TensorMap tensors;
};

/// Reads adapter_config.json with adapter.safetensors or pytorch_adapter.bin, current and legacy key names.
/// Throws InputError naming file, key, expected and found.
AdapterDirectory read_adapter(const std::string& directory);

/// Writes adapter_config.json and pytorch_adapter.bin, which Python's `model.load_adapter(directory)` loads without flags.
/// The files are written into `directory`, which must exist.
void write_adapter(const std::string& directory, const AdapterDirectory& adapter);

/// Whether `directory` holds a head (head_config.json).
bool has_head(const std::string& directory);
HeadDirectory read_head(const std::string& directory);
void write_head(const std::string& directory, const HeadDirectory& head);

}  // namespace madx::io
