#include "io/pickled_tensors.h"

#include <algorithm>

#include "madx/core/error.h"

namespace madx::io {
namespace {

using Kind = PickleValue::Kind;

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

}  // namespace

int64_t storage_bytes(const std::string& path, const PickleValue& storage) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(storage.number, static_cast<int64_t>(c10::elementSize(storage.dtype)),
                             &bytes)) {
    input_error(path, ": expected a storage that fits into memory, but found ", storage.number,
                " elements; the file is damaged, copy it again");
  }
  return bytes;
}

const SharedBytes& Storages::find(const PickleValue& storage) {
  const auto expected = static_cast<size_t>(storage_bytes(path_, storage));
  const auto found = places_.find(storage.text);
  if (found == places_.end() || found->second.bytes.size != expected) {
    input_error(path_, ": expected ", expected, " bytes of storage ", storage.text, ", but found ",
                found == places_.end() ? 0 : found->second.bytes.size,
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
void Storages::count_repeated(const std::string& what, int64_t elements) {
  constexpr int64_t kMost = int64_t{1} << 28;
  if (elements > kMost - repeated_) {
    input_error(what, ": expected tensors with at most ", kMost, " repeated elements in a file, ",
                "but found more; save copies of them (tensor.contiguous())");
  }
  repeated_ += elements;
}

// `value` holds the arguments of _rebuild_tensor_v2: storage, first element, sizes, strides, ...
at::Tensor Storages::make_tensor(const std::string& what, const PickleValue& value) {
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
  count_repeated(what, *count - std::min(*count, storage.number));
  const auto start = *count == 0 ? 0 : static_cast<size_t>(first.number);
  return tensor_over(find(storage), start * c10::elementSize(storage.dtype), storage.dtype, sizes,
                     strides);
}

Storages storages_of(const std::string& path, const std::map<std::string, SharedBytes>& records) {
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
  return storages;
}

const PickleValue* find_item(const PickleValue& dict, const std::string& key) {
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::kString && dict.items[i]->text == key)
      return dict.items[i + 1];
  }
  return nullptr;
}

}  // namespace madx::io
