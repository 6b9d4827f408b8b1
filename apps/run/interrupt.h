#pragma once

namespace madx::apps {

/// While one lives, Ctrl-C and SIGTERM only ask the program to stop, at a place where nothing is
/// lost; a second one ends it at once. While none lives, the first one does.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether it was asked since the guard came to life.
  bool requested() const;
};

/// Makes SIGINT and SIGTERM do so, and SIGPIPE nothing. For programs: a library leaves its host's
/// signals alone.
void handle_interrupts();
/// And SIGUSR1, which launchers hand on to all processes of a job.
void handle_stop_of_job();

}  // namespace madx::apps
