#include "madx/io/torch_file.h"

#include "io/pickled_tensors.h"
#include "io/tensor_files.h"
#include "io/unpickler.h"
#include "io/zip_file.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

// The pickled number that starts a file of PyTorch 1.5 and older, and the pickled version that
// follows.
constexpr std::string_view kLegacyStart(
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
constexpr int64_t kLegacyVersion = 1001;

TensorMap make_tensors(const std::string& path, const PickleValue& root, Storages& storages) {
  const PickleValue* dict = &root;
  if (root.kind == Kind::kDict) {
    const PickleValue* const nested = find_item(root, "state_dict");
    if (nested != nullptr && nested->kind == Kind::kDict) dict = nested;
  }
  if (dict->kind != Kind::kDict) {
    input_error(path, ": expected a dict of tensors, but found ", describe(*dict),
                "; save a state dict");
  }
  TensorMap tensors;
  for (size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    const PickleValue& key = *dict->items[i];
    const PickleValue& value = *dict->items[i + 1];
    if (key.kind != Kind::kString) {
      input_error(path, ": expected tensors by name, but found ", describe(key),
                  " as a key; save a state dict");
    }
    const std::string name(key.text);
    if (value.kind != Kind::kTensor) {
      input_error(path, ": ", name, ": expected a tensor, but found ", describe(value),
                  "; save a state dict");
    }
    if (tensors.contains(name)) {
      input_error(path, ": expected every tensor once, but found ", name,
                  " twice; the file is damaged, copy it again");
    }
    tensors.insert(name, storages.make_tensor(path + ": " + name, value));
  }
  return tensors;
}

TensorMap read_zip(const std::string& path, const SharedBytes& file) {
  const auto records = read_zip_records(path, file, [](std::string_view) { return true; });
  const auto pickle = records.find("data.pkl");
  if (pickle == records.end() || records.count("constants.pkl") != 0) {
    input_error(path, ": expected a dict of tensors in the archive (data.pkl), but found ",
                pickle == records.end() ? "none" : "a TorchScript program",
                "; give a file that torch.save wrote");
  }
  auto storages = storages_of(path, records);
  Unpickler unpickler(path, pickle->second.view());
  return make_tensors(path, unpickler.read(), storages);
}

// Pickles one after the other: magic number, version, facts about the machine, the object, the
// storages' keys; then for each storage its number of elements (8 bytes) and its bytes.
TensorMap read_legacy(const std::string& path, const SharedBytes& file) {
  Unpickler unpickler(path, file.view());
  unpickler.skip(kLegacyStart.size());
  const PickleValue& version = unpickler.read();
  if (version.kind != Kind::kInt || version.number != kLegacyVersion) {
    input_error(path, ": expected version ", kLegacyVersion, " of PyTorch's old format, but found ",
                describe(version), "; save the file again with a newer PyTorch");
  }
  const PickleValue* const little = find_item(unpickler.read(), "little_endian");
  if (little == nullptr || little->kind != Kind::kBool || !little->number) {
    input_error(path, ": expected little-endian numbers, but found others; save the file on a ",
                "little-endian machine");
  }
  const PickleValue& root = unpickler.read();
  const PickleValue& keys = unpickler.read();

  // The element type of a storage is known from the pickle alone, its place in the file from all
  // storages before it.
  Storages storages(path);
  size_t position = unpickler.position();
  for (const PickleValue* const key : keys.items) {
    const auto storage = unpickler.storages().find(key->text);
    const bool known = key->kind == Kind::kString && storage != unpickler.storages().end();
    const auto size = known ? static_cast<size_t>(storage_bytes(path, *storage->second)) : 0;
    constexpr size_t kCountBytes = 8;
    if (!known || file.size - position < kCountBytes || file.size - position - kCountBytes < size) {
      input_error(path, ": expected the bytes of every storage, but found the end of the file at ",
                  file.size, " bytes; the file is cut off or damaged, copy it again");
    }
    position += kCountBytes;
    storages.add(key->text, {file.owner, file.data + position, size});
    position += size;
  }
  return make_tensors(path, root, storages);
}

}  // namespace

TensorMap read_torch_file(const std::string& path) {
  return parse_torch_file(path, map_file(path));
}

TensorMap parse_torch_file(const std::string& path, const SharedBytes& file) {
  if (starts_with(file.view(), kZipStart)) return read_zip(path, file);
  if (starts_with(file.view(), kLegacyStart)) return read_legacy(path, file);
  input_error(path, ": expected a file that torch.save wrote, but found something else; ",
              "check the path, or copy the file again");
}

}  // namespace madx::io
