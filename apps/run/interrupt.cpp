#include "apps/run/interrupt.h"

#include <csignal>
#include <cstdlib>
#include <ctime>

namespace madx::apps {
namespace {

constexpr int kInterrupted = 130;

volatile std::sig_atomic_t guards = 0;
volatile std::sig_atomic_t requests = 0;
volatile std::time_t first_request = 0;  // seconds of a clock that nobody sets

std::time_t seconds_now() {
  std::timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

extern "C" void on_interrupt(int signal) {
  if (guards > 0 && requests == 0) {
    first_request = seconds_now();
    requests = 1;
    return;
  }
  // The kernel sends SIGTERM once for each thread of a parent that is killed (PR_SET_PDEATHSIG),
  // a fraction of a second apart: one request, not an impatient second one.
  if (guards > 0 && signal == SIGTERM && seconds_now() - first_request < 2) return;
  std::_Exit(kInterrupted);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (guards == 0) requests = 0;
  guards = guards + 1;
}

InterruptGuard::~InterruptGuard() { guards = guards - 1; }

bool InterruptGuard::requested() const { return requests > 0; }

void handle_interrupts() {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  // A terminal that goes away, unless the user said that it may (nohup).
  if (std::signal(SIGHUP, on_interrupt) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  // A reader that goes away (| head) ends no training: what it would have read is lost, no more.
  std::signal(SIGPIPE, SIG_IGN);
}

void handle_stop_of_job() { std::signal(SIGUSR1, on_interrupt); }

}  // namespace madx::apps
