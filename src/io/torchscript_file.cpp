#include "io/torchscript_file.h"

#include "io/pickled_tensors.h"
#include "io/unpickler.h"
#include "io/zip_file.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kExtra = "extra/", kData = "data/";

/// Gathers the tensors of a module and of those inside it, in the order of its attributes.
class ModuleReader {
 public:
  ModuleReader(const std::string& path, Storages& storages) : path_(path), storages_(storages) {}

  TensorMap read(const PickleValue& root) {
    if (root.kind != Kind::kObject) {
      input_error(path_, ": expected a module in the archive (data.pkl), but found ",
                  describe(root), "; save the model with torch.jit.save");
    }
    add_module("", root, 0);
    return std::move(tensors_);
  }

 private:
  /// A module may stand in several places; one that stands in itself has no end.
  void add_module(const std::string& prefix, const PickleValue& module, int depth) {
    constexpr int kDeepest = 64;
    constexpr int64_t kMost = 100'000;
    if (module.items.empty() || module.items[0]->kind != Kind::kDict) return;
    if (depth == kDeepest || prefix.size() > kLongestName)
      refuse("modules more than 64 deep, or names of more than 250 characters");
    const auto& attributes = module.items[0]->items;  // key, value, key, value, ...
    for (size_t i = 0; i + 1 < attributes.size(); i += 2) {
      if (++visited_ > kMost) refuse("more than 100000 attributes");
      const PickleValue& key = *attributes[i];
      const PickleValue& value = *attributes[i + 1];
      if (key.kind != Kind::kString) refuse(describe(key) + " as an attribute's name");
      if (value.kind == Kind::kObject) {
        add_module(prefix + std::string(key.text) + ".", value, depth + 1);
      } else if (value.kind == Kind::kTensor) {
        add_tensor(prefix + std::string(key.text), value);
      }
    }
  }

  void add_tensor(const std::string& name, const PickleValue& value) {
    if (name.size() > kLongestName) refuse("a name of more than 250 characters");
    if (tensors_.contains(name)) refuse(name + " twice");
    tensors_.insert(name, storages_.make_tensor(path_ + ": " + name, value));
  }

  [[noreturn]] void refuse(const std::string& found) const {
    input_error(path_, ": expected the modules of a TorchScript archive, but found ", found,
                "; the file is damaged, copy it again");
  }

  static constexpr size_t kLongestName = 250;

  const std::string& path_;
  Storages& storages_;
  TensorMap tensors_;
  int64_t visited_ = 0;
};

}  // namespace

TorchScriptFile read_torchscript_file(const std::string& path,
                                      const std::set<std::string>& extra_files) {
  return parse_torchscript_file(path, map_file(path), extra_files);
}

TorchScriptFile parse_torchscript_file(const std::string& path, const SharedBytes& file,
                                       const std::set<std::string>& extra_files) {
  if (file.view().substr(0, kZipStart.size()) != kZipStart) {
    input_error(path, ": expected a TorchScript archive, but found something else; check the ",
                "path, or copy the file again");
  }
  const auto is_extra = [&](std::string_view name) {
    return name.substr(0, kExtra.size()) == kExtra &&
           extra_files.count(std::string(name.substr(kExtra.size()))) != 0;
  };
  const auto records = read_zip_records(path, file, [&](std::string_view name) {
    return name == "data.pkl" || name == "constants.pkl" || name == "byteorder" ||
           name.substr(0, kData.size()) == kData || is_extra(name);
  });
  const auto pickle = records.find("data.pkl");
  if (pickle == records.end() || records.count("constants.pkl") == 0) {
    input_error(path, ": expected a TorchScript archive (data.pkl and constants.pkl), but found ",
                pickle == records.end() ? "neither" : "what torch.save wrote",
                "; save the model with torch.jit.save");
  }
  auto storages = storages_of(path, records);
  Unpickler unpickler(path, pickle->second.view(), PickleObjects::kTorchScript);
  TorchScriptFile read;
  read.tensors = ModuleReader(path, storages).read(unpickler.read());
  for (const auto& [name, bytes] : records) {
    if (is_extra(name)) read.extra_files[name.substr(kExtra.size())] = bytes.view();
  }
  return read;
}

}  // namespace madx::io
