#include "madx/io/write_file.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "io/output_file.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

/// To what is no file (a terminal, /dev/null): there is nothing to put in its place.
void write_to_device(const std::string& path, std::string_view bytes) {
  const int file = open_output(path);
  int error = write_all(file, bytes);
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) write_failed(path, error);
}

}  // namespace

void write_file(const std::string& path, std::string_view bytes) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status))
    return write_to_device(path, bytes);
  OutputFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace madx::io
