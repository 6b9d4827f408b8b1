#include "madx/io/new_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "io/temporary_name.h"
#include "madx/core/error.h"
#include "madx/core/system_failure.h"

namespace madx::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_create(const std::string& path, int error) {
  if (is_machine_failure(error)) {
    machine_error(path, ": cannot be created: ", std::strerror(error));
  }
  input_error(path, ": expected a place where a directory can be created, but found: ",
              std::strerror(error), "; choose another one");
}

[[noreturn]] void refuse_existing(const std::string& path) {
  input_error(path, ": expected a new or empty directory, but found one with content; ",
              "remove it or choose another name");
}

// 0 or an errno.
int sync_to_disk(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  // Some file systems cannot sync a directory, and say so by EINVAL.
  const int error = ::fsync(file) == 0 || errno == EINVAL ? 0 : errno;
  ::close(file);
  return error;
}

int sync_tree(const std::string& path) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_symlink() || !(entry->is_regular_file() || entry->is_directory())) continue;
    if (const int failed = sync_to_disk(entry->path())) return failed;
  }
  return error ? error.value() : sync_to_disk(path);
}

// Puts `fresh` in the place of the directory `old`; the old one is at `fresh` then. 0 or an errno.
int exchange_names(const std::string& fresh, const std::string& old) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, old.c_str(), RENAME_EXCHANGE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without exchange: two renames, and back where the second fails.
  const std::string aside = fresh + ".old";
  if (std::rename(old.c_str(), aside.c_str()) != 0) return errno;
  if (std::rename(fresh.c_str(), old.c_str()) != 0) {
    const int error = errno;
    std::rename(aside.c_str(), old.c_str());
    return error;
  }
  if (std::rename(aside.c_str(), fresh.c_str()) != 0) {  // done all the same
    std::error_code ignored;
    fs::remove_all(aside, ignored);
  }
  return 0;
}

}  // namespace

NewDirectory::NewDirectory(const std::string& final_path, ExistingDirectory existing)
    : existing_(existing) {
  std::error_code error, ignored;
  // A symbolic link keeps pointing at the directory it names; "out/" is "out".
  fs::path path = fs::absolute(final_path, ignored);
  path = fs::weakly_canonical(path, error);
  if (error && !final_path.empty()) cannot_create(final_path, error.value());
  if (path.filename().empty()) path = path.parent_path();
  final_ = path.string();
  if (final_path.empty() || path == path.root_path()) {
    input_error("\"", final_path, "\": expected a path for a directory; choose a name");
  }
  if (fs::is_symlink(path, ignored)) {
    input_error(final_path,
                ": expected a path for a directory, but found a symbolic link to nothing; remove "
                "it or choose another name");
  }
  const auto status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_directory(status)) {
    input_error(final_path,
                ": expected a path for a directory, but found a file; choose another name");
  }
  if (fs::exists(status) && existing == ExistingDirectory::kRefuse &&
      !fs::is_empty(path, ignored)) {
    refuse_existing(final_path);
  }
  make_parents();
  make_temporary();
}

NewDirectory::~NewDirectory() { remove_unfinished(); }

void NewDirectory::remove_unfinished() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  for (; !made_parents_.empty(); made_parents_.pop_back()) {
    fs::remove(made_parents_.back(), ignored);  // stays where somebody has put something into it
  }
}

void NewDirectory::make_parents() {
  std::vector<std::string> missing;  // the innermost first
  std::error_code ignored;
  for (fs::path parent = fs::path(final_).parent_path(); !fs::exists(parent, ignored);
       parent = parent.parent_path()) {
    missing.push_back(parent);
  }
  for (; !missing.empty(); missing.pop_back()) {
    if (::mkdir(missing.back().c_str(), 0777) == 0) {
      made_parents_.push_back(missing.back());
    } else if (errno != EEXIST) {
      const int error = errno;
      remove_unfinished();
      cannot_create(missing.back(), error);
    }
  }
}

void NewDirectory::make_temporary() {
  while (true) {
    const std::string name = temporary_beside(final_);
    if (::mkdir(name.c_str(), 0777) == 0) {
      temporary_ = name;
      return;
    }
    if (errno == EEXIST) continue;
    const int error = errno;
    remove_unfinished();
    cannot_create(final_, error);
  }
}

void NewDirectory::commit() {
  int error = sync_tree(temporary_);
  bool replaced = false;
  // Over nothing or an empty directory, rename is all it takes.
  if (error == 0 && std::rename(temporary_.c_str(), final_.c_str()) != 0) {
    error = errno;
    if (error == ENOTEMPTY || error == EEXIST) {
      if (existing_ == ExistingDirectory::kRefuse) refuse_existing(final_);
      error = exchange_names(temporary_, final_);
      replaced = error == 0;
    }
  }
  if (error == 0) {
    error = sync_to_disk(fs::path(final_).parent_path());
    if (error == EACCES) error = 0;  // it may be written, but not opened: all is there
  }
  if (error != 0) {
    machine_error(final_, ": expected to write the directory, but found: ", std::strerror(error),
                  "; free some disk space or choose another place");
  }
  std::error_code ignored;
  if (replaced) fs::remove_all(temporary_, ignored);
  temporary_.clear();
  made_parents_.clear();
}

}  // namespace madx::io
