#pragma once

#include <map>
#include <string>
#include <string_view>

#include "io/unpickler.h"
#include "madx/io/mapped_file.h"

namespace madx::io {

/// The storages' bytes by key. Tensors share storages, so each is checked and, where it lies askew
/// for its type, copied once. `path` names the file in errors.
class Storages {
 public:
  explicit Storages(std::string path) : path_(std::move(path)) {}

  void add(std::string_view key, const SharedBytes& bytes) { places_[std::string(key)] = {bytes}; }

  /// The tensor that `value` (kTensor) describes, over its storage; `what` is file and key, for
  /// errors. Throws InputError where it is not inside its storage, or the storage is not there.
  at::Tensor make_tensor(const std::string& what, const PickleValue& value);

 private:
  struct Place {
    SharedBytes bytes;
    bool checked = false;
  };

  const SharedBytes& find(const PickleValue& storage);
  void count_repeated(const std::string& what, int64_t elements);

  std::string path_;
  std::map<std::string, Place, std::less<>> places_;
  int64_t repeated_ = 0;
};

/// The bytes that a storage of a pickle takes. Throws InputError where no memory holds so many.
int64_t storage_bytes(const std::string& path, const PickleValue& storage);

/// Those in the records of an archive under data/. Throws InputError where their numbers are not
/// little-endian.
Storages storages_of(const std::string& path, const std::map<std::string, SharedBytes>& records);

/// The value of a key in a dict; nullptr where there is none.
const PickleValue* find_item(const PickleValue& dict, const std::string& key);

}  // namespace madx::io
