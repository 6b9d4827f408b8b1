#pragma once

#include <map>
#include <string>

#include "madx/io/mapped_file.h"

namespace madx::io {

/// The records of a zip archive as torch.save writes it, by name without the archive's folder
/// ("data.pkl", "data/0"): views of the file, since nothing in it is compressed. `path` names it in
/// errors. Throws InputError for a damaged archive, for a record whose bytes are not those of its
/// CRC-32 (naming the record), for two records of one name or with bytes in
/// common, and for compressed or encrypted ones.
std::map<std::string, SharedBytes> read_zip_records(const std::string& path,
                                                    const SharedBytes& file);

}  // namespace madx::io
