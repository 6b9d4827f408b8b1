#pragma once

#include <map>
#include <memory>
#include <string>

#include "io/mapped_file.h"

namespace madx::io {

/// The records of a zip archive as torch.save writes it, by name without the archive's folder
/// ("data.pkl", "data/0"): views of the mapped file, since nothing in it is compressed. Throws
/// InputError for a damaged archive, and for one with compressed or encrypted records.
std::map<std::string, SharedBytes> read_zip_records(const std::shared_ptr<MappedFile>& file);

}  // namespace madx::io
