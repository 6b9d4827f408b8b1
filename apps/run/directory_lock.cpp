#include "apps/run/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "apps/run/output_files.h"
#include "madx/core/error.h"

namespace madx::apps {
namespace fs = std::filesystem;

DirectoryLock::DirectoryLock(const std::string& directory) {
  descriptor_ = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat locked = {};
  struct stat named = {};
  // The name may have gone to another directory meanwhile.
  const bool held = descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0 &&
                    fstat(descriptor_, &locked) == 0 && stat(directory.c_str(), &named) == 0 &&
                    locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
  if (held) return;
  if (descriptor_ >= 0) close(descriptor_);
  refuse(directory);
}

DirectoryLock::~DirectoryLock() { close(descriptor_); }

void DirectoryLock::refuse(const std::string& directory) {
  input_error(directory,
              ": expected no other run at work there, but there is one; wait for it, or name "
              "another output");
}

void remove_beginnings(const std::string& working) {
  const auto parent = fs::absolute(working).parent_path();
  if (!fs::is_directory(parent)) return;
  const auto start = fs::path(working).filename().string() + ".tmp";
  for (const auto& name : names_in(parent)) {
    if (name.compare(0, start.size(), start) != 0 || !is_unfinished(name)) continue;
    const auto path = parent / name;
    try {
      const DirectoryLock lock(path);
      std::error_code ignored;
      fs::remove_all(path, ignored);
    } catch (const InputError&) {  // one that is at it now
    }
  }
}

}  // namespace madx::apps
