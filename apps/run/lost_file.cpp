#include "apps/run/lost_file.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "madx/core/mapped_range.h"

namespace madx::apps {
namespace {

char program_name[64];
std::atomic_flag said = ATOMIC_FLAG_INIT;

void say(const char* text) {
  const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(written);  // there is nobody left to tell
}

/// Runs in the thread that read the page; others may come here, too.
extern "C" void on_bus_error(int signal, siginfo_t* info, void*) {
  const char* const path = mapped_path(info->si_addr);
  if (path == nullptr) {
    ::signal(signal, SIG_DFL);  // what was tried is tried again, and ends the process
    return;
  }
  while (said.test_and_set()) ::pause();
  for (const char* const part :
       {static_cast<const char*>(program_name), ": ", path, kFileChanged, "\n"})
    say(part);
  ::_exit(1);  // a failure of the machine
}

}  // namespace

void handle_lost_files(const std::string& program) {
  program.copy(program_name, sizeof program_name - 1);
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // of `ulimit -f`: the write fails instead, and says so
}

}  // namespace madx::apps
