#include <map>

#include "io/adapter_keys.h"
#include "io/adapterhub_files.h"
#include "io/fusion_config.h"
#include "madx/core/error.h"
#include "madx/io/adapterhub.h"
#include "madx/io/mapped_file.h"

namespace madx::io {
namespace {

constexpr const char* kFusionConfigName = "adapter_fusion_config.json";
constexpr WeightsName kFusionWeights{"pytorch_model_adapter_fusion.bin",
                                     "model_adapter_fusion.safetensors"};

}  // namespace

FusionDirectory read_fusion(const std::string& directory) {
  check_holds(directory, kFusionConfigName, "an AdapterFusion");
  const std::string config = directory + "/" + kFusionConfigName;
  FusionDirectory fusion = parse_fusion_config(config, MappedFile(config).bytes());
  for (const auto& item : read_weights(directory, kFusionWeights)) {
    const auto found = parse_fusion_file_key(item.key());
    if (!found) {
      input_error(directory, ": expected tensors of an AdapterFusion, but found ", item.key(),
                  "; remove it, or save the fusion alone");
    }
    if (found->name != fusion.name) {
      input_error(directory, ": expected tensors of the fusion \"", fusion.name,
                  "\", as its configuration says, but found those of \"", found->name,
                  "\"; save one fusion a directory");
    }
    const std::string key = fusion_key(found->key);
    if (fusion.tensors.contains(key)) {
      input_error(directory, ": expected every tensor once, but found ", key,
                  " under two names; remove one");
    }
    fusion.tensors.insert(key, item.value());
  }
  if (fusion.tensors.is_empty()) {
    input_error(directory, ": expected a fusion's tensors, but found none; save the fusion again");
  }
  return fusion;
}

void write_fusion(const std::string& directory, const FusionDirectory& fusion,
                  TensorFormat format) {
  check_directory(directory);
  check_name(fusion.name);
  if (fusion.adapter_names.size() < 2) {
    input_error(directory, ": expected a fusion of two adapters or more, but found ",
                fusion.adapter_names.size(), "; name its members");
  }
  const std::string prefix = model_prefix(fusion.model);
  std::map<AdapterKey, at::Tensor> sorted;
  for (const auto& item : fusion.tensors) {
    const auto key = parse_fusion_key(item.key());
    if (!key) {
      input_error(directory, ": expected tensors of an AdapterFusion, but found ", item.key(),
                  "; AdapterHub has no such key");
    }
    sorted[*key] = item.value();
  }
  TensorMap tensors;
  for (const auto& [key, tensor] : sorted) {
    tensors.insert(fusion_file_key(key, prefix, fusion.name), tensor);
  }
  write_adapterhub_json(directory + "/" + kFusionConfigName, fusion.model, fusion.name,
                        fusion_config_json(fusion.config),
                        {{"adapter_names", fusion.adapter_names}});
  write_weights(directory, kFusionWeights, tensors, format);
}

}  // namespace madx::io
