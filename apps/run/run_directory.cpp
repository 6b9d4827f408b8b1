#include "apps/run/run_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "apps/run/checkpoint_files.h"
#include "apps/run/directory_lock.h"
#include "apps/run/output_files.h"
#include "apps/run/same_recipe.h"
#include "madx/core/error.h"
#include "madx/core/system_failure.h"

namespace madx::apps {
namespace fs = std::filesystem;

namespace {

bool is_resumable(const std::string& directory) {
  return has_checkpoint(directory + "/checkpoint");
}

constexpr const char* kScores[] = {"predictions", "tagged", "report.html", "results.json"};

template <class Names>
void remove_named(const std::string& directory, const Names& names) {
  std::error_code ignored;
  for (const auto& name : names) fs::remove_all(directory + "/" + name, ignored);
}

}  // namespace

RunDirectory::RunDirectory(const std::string& path, bool resume, RankGroup& ranks) try
    : ranks_(ranks), final_(renameable(path)), working_(final_ + ".partial") {
  if (final_.empty()) input_error("--output: expected a directory, but found nothing");
  name_ = fs::path(names_by_place(without_slash(path)) ? final_ : without_slash(path)).filename();
  if (!ranks_.is_first()) return;
  if (fs::is_symlink(final_)) {
    input_error(path, ": expected a directory, but found a symbolic link to nothing; remove it");
  }
  if (fs::is_directory(final_) && is_mount_point(final_)) {
    input_error(path,
                ": expected a directory that can be renamed, but found a mount point; name a "
                "directory inside it");
  }
  if (fs::exists(working_) && !fs::is_directory(working_)) {
    input_error(working_,
                ": expected no file where the run works until it is done; name another output, or "
                "remove the file");
  }
  if (!where().empty()) lock_ = std::make_unique<DirectoryLock>(where());
  look(resume);
} catch (const fs::filesystem_error& error) {
  input_error(path, ": expected a path for a directory, but found: ", error.code().message(),
              "; name another output");
}

/// The directory of the run that stands there; empty where there is none.
std::string RunDirectory::where() const {
  if (fs::is_directory(working_)) return working_;
  return fs::is_directory(final_) && holds_something(final_) ? final_ : "";
}

void RunDirectory::look(bool resume) {
  const auto stands = where();
  const bool named = holds_something(final_);
  if (stands == working_ && named) {
    input_error(final_, ": expected no other output beside ", working_,
                ", a run that is not complete, but it exists; move one of them away");
  }
  if (!stands.empty()) {
    put_back(stands);
    found_ = read_run_state(stands);
  }
  using Stage = RunState::Stage;
  // Trained, and then killed; perhaps just before it was named.
  if (found_ && found_->stage == Stage::kTrained) return;
  if (found_ && found_->stage == Stage::kComplete && stands == working_) return;
  if (resume) {
    if (found_ && (found_->stage == RunState::Stage::kComplete || is_resumable(stands))) return;
    input_error(final_,
                ": expected an interrupted run's checkpoint to resume from, but there is none; "
                "leave out --resume");
  }
  if (named) {
    input_error(final_,
                ": expected a new output directory, but it exists; name another, remove it, or "
                "add --resume");
  }
  if (stands.empty()) return;
  if (is_resumable(stands)) {
    input_error(stands, ": holds an interrupted run; go on with --resume, or remove it");
  }
  if (!found_ && holds_something(stands)) {
    input_error(stands,
                ": expected nothing where the run works until it is done, but found files of "
                "another; name another output, or move them away");
  }
}

RunDirectory::Start RunDirectory::begin(const RunState& state) {
  require_same_recipe(state, ranks_);
  const auto start = ranks_.is_first() ? begin_alone(state) : Start::kFresh;
  const auto all = at::tensor({static_cast<int64_t>(start)}, at::kLong);
  ranks_.broadcast(all);
  return static_cast<Start>(all.item<int64_t>());
}

RunDirectory::Start RunDirectory::begin_alone(const RunState& state) {
  state_ = state;
  const auto stands = where();
  if (!stands.empty() && !lock_) DirectoryLock::refuse(stands);  // it has begun since we looked
  if (found_) {
    const auto file = stands + "/run.json";
    if (found_->program != state.program) {
      input_error(file, ": expected a run of ", state.program, ", but found one of ",
                  found_->program, "; name another output");
    }
    const bool training = found_->stage == RunState::Stage::kTraining;
    if (training && is_resumable(stands)) {
      checkpoint_ = read_checkpoint(stands + "/checkpoint", state.training);
    } else if (!training || names_in(stands).size() > 1) {  // more than run.json
      const auto difference = recipe_difference(found_->training, state.training);
      if (!difference.empty()) {
        const auto removed = stands == working_ ? ", or remove " + stands : "";
        input_error(file, ": the run that stands there had ", difference,
                    "; give the same flags, or name another output", removed);
      }
    }
    state_.figures = found_->figures;
  }
  // All is well with what was found: from here on it changes.
  if (stands.empty()) {
    make_working();
  } else {
    remove_unfinished(stands);
  }
  if (found_ && found_->stage != RunState::Stage::kTraining) {
    path_ = stands;
    if (stands == working_) give_name();
    state_.stage = found_->stage;
    at_work_ = true;
    const bool scored = found_->stage == RunState::Stage::kComplete &&
                        recipe_difference(found_->scoring, state.scoring).empty();
    return scored ? Start::kComplete : Start::kTrained;
  }
  take_over();
  return checkpoint_ ? Start::kResumed : Start::kFresh;
}

/// The working directory comes with run.json and lock in one step: of two runs that start at once,
/// one gets it.
void RunDirectory::make_working() {
  const auto cannot = [&](int failed) {
    std::error_code ignored;
    for (const auto& parent : made_parents_) fs::remove(parent, ignored);
    if (is_machine_failure(failed)) {
      machine_error(working_,
                    ": expected to make the directory, but found: ", std::strerror(failed),
                    "; free some disk space or name another output");
    }
    input_error(working_,
                ": expected a directory that can be written, but found: ", std::strerror(failed),
                "; name another output");
  };
  std::error_code error;
  for (auto parent = fs::absolute(working_, error).parent_path(); !fs::exists(parent, error);
       parent = parent.parent_path()) {
    made_parents_.push_back(parent);
  }
  remove_beginnings(working_);
  static std::atomic<int> number{0};
  const auto fresh = working_ + ".tmp" + std::to_string(getpid()) + "." + std::to_string(number++);
  fs::create_directories(fresh, error);
  if (error) cannot(error.value());
  try {
    lock_ = std::make_unique<DirectoryLock>(fresh);
    state_.stage = RunState::Stage::kTraining;
    write_run_state(fresh, state_);
    if (std::rename(fresh.c_str(), working_.c_str()) == 0) {
      made_ = true;
      return;
    }
    const int failed = errno;
    if (failed == ENOTEMPTY || failed == EEXIST) DirectoryLock::refuse(working_);
    cannot(failed);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    for (const auto& parent : made_parents_) fs::remove(parent, ignored);
    throw;
  }
}

/// What stands there is this run's from now on, in the working directory.
void RunDirectory::take_over() {
  if (fs::is_directory(final_) && holds_something(final_)) {
    if (std::rename(final_.c_str(), working_.c_str()) != 0) {
      input_error(working_,
                  ": expected a directory that can be written, but found: ", std::strerror(errno));
    }
  }
  path_ = working_;
  state_.stage = RunState::Stage::kTraining;
  if (!made_) write_run_state(path_, state_);
  at_work_ = true;
}

RunDirectory::~RunDirectory() {
  if (!at_work_) return;
  std::error_code ignored;
  // What a run that failed at its end has begun to write is no result. What others have put there
  // is not this run's to remove.
  if (!scores_.empty()) fs::remove_all(scores_, ignored);
  remove_unfinished(path_);
  if (state_.stage != RunState::Stage::kTraining) return;
  remove_named(path_, trained_results());
  if (is_resumable(path_)) {
    if (!holds_something(final_)) fs::rename(path_, final_, ignored);
  } else if (made_) {
    remove_named(path_, std::array{"run.json", "metrics.jsonl", "checkpoint", "snapshots"});
    fs::remove(path_, ignored);
    for (const auto& parent : made_parents_) fs::remove(parent, ignored);
  }
}

void RunDirectory::give_name() {
  if (std::rename(path_.c_str(), final_.c_str()) != 0) {  // over an empty directory, too
    machine_error(final_,
                  ": expected to name the finished directory, but found: ", std::strerror(errno),
                  "; it is complete in ", path_);
  }
  path_ = final_;
  // So that the name outlives a power cut; some file systems cannot, and say so.
  const auto parent = fs::absolute(final_).parent_path();
  const int directory = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
}

void RunDirectory::trained(const std::map<std::string, double>& figures) {
  state_.figures = figures;
  state_.stage = RunState::Stage::kTrained;
  write_run_state(path_, state_);
  give_name();
}

std::string RunDirectory::new_scores() {
  scores_ = path_ + "/scores.tmp" + std::to_string(getpid());
  std::error_code error;
  fs::create_directory(scores_, error);
  if (error) {
    machine_error(scores_, ": expected to make a directory, but found: ", error.message(),
                  "; free some disk space");
  }
  return scores_;
}

/// All of them are whole. Where the process is killed in here, the run is one that was trained, and
/// the same command scores once more.
void RunDirectory::put_scores_in_place() {
  if (state_.stage == RunState::Stage::kComplete) {
    state_.stage = RunState::Stage::kTrained;
    write_run_state(path_, state_);
  }
  remove_named(path_, kScores);
  for (const auto& name : names_in(scores_)) {
    if (std::rename((scores_ + "/" + name).c_str(), (path_ + "/" + name).c_str()) != 0) {
      machine_error(path_, "/", name, ": expected to name it, but found: ", std::strerror(errno),
                    "; give the same command again");
    }
  }
  std::error_code ignored;
  fs::remove(scores_, ignored);
  scores_.clear();
}

void RunDirectory::complete() {
  if (!scores_.empty()) put_scores_in_place();
  state_.stage = RunState::Stage::kComplete;
  write_run_state(path_, state_);
  at_work_ = false;
  if (path_ != final_) give_name();
}

void RunDirectory::drop_checkpoint() {
  std::error_code ignored;
  fs::remove_all(path_ + "/checkpoint", ignored);
}

}  // namespace madx::apps
