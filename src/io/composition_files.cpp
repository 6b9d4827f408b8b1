#include "madx/io/composition_files.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/module_tensors.h"
#include "madx/core/error.h"
#include "madx/io/adapter_files.h"
#include "madx/io/adapter_setup.h"

namespace madx::io {

std::string load_fusion(AdapterStack& adapters, const std::string& directory,
                        const std::string& name, double default_dropout) {
  const auto file = read_fusion(directory);
  check_hidden_size(directory, "a fusion", file.model.hidden_size, adapters->hidden_size());
  for (const auto& member : file.adapter_names) {
    if (adapters->has(member)) continue;
    input_error(directory, ": expected the fused adapter \"", member,
                "\" in the bank, but found none of that name; load it first");
  }
  AdapterFusionOptions options(file.config, adapters->hidden_size(), adapters->num_layers());
  const auto& sites = adapters->get(file.adapter_names.front())->options.config();
  options.members(file.adapter_names)
      .mh_adapter(sites.mh_adapter)
      .output_adapter(sites.output_adapter)
      .default_dropout(default_dropout);
  AdapterFusion fusion(options);
  copy_tensors(fusion->named_tensors(), file.tensors, directory);
  const auto as = name.empty() ? file.name : name;
  for (auto& weight : fusion->parameters()) weight.requires_grad_(false);
  adapters->add_fusion(as, fusion);
  return as;
}

void save_fusion(const AdapterStack& adapters, const std::string& name, const ModelInfo& model,
                 const std::string& directory, TensorFormat format) {
  const auto& fusion = adapters->get_fusion(name);
  write_fusion(directory,
               {name, fusion->options.members(), fusion->options.config(), model,
                to_map(fusion->named_tensors())},
               format);
}

Composition load_adapter_setup(AdapterStack& adapters, const std::string& directory,
                               const std::vector<int64_t>& leave_out) {
  const auto setup = read_adapter_setup(directory);
  const auto parts = parts_of(setup);
  std::vector<std::string> loaded, fusions;
  try {
    for (const auto& name : parts.adapters) {
      load_adapter(adapters, directory + "/" + name, name, leave_out);
      loaded.push_back(name);
    }
    for (const auto& fusion : parts.fusions) {
      const auto name = fusion_name(fusion);
      load_fusion(adapters, directory + "/" + name, name);
      fusions.push_back(name);
    }
  } catch (...) {  // the bank as it was
    for (const auto& name : fusions) adapters->remove_fusion(name);
    for (const auto& name : loaded) adapters->remove(name);
    throw;
  }
  return setup.adapters;
}

void save_adapter_setup(const AdapterStack& adapters, const Composition& composition,
                        const ModelInfo& model, const std::string& directory,
                        const std::string& head, TensorFormat format) {
  AdapterSetup setup{composition, "null"};
  if (!head.empty()) setup.head_setup = nlohmann::json(head).dump();
  const auto parts = parts_of(setup);
  // What cannot be saved is refused before anything is written.
  check_adapter_setup(directory, setup);
  for (const auto& name : parts.adapters) {
    check_name(name);
    adapters->get(name);
  }
  for (const auto& fusion : parts.fusions) adapters->get_fusion(fusion_name(fusion));
  const auto part = [&](const std::string& name) {
    const auto path = directory + "/" + name;
    std::filesystem::create_directory(path);
    return path;
  };
  for (const auto& name : parts.adapters) save_adapter(adapters, name, model, part(name), format);
  for (const auto& fusion : parts.fusions) {
    const auto name = fusion_name(fusion);
    save_fusion(adapters, name, model, part(name), format);
  }
  write_adapter_setup(directory, setup);  // last: what it names is there
}

}  // namespace madx::io
