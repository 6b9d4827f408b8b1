#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

namespace madx::io {

/// The place of a tensor in a set of adapters or in an AdapterFusion. Sorted as AdapterHub's files
/// are: layer by layer, then the invertible adapter.
struct AdapterKey {
  enum class Site { kAttention, kOutput, kInvertible };

  int64_t layer = 0;
  Site site = Site::kOutput;
  size_t parameter = 0;  ///< its place in a table of names

  bool operator<(const AdapterKey& other) const {
    const auto rank = [](const AdapterKey& key) {
      return std::make_tuple(key.site == Site::kInvertible, key.layer, key.site, key.parameter);
    };
    return rank(*this) < rank(other);
  }
};

/// A key of an AdapterHub file and the name of the adapter or fusion in it.
struct NamedAdapterKey {
  AdapterKey key;
  std::string name;
};

/// Reads "roberta.encoder.layer.3.output.adapters.NAME.adapter_down.0.weight" and its like: prefix
/// "roberta.", "bert." or none; today's words or those of AdapterHub's first versions. Nothing for
/// any other key.
std::optional<NamedAdapterKey> parse_file_key(const std::string& text);
std::string file_key(const AdapterKey& key, const std::string& prefix, const std::string& name);

/// Reads and writes the same without prefix and name, as AdapterDirectory has it:
/// "encoder.layer.3.output.adapter_down.0.weight".
std::optional<AdapterKey> parse_adapter_key(const std::string& text);
std::string adapter_key(const AdapterKey& key);

/// The same for an AdapterFusion: "encoder.layer.3.output.adapter_fusion_layer.NAME.query.weight"
/// in a file, "encoder.layer.3.output.query.weight" in a FusionDirectory.
std::optional<NamedAdapterKey> parse_fusion_file_key(const std::string& text);
std::string fusion_file_key(const AdapterKey& key, const std::string& prefix,
                            const std::string& name);
std::optional<AdapterKey> parse_fusion_key(const std::string& text);
std::string fusion_key(const AdapterKey& key);

}  // namespace madx::io
