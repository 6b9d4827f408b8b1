#include "madx/io/torch_file.h"

#include <algorithm>
#include <map>

#include "io/tensor_files.h"
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

std::vector<int64_t> whole_numbers(const std::string& what, const PickleValue& tuple) {
  const auto refuse = [&](const PickleValue& found) {
    input_error(what, ": expected a tensor's sizes and strides, but found ", describe(found),
                "; the file is damaged, copy it again");
  };
  if (tuple.kind != Kind::kTuple) refuse(tuple);
  if (tuple.items.size() > kMostDimensions) {
    input_error(what, ": expected at most ", kMostDimensions, " sizes and strides, but found ",
                tuple.items.size(), "; the file is damaged, copy it again");
  }
  std::vector<int64_t> numbers;
  for (const PickleValue* const item : tuple.items) {
    if (item->kind != Kind::kInt) refuse(*item);
    numbers.push_back(item->number);
  }
  return numbers;
}

int64_t storage_bytes(const std::string& path, const PickleValue& storage) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(storage.number, static_cast<int64_t>(c10::elementSize(storage.dtype)),
                             &bytes)) {
    input_error(path, ": expected a storage that fits into memory, but found ", storage.number,
                " elements; the file is damaged, copy it again");
  }
  return bytes;
}

// The storages' bytes by key. Tensors share storages, so each is checked and, where it lies askew
// for its type, copied once.
class Storages {
 public:
  explicit Storages(const std::string& path) : path_(path) {}

  void add(std::string_view key, const SharedBytes& bytes) { places_[std::string(key)] = {bytes}; }

  const SharedBytes& find(const PickleValue& storage) {
    const auto expected = static_cast<size_t>(storage_bytes(path_, storage));
    const auto found = places_.find(storage.text);
    if (found == places_.end() || found->second.bytes.size != expected) {
      input_error(path_, ": expected ", expected, " bytes of storage ", storage.text,
                  ", but found ", found == places_.end() ? 0 : found->second.bytes.size,
                  "; the file is damaged, copy it again");
    }
    auto& place = found->second;
    place.bytes = aligned(place.bytes, c10::elementSize(storage.dtype));
    if (storage.dtype == at::kBool && !place.checked) {
      check_booleans(place.bytes.view(), path_ + ": storage " + std::string(storage.text));
      place.checked = true;
    }
    return place.bytes;
  }

  // Elements beyond those of a storage are one element seen as many (stride 0, overlapping rows):
  // here they cost nothing, but who copies the tensor pays for each. A file that is read may be so
  // much larger than it is, all its tensors together.
  void count_repeated(const std::string& what, int64_t elements) {
    constexpr int64_t kMost = int64_t{1} << 28;
    if (elements > kMost - repeated_) {
      input_error(what, ": expected tensors with at most ", kMost, " repeated elements in a file, ",
                  "but found more; save copies of them (tensor.contiguous())");
    }
    repeated_ += elements;
  }

 private:
  struct Place {
    SharedBytes bytes;
    bool checked = false;
  };

  const std::string& path_;
  std::map<std::string, Place, std::less<>> places_;
  int64_t repeated_ = 0;
};

// `value` holds the arguments of _rebuild_tensor_v2: storage, first element, sizes, strides, ...
at::Tensor make_tensor(const std::string& what, const PickleValue& value, Storages& storages) {
  const PickleValue& storage = *value.items[0];
  const PickleValue& first = *value.items[1];
  if (storage.kind != Kind::kStorage || first.kind != Kind::kInt) {
    input_error(what, ": expected a tensor over a storage, but found ", describe(storage),
                "; the file is damaged, copy it again");
  }
  const auto sizes = whole_numbers(what, *value.items[2]);
  const auto strides = whole_numbers(what, *value.items[3]);
  const auto count = element_count(sizes);
  const bool well_formed = count && sizes.size() == strides.size();
  const auto span = well_formed ? element_span(sizes, strides) : std::nullopt;
  int64_t end = 0;
  const bool inside = span && first.number >= 0 &&
                      !__builtin_add_overflow(first.number, *span, &end) &&
                      (end <= storage.number || *count == 0);
  if (!inside) {
    input_error(what, ": expected a tensor inside its storage of ", storage.number,
                " elements, but found shape ", at::IntArrayRef(sizes), " with strides ",
                at::IntArrayRef(strides), " from element ", first.number,
                "; the file is damaged, copy it again");
  }
  storages.count_repeated(what, *count - std::min(*count, storage.number));
  const auto start = *count == 0 ? 0 : static_cast<size_t>(first.number);
  return tensor_over(storages.find(storage), start * c10::elementSize(storage.dtype), storage.dtype,
                     sizes, strides);
}

const PickleValue* find_item(const PickleValue& dict, const std::string& key) {
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::kString && dict.items[i]->text == key)
      return dict.items[i + 1];
  }
  return nullptr;
}

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
    tensors.insert(name, make_tensor(path + ": " + name, value, storages));
  }
  return tensors;
}

TensorMap read_zip(const std::string& path, const SharedBytes& file) {
  const auto records = read_zip_records(path, file);
  const auto pickle = records.find("data.pkl");
  if (pickle == records.end() || records.count("constants.pkl") != 0) {
    input_error(path, ": expected a dict of tensors in the archive (data.pkl), but found ",
                pickle == records.end() ? "none" : "a TorchScript program",
                "; give a file that torch.save wrote");
  }
  const auto order = records.find("byteorder");
  if (order != records.end() && order->second.view() != "little") {
    input_error(path, ": expected little-endian numbers, but found others; save the file on a ",
                "little-endian machine");
  }
  constexpr std::string_view kFolder = "data/";
  Storages storages(path);
  for (const auto& [name, bytes] : records) {
    const auto key = std::string_view(name);
    if (key.substr(0, kFolder.size()) == kFolder) storages.add(key.substr(kFolder.size()), bytes);
  }
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
  const auto starts_with = [&](std::string_view start) {
    return file.view().substr(0, start.size()) == start;
  };
  if (starts_with(kZipStart)) return read_zip(path, file);
  if (starts_with(kLegacyStart)) return read_legacy(path, file);
  input_error(path, ": expected a file that torch.save wrote, but found something else; ",
              "check the path, or copy the file again");
}

}  // namespace madx::io
