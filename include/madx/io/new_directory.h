#pragma once

#include <string>
#include <vector>

namespace madx::io {

/// What NewDirectory does where something stands at its path already. An empty directory is no
/// hindrance either way.
enum class ExistingDirectory {
  kRefuse,   ///< throw
  kReplace,  ///< exchange the directory for the new one at `commit`, then remove the old one with
             ///< all it holds
};

/// An output directory that appears whole or not at all: files are written into a temporary
/// directory beside its path, and `commit` gives it the path's name. Without `commit`, nothing is
/// left.
///
/// Example:
///
///     NewDirectory output("adapters/sw", ExistingDirectory::kRefuse);
///     write_adapter(output.path(), adapter);
///     output.commit();
class NewDirectory {
 public:
  /// Folders above `final_path` are made where they are missing. Throws InputError when
  /// `final_path` is a file or a symbolic link to nothing, is a directory with content (kRefuse),
  /// or cannot be made where it is; MachineError when the machine is at fault.
  NewDirectory(const std::string& final_path, ExistingDirectory existing);
  /// Removes what was not committed.
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  /// The directory to write into until `commit`.
  const std::string& path() const { return temporary_; }

  /// Waits until all files have reached the disk, then gives the directory its name. Throws
  /// MachineError where that fails, and InputError where somebody else has put a directory with
  /// content there meanwhile (kRefuse): what stands there stays then.
  void commit();

 private:
  void make_parents();
  void make_temporary();
  void remove_unfinished();

  std::string final_;
  ExistingDirectory existing_;
  std::string temporary_;
  std::vector<std::string> made_parents_;
};

}  // namespace madx::io
