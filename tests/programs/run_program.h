#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace madx::apps {

struct ProgramOptions {
  double timeout_seconds = 60;  ///< then the program is killed
  /// Bytes that a file may grow to; writing more fails, as it does on a full disk. Negative: no
  /// limit.
  int64_t file_size_limit = -1;
  /// Once this file exists, the program gets `signal`.
  std::string signal_when_exists{};
  /// Once it has run so long; negative: no signal.
  double signal_after_seconds = -1;
  int signal = SIGINT;
  std::string output{};                 ///< where standard output goes; empty: it is read
  bool ignores_ended_children = false;  ///< as a program may be started
};

/// How a program ended, and what it said.
struct ProgramResult {
  int status = -1;  ///< exit status; -1 when a signal ended it
  int signal = 0;   ///< the signal that ended it, or 0
  bool timed_out = false;
  std::string out;
  std::string err;
};

inline std::ostream& operator<<(std::ostream& stream, const ProgramResult& result) {
  return stream << "status " << result.status << ", signal " << result.signal
                << (result.timed_out ? " (timed out)" : "") << "\nstdout: " << result.out
                << "\nstderr: " << result.err;
}

namespace detail {

struct Pipe {
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_end(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }

  int ends[2];  // read, write
};

/// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] inline void become(char* const* argv, const Pipe& out, const Pipe& err,
                                const ProgramOptions& options) {
  if (options.file_size_limit >= 0) {
    const rlimit limit{static_cast<rlim_t>(options.file_size_limit),
                       static_cast<rlim_t>(options.file_size_limit)};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (options.ignores_ended_children) ::signal(SIGCHLD, SIG_IGN);
  const int output =
      options.output.empty() ? out.ends[1] : ::open(options.output.c_str(), O_WRONLY);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(err.ends[1], STDERR_FILENO);
  ::execv(argv[0], argv);
  ::_exit(127);
}

/// Appends what can be read without waiting. False at the end of the stream.
inline bool drain(int file, std::string& text) {
  char buffer[4096];
  const ssize_t size = ::read(file, buffer, sizeof buffer);
  if (size > 0) text.append(buffer, static_cast<size_t>(size));
  return size > 0;
}

}  // namespace detail

/// Runs a file with arguments, no shell between, and waits for its end.
inline ProgramResult run_file(const std::string& path, std::vector<std::string> arguments,
                              const ProgramOptions& options = {}) {
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  detail::Pipe out, err;
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) detail::become(argv.data(), out, err, options);
  out.close_end(1);
  err.close_end(1);

  using Clock = std::chrono::steady_clock;
  const auto started = Clock::now();
  ProgramResult result;
  const auto signal_is_due = [&](double seconds) {
    if (options.signal_after_seconds >= 0) return seconds >= options.signal_after_seconds;
    return ::access(options.signal_when_exists.c_str(), F_OK) == 0;
  };
  bool signalled = options.signal_when_exists.empty() && options.signal_after_seconds < 0;
  pollfd streams[] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    ::poll(streams, 2, /*milliseconds=*/signalled ? 100 : 1);
    for (int i = 0; i < 2; ++i) {
      if (streams[i].fd < 0 || streams[i].revents == 0) continue;
      if (!detail::drain(streams[i].fd, i == 0 ? result.out : result.err)) streams[i].fd = -1;
    }
    const std::chrono::duration<double> seconds = Clock::now() - started;
    if (!signalled && signal_is_due(seconds.count())) {
      ::kill(child, options.signal);
      signalled = true;
    }
    if (!result.timed_out && seconds.count() > options.timeout_seconds) {
      ::kill(child, SIGKILL);
      result.timed_out = true;
    }
  }

  int wait_status = 0;
  ::waitpid(child, &wait_status, 0);
  if (WIFEXITED(wait_status)) result.status = WEXITSTATUS(wait_status);
  if (WIFSIGNALED(wait_status)) result.signal = WTERMSIG(wait_status);
  return result;
}

/// Runs one of this project's programs by its name.
inline ProgramResult run_binary(const std::string& name, const std::vector<std::string>& arguments,
                                const ProgramOptions& options = {}) {
  return run_file(std::string(MADX_PROGRAMS) + "/" + name, arguments, options);
}

}  // namespace madx::apps
