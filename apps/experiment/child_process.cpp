#include "apps/experiment/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "madx/core/error.h"

namespace madx::apps {
namespace {

constexpr int kNotStarted = 127;

/// Between fork and exec, where only what is safe in a signal handler may be called.
[[noreturn]] void become(char* const* arguments, int input, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kNotStarted);  // gone already
  // A group of its own: Ctrl-C in a terminal reaches this process's parent alone, which tells it
  // once. A second signal would end it before its checkpoint is written.
  setpgid(0, 0);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(arguments[0], arguments);
  const char* const reason = std::strerror(errno);
  const auto written = write(STDERR_FILENO, reason, std::strlen(reason));
  (void)written;
  _exit(kNotStarted);
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const std::string& log,
                      const std::function<bool()>& go_on) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (output < 0) machine_error(log, ": cannot be written: ", std::strerror(errno));
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  // Where it is ignored, which a program inherits, there is no status to wait for.
  std::signal(SIGCHLD, SIG_DFL);
  const auto start = std::chrono::steady_clock::now();
  const auto parent = getpid();
  const pid_t child = fork();
  if (child == 0) become(arguments.data(), input, output, parent);
  close(input);
  close(output);
  if (child < 0) machine_error(command[0], ": cannot be started: ", std::strerror(errno));
  bool told = false;
  int status = 0;
  rusage usage = {};
  for (;;) {
    const auto ended = wait4(child, &status, WNOHANG, &usage);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR)
      machine_error(command[0],
                    ": expected to hear how it ended, but found: ", std::strerror(errno));
    if (!told && !go_on()) {
      kill(child, SIGTERM);
      told = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ChildResult result;
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + result.signal;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.peak_memory = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  return result;
}

}  // namespace madx::apps
