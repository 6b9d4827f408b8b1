#include "madx/io/safetensors.h"

#include <c10/util/strides.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>
#include <vector>

#include "io/json_file.h"
#include "io/output_file.h"
#include "io/tensor_files.h"
#include "madx/core/error.h"
#include "madx/io/mapped_file.h"

namespace madx::io {
namespace {

using nlohmann::json;

// The format: 8 bytes (the header's size, little endian), the header (JSON: key -> dtype, shape,
// byte range), the data.
constexpr size_t kSizeBytes = 8;
constexpr uint64_t kLargestHeader = 100'000'000;
constexpr const char* kMetadataKey = "__metadata__";

struct Dtype {
  const char* name;
  at::ScalarType type;
};
constexpr Dtype kDtypes[] = {{"F64", at::kDouble},    {"F32", at::kFloat}, {"F16", at::kHalf},
                             {"BF16", at::kBFloat16}, {"I64", at::kLong},  {"I32", at::kInt},
                             {"I16", at::kShort},     {"I8", at::kChar},   {"U8", at::kByte},
                             {"BOOL", at::kBool}};

struct Entry {
  std::string key;
  at::ScalarType dtype;
  std::vector<int64_t> sizes;
  uint64_t begin;  // of its bytes, from the start of the data
  uint64_t end;
};

uint64_t read_header_size(const std::string& path, std::string_view file) {
  if (file.size() < kSizeBytes) {
    input_error(path, ": expected a safetensors file, but found ", file.size(),
                " bytes; the file is cut off, copy it again");
  }
  uint64_t size = 0;
  for (size_t i = 0; i < kSizeBytes; ++i) {
    size |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  }
  if (size > kLargestHeader || size > file.size() - kSizeBytes) {
    input_error(path, ": expected a safetensors header of at most ",
                std::min<uint64_t>(kLargestHeader, file.size() - kSizeBytes), " bytes, but found ",
                size, " in its first 8 bytes; the file is cut off or of another format");
  }
  return size;
}

at::ScalarType parse_dtype(const JsonObject& entry) {
  const auto name = entry.text("dtype");
  for (const auto& dtype : kDtypes) {
    if (name == dtype.name) return dtype.type;
  }
  entry.refuse("dtype", "F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL", "convert the tensor");
}

std::vector<int64_t> parse_whole_numbers(const JsonObject& entry, const char* key) {
  constexpr const char* kExpected = "a list of whole numbers, none negative";
  if (!entry.at(key).is_array()) entry.refuse(key, kExpected);
  std::vector<int64_t> numbers;
  for (const auto& item : entry.at(key)) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > INT64_MAX)
      entry.refuse(key, kExpected);
    numbers.push_back(item.get<int64_t>());
  }
  return numbers;
}

Entry parse_entry(const std::string& path, const std::string& key, const json& value) {
  const JsonObject object(path + ": " + key, value);
  Entry entry{key, parse_dtype(object), parse_whole_numbers(object, "shape"), 0, 0};
  const auto range = parse_whole_numbers(object, "data_offsets");
  if (range.size() != 2 || range[0] > range[1]) {
    object.refuse("data_offsets", "two positions, the first not after the second");
  }
  entry.begin = static_cast<uint64_t>(range[0]);
  entry.end = static_cast<uint64_t>(range[1]);
  if (entry.sizes.size() > kMostDimensions) {
    object.refuse("shape", "at most " + std::to_string(kMostDimensions) + " sizes");
  }
  const auto count = element_count(entry.sizes);
  int64_t bytes = 0;
  if (!count ||
      __builtin_mul_overflow(*count, static_cast<int64_t>(c10::elementSize(entry.dtype)), &bytes) ||
      static_cast<uint64_t>(bytes) != entry.end - entry.begin) {
    input_error(path, ": ", key, ": expected the bytes of shape ", at::IntArrayRef(entry.sizes),
                ", but found ", entry.end - entry.begin, "; the file is damaged, copy it again");
  }
  return entry;
}

// Entries in the order of their bytes, which follow each other without gap or overlap to the end of
// the file.
void check_ranges(const std::string& path, const std::vector<Entry>& entries, uint64_t data_size) {
  uint64_t position = 0;
  for (const auto& entry : entries) {
    if (entry.begin != position) {
      input_error(path, ": ", entry.key, ": expected its bytes to start at ", position,
                  ", where those before end, but found ", entry.begin,
                  "; the file is damaged, copy it again");
    }
    position = entry.end;
  }
  if (position != data_size) {
    input_error(path, ": expected ", position, " bytes of tensors, but found ", data_size,
                "; the file is cut off or damaged, copy it again");
  }
}

const char* dtype_name(const std::string& path, const std::string& key, at::ScalarType type) {
  for (const auto& dtype : kDtypes) {
    if (dtype.type == type) return dtype.name;
  }
  input_error(path, ": ", key, ": expected a type that safetensors can hold, but found ",
              c10::toString(type), "; convert the tensor");
}

}  // namespace

TensorMap read_safetensors(const std::string& path) {
  return parse_safetensors(path, map_file(path));
}

TensorMap parse_safetensors(const std::string& path, const SharedBytes& file) {
  const auto header_size = read_header_size(path, file.view());
  const auto data_start = kSizeBytes + header_size;
  const JsonObject header(path, parse_json(path, file.view().substr(kSizeBytes, header_size)));

  std::vector<Entry> entries;
  for (const auto& [key, value] : header.value().items()) {
    if (key != kMetadataKey) entries.push_back(parse_entry(path, key, value));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.key) < std::tie(b.begin, b.end, b.key);
  });
  check_ranges(path, entries, file.size - data_start);

  TensorMap tensors;
  for (const auto& entry : entries) {
    const SharedBytes bytes{file.owner, file.data + data_start + entry.begin,
                            entry.end - entry.begin};
    if (entry.dtype == at::kBool) check_booleans(bytes.view(), path + ": " + entry.key);
    tensors.insert(entry.key,
                   tensor_over(aligned(bytes, c10::elementSize(entry.dtype)), 0, entry.dtype,
                               entry.sizes, c10::contiguous_strides(entry.sizes)));
  }
  return tensors;
}

void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  uint64_t position = 0;
  for (const auto& item : tensors) {
    const auto& tensor = item.value();
    if (item.key() == kMetadataKey) {
      input_error(path, ": expected a tensor's name, but found ", kMetadataKey,
                  ", which safetensors keeps for itself; rename the tensor");
    }
    const auto end = position + tensor.nbytes();
    header[item.key()] = {{"dtype", dtype_name(path, item.key(), tensor.scalar_type())},
                          {"shape", tensor.sizes().vec()},
                          {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::type_error&) {
    input_error(path,
                ": expected tensor names in UTF-8, but found one that is not; rename the tensor");
  }
  text.append((kSizeBytes - text.size() % kSizeBytes) % kSizeBytes, ' ');

  OutputFile file(path);
  char size[kSizeBytes];
  for (size_t i = 0; i < kSizeBytes; ++i) size[i] = static_cast<char>(text.size() >> (8 * i));
  file.write(size, kSizeBytes);
  file.write(text.data(), text.size());
  for (const auto& item : tensors) {
    const auto tensor = item.value().to(at::kCPU).contiguous();
    file.write(tensor.const_data_ptr(), tensor.nbytes());
  }
  file.commit();
}

}  // namespace madx::io
