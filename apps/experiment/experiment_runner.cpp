#include "apps/experiment/experiment_runner.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <system_error>
#include <thread>

#include "apps/experiment/child_process.h"
#include "apps/experiment/claim.h"
#include "apps/experiment/piece_store.h"
#include "apps/run/shell_text.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);

/// log.txt: a time, a word and a piece a line.
class ExperimentLog {
 public:
  explicit ExperimentLog(const std::string& path) : file_(path, std::ios::app) {
    if (!file_) machine_error(path, ": cannot be written: ", std::strerror(errno));
  }
  void say(const std::string& word, const std::string& piece, const std::string& note = "") {
    const std::lock_guard<std::mutex> lock(mutex_);
    char time[32] = "";
    const auto now = std::time(nullptr);
    std::tm parts = {};
    std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    const auto line = word + " " + piece + (note.empty() ? "" : ": " + note);
    file_ << time << " " << line << std::endl;
    std::cout << line << std::endl;
  }

 private:
  std::mutex mutex_;
  std::ofstream file_;
};

PieceStore made_store(const std::string& path) {
  PieceStore store(path);
  store.make();
  return store;
}

class Runner {
 public:
  Runner(const ExperimentPlan& plan, const RunnerOptions& options)
      : plan_(plan),
        options_(options),
        store_(made_store(plan.store)),
        log_(std::filesystem::path(plan.store).parent_path() / "log.txt"),
        state_(plan.pieces.size(), State::kWaiting) {}

  RunnerResult run() {
    for (size_t index = 0; index < state_.size(); ++index) {
      if (!store_.is_done(plan_.pieces[index])) continue;
      state_[index] = State::kDone;
      log_.say("found", plan_.pieces[index].name);
    }
    std::vector<std::thread> workers;
    try {
      for (int worker = 0; worker < options_.workers; ++worker)
        workers.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // no more threads: those that there are do the work
      if (workers.empty()) throw;
    }
    for (auto& worker : workers) worker.join();
    if (error_) std::rethrow_exception(error_);
    for (size_t index = 0; index < state_.size(); ++index)
      if (state_[index] == State::kBlocked) result_.blocked.push_back(plan_.pieces[index].name);
    result_.interrupted = options_.interrupted();
    return result_;
  }

 private:
  enum class State { kWaiting, kHere, kDone, kFailed, kBlocked };

  void work() {
    try {
      while (!stops()) {
        bool left = false;
        const bool worked = take_one(left);
        if (!worked && !left) return;
        if (!worked) std::this_thread::sleep_for(kPoll);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  bool stops() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return error_ || options_.interrupted();
  }

  /// Runs the first piece that can be; `left` is whether any is not settled.
  bool take_one(bool& left) {
    for (size_t index = 0; index < state_.size(); ++index) {
      if (!is_ready(index, left)) continue;
      const auto& piece = plan_.pieces[index];
      auto claim = Claim::acquire(store_.claim(piece));
      if (store_.is_done(piece)) {  // by another process, meanwhile
        set(index, State::kDone);
      } else if (claim == nullptr || store_.is_busy(piece)) {
        set(index, State::kWaiting);
      } else {
        run_piece(index, *claim);
        return true;
      }
    }
    return false;
  }

  /// Whether a piece waits for nothing; then it is this worker's.
  bool is_ready(size_t index, bool& left) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& state = state_[index];
    if (state == State::kDone || state == State::kFailed || state == State::kBlocked) return false;
    left = true;
    if (state == State::kHere) return false;
    for (const auto need : plan_.pieces[index].needs) {
      if (state_[need] == State::kFailed || state_[need] == State::kBlocked) {
        state = State::kBlocked;
        return false;
      }
      if (state_[need] != State::kDone) return false;
    }
    state = State::kHere;
    return true;
  }

  void set(size_t index, State state) {
    const std::lock_guard<std::mutex> lock(mutex_);
    state_[index] = state;
  }

  std::vector<std::string> full_command(const Piece& piece, bool resumes) const {
    auto command = command_of(piece, store_.directory(piece));
    command[0] = options_.programs + "/" + command[0];
    auto threads = options_.threads;
    if (threads == 0) {
      const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
      threads = std::max<int64_t>(1, cores / options_.workers);
    }
    command.insert(command.end(), {"--threads", std::to_string(threads)});
    if (resumes) command.emplace_back("--resume");
    return command;
  }

  void run_piece(size_t index, Claim& claim) {
    const auto& piece = plan_.pieces[index];
    const bool resumes = store_.can_resume(piece);
    const auto command = full_command(piece, resumes);
    log_.say(resumes ? "resumed" : "started", piece.name);
    auto renewed = std::chrono::steady_clock::now();
    bool lost = false;
    const auto ended = run_child(command, store_.log(piece), [&] {
      const auto now = std::chrono::steady_clock::now();
      if (std::chrono::duration<double>(now - renewed).count() > Claim::kRenews) {
        lost = !claim.renew();
        renewed = now;
      }
      return !lost && !stops();
    });
    auto record = store_.record(piece).value_or(PieceRecord{});
    record.seconds += ended.seconds;
    record.peak_memory = std::max(record.peak_memory, ended.peak_memory);
    record.command = shell_text(command_of(piece, store_.directory(piece)));
    record.error.clear();
    settle(index, ended, record, lost);
  }

  void settle(size_t index, const ChildResult& ended, PieceRecord& record, bool lost) {
    const auto& piece = plan_.pieces[index];
    constexpr int kInterrupted = 130;
    const auto took = fixed_text(record.seconds, /*decimals=*/1) + " s";
    const bool left_nothing =
        ended.status == 0 && !std::filesystem::exists(store_.directory(piece));
    if (ended.status == 0 && !left_nothing) {
      record.state = PieceRecord::State::kDone;
      store_.write(piece, record);
      log_.say("done", piece.name, took);
      set(index, State::kDone);
      if (piece.kind != PieceKind::kScoring) return;
      return write_report();
    }
    // By SIGTERM: one that was told to stop before it could heed it.
    if (ended.status == kInterrupted || ended.signal == SIGTERM || lost) {
      record.state = PieceRecord::State::kStopped;
      store_.write(piece, record);
      log_.say("stopped", piece.name, lost ? "another worker has taken it" : "");
      return set(index, State::kWaiting);
    }
    record.state = PieceRecord::State::kFailed;
    record.error = left_nothing ? "ended with status 0, but left nothing" : store_.last_line(piece);
    if (ended.signal != 0) {
      record.error = "ended by signal " + std::to_string(ended.signal) +
                     (ended.signal == SIGKILL ? ", as where memory runs out" : "");
    }
    store_.write(piece, record);
    log_.say("failed", piece.name, record.error);
    const std::lock_guard<std::mutex> lock(mutex_);
    state_[index] = State::kFailed;
    result_.failed.push_back({piece.name, record.error, store_.log(piece), ended.status});
  }

  /// What cannot be read of another piece does not keep this worker from its own: who writes the
  /// last report says it.
  void write_report() {
    const std::lock_guard<std::mutex> lock(scored_mutex_);
    try {
      options_.scored();
    } catch (const std::exception& error) {
      log_.say("no report", "yet", error.what());
    }
  }

  const ExperimentPlan& plan_;
  const RunnerOptions& options_;
  PieceStore store_;
  ExperimentLog log_;
  std::mutex mutex_, scored_mutex_;
  std::vector<State> state_;
  std::exception_ptr error_;
  RunnerResult result_;
};

}  // namespace

RunnerResult run_pieces(const ExperimentPlan& plan, const RunnerOptions& options) {
  return Runner(plan, options).run();
}

}  // namespace madx::apps
