#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "madx/adapters/composition.h"

namespace madx::io {

/// What adapter_setup.json holds: which adapters act, and how. Each adapter, each fusion and each
/// head is a directory beside it, under its name.
struct AdapterSetup {
  Composition adapters;  ///< what acts; each name is a directory's
  /// Which heads act, as JSON: null, a name, a list of names, a block of them, or true for a static
  /// head in the directory itself. It is written as it was read.
  std::string head_setup = "null";
};

/// Whether `directory` holds a setup (adapter_setup.json).
bool has_adapter_setup(const std::string& directory);

/// Reads adapter_setup.json. Throws InputError naming file, key, expected and found: blocks that
/// are not supported (Split, MultiTask), one block in another where AdapterHub does not allow it, a
/// name that is no directory's.
AdapterSetup read_adapter_setup(const std::string& directory);

/// The same for the file's content in memory; `path` is what messages begin with.
AdapterSetup parse_adapter_setup(const std::string& path, std::string_view text);

/// Writes adapter_setup.json into `directory`, which must exist, as `adapters` 1.3.0 does: Python's
/// `model.load_adapter_setup(directory)` reads it and what lies beside it. Weights of an Average
/// are written normalised. Throws InputError for what AdapterHub has no words for: an
/// Average that is not AdapterHub's, the name that stands for each sequence's language, a name that
/// no directory can have.
void write_adapter_setup(const std::string& directory, const AdapterSetup& setup);
/// Throws what write_adapter_setup would for the setup itself; writes nothing.
void check_adapter_setup(const std::string& directory, const AdapterSetup& setup);

/// The directories that a setup consists of, beside its JSON file.
struct AdapterSetupParts {
  std::vector<std::string> adapters;  ///< names of sets, each a directory's
  std::vector<Composition> fusions;   ///< blocks; fusion_name() is the directory's name
  std::vector<std::string> heads;     ///< without those that lie in their adapter's directory
};
/// Those that the setup names, each once.
AdapterSetupParts parts_of(const AdapterSetup& setup);

}  // namespace madx::io
