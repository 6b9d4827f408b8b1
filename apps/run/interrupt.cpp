#include "apps/run/interrupt.h"

#include <csignal>
#include <cstdlib>

namespace madx::apps {
namespace {

constexpr int kInterrupted = 130;

volatile std::sig_atomic_t guards = 0;
volatile std::sig_atomic_t requests = 0;

extern "C" void on_interrupt(int) {
  if (guards == 0 || requests > 0) std::_Exit(kInterrupted);
  requests = 1;
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
