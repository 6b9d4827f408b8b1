#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "madx/core/error.h"

namespace madx::io {

/// A temporary directory that lives as long as the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "madx_io_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw MachineError("no temporary directory");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  bool is_empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::filesystem::path path_;
};

inline std::string fixture(const std::string& name) {
  return std::string(MADX_FIXTURES) + "/adapterhub/" + name;
}

inline std::string read_bytes(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The message of the InputError that `action` throws; empty when it throws none. Other exceptions
/// pass.
inline std::string input_error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  return "";
}

/// What make_adapterhub.py writes as the tensor number `t` of a file.
inline at::Tensor known_values(int64_t t, at::IntArrayRef sizes,
                               at::ScalarType dtype = at::kFloat) {
  int64_t count = 1;
  for (const auto size : sizes) count *= size;
  const auto exact =
      ((at::arange(count, at::kDouble) + 7 * t).remainder(64) / 8 - 2).reshape(sizes);
  return dtype == at::kBool ? exact.gt(0) : exact.to(dtype);
}

/// Reads every beginning of a file and every file with one byte changed: InputError or success,
/// never anything else.
inline void expect_no_crash_on_damage(const std::string& path,
                                      const std::function<void(const std::string&)>& read) {
  const TemporaryFolder folder;
  const auto damaged = folder / "damaged";
  const auto bytes = read_bytes(path);
  ASSERT_FALSE(bytes.empty());
  // A new file each time: file systems flush a file that is written over, which takes milliseconds.
  const auto write_anew = [&](const std::string& content) {
    std::filesystem::remove(damaged);
    write_bytes(damaged, content);
  };
  for (size_t size = 0; size < bytes.size(); ++size) {
    write_anew(bytes.substr(0, size));
    EXPECT_NE(input_error_of([&] { read(damaged); }), "") << "cut off after byte " << size;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char mask : {'\x01', '\xff'}) {
      auto changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ mask);
      write_anew(changed);
      EXPECT_NO_THROW(input_error_of([&] { read(damaged); })) << "byte " << i << " changed";
    }
  }
}

}  // namespace madx::io
