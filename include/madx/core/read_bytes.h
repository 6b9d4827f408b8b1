#pragma once

#include <string>
#include <string_view>

namespace madx {

/// All bytes of a file, or of a pipe until its end. Messages name `path` and say that `expected`
/// was expected there. Throws InputError for what the user named wrongly (nothing is there, it may
/// not be read, a directory), and MachineError where the machine fails, as by a broken disk.
std::string read_bytes(const std::string& path, const std::string& expected = "a readable file");

/// Whether a file's bytes are a Git LFS pointer in its place.
bool is_lfs_pointer(std::string_view bytes);

}  // namespace madx
