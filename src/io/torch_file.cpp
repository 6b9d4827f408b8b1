#include "madx/io/torch_file.h"

#include <functional>
#include <map>

#include "io/mapped_file.h"
#include "io/unpickler.h"
#include "io/zip_file.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kZipStart = "PK\x03\x04";
// The pickled number that starts a file of PyTorch 1.5 and older, and the pickled version that
// follows.
constexpr std::string_view kLegacyStart(
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
constexpr int64_t kLegacyVersion = 1001;
constexpr size_t kMostDimensions = 64;

// The bytes of a storage that the pickle names.
using FindStorage = std::function<SharedBytes(const PickleValue& storage)>;

std::vector<int64_t> whole_numbers(const std::string& what, const PickleValue& tuple) {
  const auto refuse = [&](const PickleValue& found) {
    input_error(what, ": expected a tensor's sizes and strides, but found ", describe(found),
                "; the file is damaged, copy it again");
  };
  if (tuple.kind != Kind::kTuple) refuse(tuple);
  std::vector<int64_t> numbers;
  for (const PickleValue* const item : tuple.items) {
    if (item->kind != Kind::kInt) refuse(*item);
    numbers.push_back(item->number);
  }
  return numbers;
}

int64_t storage_bytes(const std::string& what, const PickleValue& storage) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(storage.number, static_cast<int64_t>(c10::elementSize(storage.dtype)),
                             &bytes)) {
    input_error(what, ": expected a storage that fits into memory, but found ", storage.number,
                " elements; the file is damaged, copy it again");
  }
  return bytes;
}

// `value` holds the arguments of _rebuild_tensor_v2: storage, first element, sizes, strides, ...
at::Tensor make_tensor(const std::string& what, const PickleValue& value,
                       const FindStorage& find_storage) {
  const PickleValue& storage = *value.items[0];
  const PickleValue& first = *value.items[1];
  if (storage.kind != Kind::kStorage || first.kind != Kind::kInt) {
    input_error(what, ": expected a tensor over a storage, but found ", describe(storage),
                "; the file is damaged, copy it again");
  }
  const auto sizes = whole_numbers(what, *value.items[2]);
  const auto strides = whole_numbers(what, *value.items[3]);
  const auto count = element_count(sizes);
  const bool well_formed =
      count && sizes.size() == strides.size() && sizes.size() <= kMostDimensions;
  const auto span = well_formed ? element_span(sizes, strides) : std::nullopt;
  int64_t end = 0;
  // More elements than the storage has would be one element seen as many: no weight is, and copies
  // would be huge.
  if (!span || first.number < 0 || __builtin_add_overflow(first.number, *span, &end) ||
      end > storage.number || *count > storage.number) {
    input_error(what, ": expected a tensor inside its storage of ", storage.number,
                " elements, but found shape ", at::IntArrayRef(sizes), " with strides ",
                at::IntArrayRef(strides), " from element ", first.number,
                "; the file is damaged, copy it again");
  }
  const auto first_byte = static_cast<size_t>(first.number) * c10::elementSize(storage.dtype);
  return tensor_over(find_storage(storage), first_byte, storage.dtype, sizes, strides, what);
}

const PickleValue* find_item(const PickleValue& dict, const std::string& key) {
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::kString && dict.items[i]->text == key)
      return dict.items[i + 1];
  }
  return nullptr;
}

TensorMap make_tensors(const std::string& path, const PickleValue& root,
                       const FindStorage& find_storage) {
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
    if (value.kind != Kind::kTensor) {
      input_error(path, ": ", key.text, ": expected a tensor, but found ", describe(value),
                  "; save a state dict");
    }
    if (tensors.contains(key.text)) {
      input_error(path, ": expected every tensor once, but found ", key.text,
                  " twice; the file is damaged, copy it again");
    }
    tensors.insert(key.text, make_tensor(path + ": " + key.text, value, find_storage));
  }
  return tensors;
}

TensorMap read_zip(const std::shared_ptr<MappedFile>& file) {
  const auto& path = file->path();
  const auto records = read_zip_records(file);
  const auto pickle = records.find("data.pkl");
  if (pickle == records.end() || records.count("constants.pkl") != 0) {
    input_error(path, ": expected a dict of tensors in the archive (data.pkl), but found ",
                pickle == records.end() ? "none" : "a TorchScript program",
                "; give a file that torch.save wrote");
  }
  const auto view = [](const SharedBytes& bytes) {
    return std::string_view(bytes.data, bytes.size);
  };
  const auto order = records.find("byteorder");
  if (order != records.end() && view(order->second) != "little") {
    input_error(path, ": expected little-endian numbers, but found others; save the file on a ",
                "little-endian machine");
  }
  Unpickler unpickler(path, view(pickle->second));
  return make_tensors(path, unpickler.read(), [&](const PickleValue& storage) {
    const auto expected = storage_bytes(path, storage);
    const auto record = records.find("data/" + storage.text);
    if (record == records.end() || record->second.size != static_cast<size_t>(expected)) {
      input_error(path, ": expected ", expected, " bytes in data/", storage.text, ", but found ",
                  record == records.end() ? 0 : record->second.size,
                  "; the file is damaged, copy it again");
    }
    return record->second;
  });
}

// Pickles one after the other: magic number, version, facts about the machine, the object, the
// storages' keys; then for each storage its number of elements (8 bytes) and its bytes.
TensorMap read_legacy(const std::shared_ptr<MappedFile>& file) {
  const auto& path = file->path();
  Unpickler unpickler(path, file->bytes());
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
  const auto& storages = unpickler.storages();
  std::map<std::string, SharedBytes> places;
  size_t position = unpickler.position();
  for (const PickleValue* const key : keys.items) {
    const auto storage = storages.find(key->text);
    const bool known = key->kind == Kind::kString && storage != storages.end();
    const auto size = known ? static_cast<size_t>(storage_bytes(path, *storage->second)) : 0;
    constexpr size_t kCountBytes = 8;
    if (!known || file->size() - position < kCountBytes ||
        file->size() - position - kCountBytes < size) {
      input_error(path, ": expected the bytes of every storage, but found the end of the file at ",
                  file->size(), " bytes; the file is cut off or damaged, copy it again");
    }
    position += kCountBytes;
    places[key->text] = {file, file->data() + position, size};
    position += size;
  }
  return make_tensors(path, root, [&](const PickleValue& storage) {
    const auto place = places.find(storage.text);
    if (place == places.end() ||
        place->second.size != static_cast<size_t>(storage_bytes(path, storage))) {
      input_error(path, ": expected the bytes of every storage, but found none for ", storage.text,
                  "; the file is damaged, copy it again");
    }
    return place->second;
  });
}

}  // namespace

TensorMap read_torch_file(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(path);
  const auto starts_with = [&](std::string_view start) {
    return file->bytes().substr(0, start.size()) == start;
  };
  if (starts_with(kZipStart)) return read_zip(file);
  if (starts_with(kLegacyStart)) return read_legacy(file);
  input_error(path, ": expected a file that torch.save wrote, but found something else; ",
              "check the path, or copy the file again");
}

}  // namespace madx::io
