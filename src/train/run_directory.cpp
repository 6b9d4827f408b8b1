#include "madx/train/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "madx/core/error.h"
#include "madx/train/checkpoint.h"

namespace madx {
namespace fs = std::filesystem;

namespace {

bool holds_something(const fs::path& path) {
  return fs::exists(path) && !(fs::is_directory(path) && fs::is_empty(path));
}

/// The directory's descriptor with the lock on it; -1 where there is none or another process has
/// it. The lock goes with the process, however it ends.
int locked(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  if (descriptor >= 0) close(descriptor);
  return -1;
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

RunDirectory::RunDirectory(const std::string& path, bool resume)
    : final_(without_slash(path)), working_(final_ + ".partial") {
  if (final_.empty()) input_error("--output: expected a directory, but found nothing");
  const auto checkpoint = [](const std::string& directory) {
    return has_checkpoint(directory + "/checkpoint");
  };
  std::error_code error;
  if (fs::is_directory(working_)) lock();
  if (resume) {
    if (!checkpoint(working_)) {
      if (!checkpoint(final_)) {
        input_error(final_,
                    ": expected an interrupted run's checkpoint to resume from, but there is none; "
                    "leave out --resume");
      }
      fs::remove_all(working_, error);
      fs::rename(final_, working_, error);
    }
  } else {
    if (holds_something(final_)) {
      input_error(final_,
                  ": expected a new output directory, but it exists; name another, remove it, or "
                  "add --resume");
    }
    if (checkpoint(working_)) {
      input_error(working_, ": holds an interrupted run; go on with --resume, or remove it");
    }
    if (fs::exists(working_) && !fs::is_directory(working_)) {
      input_error(working_,
                  ": expected no file where the run works until it is done; name another output, "
                  "or remove the file");
    }
    fs::remove_all(working_, error);
    make(error);
  }
  if (!error) lock();
  if (error) {
    remove_made();
    input_error(working_,
                ": expected a directory that can be written, but found: ", error.message());
  }
}

void RunDirectory::lock() {
  if (lock_ >= 0) close(lock_);
  lock_ = locked(working_);
  if (lock_ < 0) {
    input_error(working_,
                ": expected no other run at work there, but there is one; wait for it, or name "
                "another output");
  }
}

void RunDirectory::make(std::error_code& error) {
  std::error_code ignored;
  for (auto parent = fs::absolute(working_, ignored).parent_path(); !fs::exists(parent, ignored);
       parent = parent.parent_path()) {
    made_parents_.push_back(parent);
  }
  fs::create_directories(working_, error);
}

void RunDirectory::remove_made() {
  std::error_code ignored;
  fs::remove_all(working_, ignored);
  // A parent stays where somebody has put something into it.
  for (const auto& parent : made_parents_) fs::remove(parent, ignored);
}

RunDirectory::~RunDirectory() {
  std::error_code ignored;
  if (!finished_ && !has_checkpoint(working_ + "/checkpoint")) {
    remove_made();
  } else if (!finished_) {
    // What a run that failed at its end has begun to write is no result.
    for (const auto& entry : fs::directory_iterator(working_, ignored)) {
      const auto name = entry.path().filename();
      if (name != "checkpoint" && name != "metrics.jsonl") fs::remove_all(entry.path(), ignored);
    }
    if (!holds_something(final_)) fs::rename(working_, final_, ignored);
  }
  if (lock_ >= 0) close(lock_);
}

std::string RunDirectory::name() const { return fs::path(final_).filename().string(); }

void RunDirectory::finish() {
  std::error_code error;
  if (fs::exists(final_) && fs::is_directory(final_))
    fs::remove(final_, error);  // an empty one, as the constructor saw
  fs::rename(working_, final_, error);
  if (error)
    machine_error(final_, ": expected to name the finished directory, but found: ", error.message(),
                  "; it is complete in ", working_);
  finished_ = true;
}

}  // namespace madx
