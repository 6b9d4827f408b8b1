#pragma once

#include <map>
#include <string>
#include <string_view>

#include "madx/adapters/bottleneck_config.h"
#include "madx/io/adapterhub.h"

namespace madx::io {

/// What adapter_config.json holds.
struct AdapterConfigFile {
  BottleneckConfig config;  ///< of the adapters
  ModelInfo model;          ///< whose adapters they are
  std::string name;         ///< empty where the file has none
  std::string
      type;  ///< "text_lang" or "text_task" in files of AdapterHub's first versions, else empty
  std::string version;  ///< of the library that wrote the file; empty in the first versions
};

/// Reads adapter_config.json of any version of AdapterHub. Keys that a bottleneck adapter does not
/// have are passed over, missing ones take AdapterHub's defaults. Throws InputError naming file
/// and key for what this library does not compute: other architectures than the bottleneck (LoRA,
/// prefix tuning, unions, ...), hypercomplex layers (`phm_layer`), adapters in cross-attention, and
/// the invertible adapter "glow", which fails in AdapterHub itself.
AdapterConfigFile read_adapter_config(const std::string& path);

/// The same for the file's content in memory; `path` is what messages begin with.
AdapterConfigFile parse_adapter_config(const std::string& path, std::string_view text);

/// Writes the full set of AdapterHub's 33 keys, byte for byte as `adapters` 1.3.0 does when it
/// loads and saves the same adapter; `type` is not written any more, and the version is that of the
/// format.
void write_adapter_config(const std::string& path, const AdapterConfigFile& file);

/// Every key of AdapterHub's bottleneck configuration with its value as JSON, "null" and defaults
/// included.
std::map<std::string, std::string> config_values(const BottleneckConfig& config);

/// AdapterHub's configuration strings: a name with keys to change, as in "pfeiffer", "seq_bn_inv"
/// or "seq_bn[reduction_factor=2,leave_out=[10,11],non_linearity='gelu']"; values are Python
/// literals. Throws InputError for an unknown name or key, a value of another type and what
/// read_adapter_config refuses.
BottleneckConfig parse_config_string(const std::string& text);

}  // namespace madx::io
