#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "madx/io/mapped_file.h"

namespace madx::io {

/// What a zip archive begins with.
inline constexpr std::string_view kZipStart = "PK\x03\x04";

/// The records of a zip archive as torch.save writes it, by name without the archive's folder
/// ("data.pkl", "data/0"): views of the file, since nothing in it is compressed. `path` names it in
/// errors. Records that are not `wanted` by that name are passed over, whatever they are. Throws
/// InputError for a damaged archive, for a record whose bytes are not those of its
/// CRC-32 (naming the record), for two records of one name or with bytes in
/// common, and for compressed or encrypted ones.
std::map<std::string, SharedBytes> read_zip_records(
    const std::string& path, const SharedBytes& file,
    const std::function<bool(std::string_view name)>& wanted);

}  // namespace madx::io
