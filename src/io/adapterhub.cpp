#include "madx/io/adapterhub.h"

#include <algorithm>
#include <map>

#include "io/adapter_keys.h"
#include "io/adapterhub_files.h"
#include "madx/core/error.h"
#include "madx/io/adapter_config.h"

namespace madx::io {
namespace {

constexpr const char* kAdapterConfigName = "adapter_config.json";
constexpr WeightsName kAdapterWeights{"pytorch_adapter.bin", "adapter.safetensors"};

}  // namespace

AdapterDirectory read_adapter(const std::string& directory) {
  check_holds(directory, kAdapterConfigName, "an adapter");
  const AdapterConfigFile file = read_adapter_config(directory + "/" + kAdapterConfigName);
  AdapterDirectory adapter;
  adapter.config = file.config;
  adapter.model = file.model;
  bool has_invertible_tensors = false;
  for (const auto& item : read_weights(directory, kAdapterWeights)) {
    const auto found = parse_file_key(item.key());
    if (!found) {
      input_error(directory, ": expected tensors of a bottleneck or invertible adapter, but found ",
                  item.key(), "; remove it, or load the directory with Python's adapters");
    }
    if (!adapter.name.empty() && found->name != adapter.name) {
      input_error(directory, ": expected tensors of one adapter, but found those of \"",
                  adapter.name, "\" and \"", found->name, "\"; save one adapter a directory");
    }
    adapter.name = found->name;
    has_invertible_tensors |= found->key.site == AdapterKey::Site::kInvertible;
    const std::string key = adapter_key(found->key);
    if (adapter.tensors.contains(key)) {
      input_error(directory, ": expected every tensor once, but found ", key,
                  " under two names; remove one");
    }
    adapter.tensors.insert(key, item.value());
  }
  if (adapter.tensors.is_empty()) {  // all layers may be left out, by which the file has a name
    if (file.config.leave_out.empty() || file.name.empty()) {
      input_error(directory,
                  ": expected an adapter's tensors, but found none; save the adapter again");
    }
    adapter.name = file.name;
  }
  // AdapterHub's first configuration declared an invertible adapter for task adapters too, which
  // never had one.
  if (file.type == "text_task" && !has_invertible_tensors) {
    adapter.config.inv_adapter.clear();
    adapter.config.spelling.erase("inv_adapter");
    adapter.config.spelling.erase("inv_adapter_reduction_factor");
  }
  return adapter;
}

ModelInfo read_adapter_model(const std::string& directory) {
  check_holds(directory, kAdapterConfigName, "an adapter");
  return read_adapter_config(directory + "/" + kAdapterConfigName).model;
}

void leave_out_layers(AdapterDirectory& adapter, const std::vector<int64_t>& layers) {
  for (const auto layer : layers) {
    if (!adapter.config.leaves_out(layer)) adapter.config.leave_out.push_back(layer);
  }
  std::sort(adapter.config.leave_out.begin(), adapter.config.leave_out.end());
  TensorMap kept;
  for (const auto& item : adapter.tensors) {
    const auto key = parse_adapter_key(item.key());
    const bool goes =
        key && key->site != AdapterKey::Site::kInvertible && adapter.config.leaves_out(key->layer);
    if (!goes) kept.insert(item.key(), item.value());
  }
  adapter.tensors = kept;
}

void write_adapter(const std::string& directory, const AdapterDirectory& adapter,
                   TensorFormat format) {
  check_directory(directory);
  check_name(adapter.name);
  const std::string prefix = model_prefix(adapter.model);
  std::map<AdapterKey, at::Tensor> sorted;
  for (const auto& item : adapter.tensors) {
    const auto key = parse_adapter_key(item.key());
    if (!key) {
      input_error(directory, ": expected tensors of a bottleneck or invertible adapter, but found ",
                  item.key(), "; AdapterHub has no such key");
    }
    sorted[*key] = item.value();
  }
  TensorMap tensors;
  for (const auto& [key, tensor] : sorted) {
    tensors.insert(file_key(key, prefix, adapter.name), tensor);
  }
  // The configuration first: it refuses what it cannot hold before anything is written.
  write_adapter_config(directory + "/" + kAdapterConfigName,
                       {adapter.config, adapter.model, adapter.name, /*type=*/"", /*version=*/""});
  write_weights(directory, kAdapterWeights, tensors, format);
}

}  // namespace madx::io
