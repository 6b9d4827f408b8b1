#pragma once

#include <map>
#include <string>
#include <vector>

#include "madx/adapters/adapter_fusion.h"
#include "madx/adapters/adapter_set.h"

namespace madx {

/// The adapters and fusions that are loaded beside one encoder, by name. A copy shares them.
struct Bank {
  int64_t hidden_size = 0;                            ///< of the encoder
  int64_t num_layers = 0;                             ///< of the encoder
  std::map<std::string, AdapterSet> adapters = {};    ///< sets by name
  std::map<std::string, AdapterFusion> fusions = {};  ///< fusions by name

  /// Throw c10::Error, with the names there are, for another one.
  const AdapterSet& adapter(const std::string& name) const {
    const auto found = adapters.find(name);
    TORCH_CHECK(found != adapters.end(), "AdapterStack: no adapter named \"", name,
                "\"; there are ", names(adapters));
    return found->second;
  }
  /// Throws c10::Error as `adapter` does.
  const AdapterFusion& fusion(const std::string& name) const {
    const auto found = fusions.find(name);
    TORCH_CHECK(found != fusions.end(), "AdapterStack: no fusion named \"", name, "\"; there are ",
                names(fusions));
    return found->second;
  }

  /// Throws c10::Error where what is new, "an adapter" or "a fusion" of these options, has no place
  /// among `present`: for its name, or for another shape.
  template <class Modules, class Options>
  void check_new(const char* kind, const std::string& name, const Modules& present,
                 const Options& options) const;

  template <class Modules>
  /// The names of `modules`, sorted.
  static std::vector<std::string> names(const Modules& modules) {
    std::vector<std::string> names;
    for (const auto& item : modules) names.push_back(item.first);
    return names;
  }
};

template <class Modules, class Options>
void Bank::check_new(const char* kind, const std::string& name, const Modules& present,
                     const Options& options) const {
  TORCH_CHECK(!name.empty() && name.find('.') == std::string::npos,
              "AdapterStack: expected a name without dots, since it becomes part of tensor names, ",
              "but got \"", name, "\"");
  TORCH_CHECK(present.count(name) == 0, "AdapterStack: ", kind, " named \"", name,
              "\" is already there; give this one another name");
  TORCH_CHECK(options.hidden_size() == hidden_size && options.num_layers() == num_layers,
              "AdapterStack: expected ", kind, " for ", num_layers, " layers of hidden size ",
              hidden_size, ", but \"", name, "\" is for ", options.num_layers(), " of ",
              options.hidden_size());
}

}  // namespace madx
