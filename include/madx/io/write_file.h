#pragma once

#include <string>
#include <string_view>

namespace madx::io {

/// Writes a whole file so that readers see the old one or the new one, never a half: the bytes go
/// to a temporary file in the same folder, reach the disk, and take the path's name in one rename.
/// A symbolic link keeps pointing at the file it names; a device or pipe (/dev/stdout) is written
/// in place. Throws InputError when the path cannot be opened for writing (missing folder, no
/// permission, a directory) and MachineError when writing fails (disk full, I/O error); the
/// temporary file is gone then.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace madx::io
