#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

namespace madx::apps {

/// Who is at a piece of work: the file PATH, which names host, process and a token. It lives as
/// long as its owner says so every few seconds; one of a process of this machine that is gone, or
/// that nobody has touched for a minute by the file system's own clock, has expired, and the next
/// one takes it. Machines that share the folder see the same.
class Claim {
 public:
  /// The claim, or nullptr where somebody else has it. Throws MachineError where the file cannot be
  /// written, or has expired and cannot be locked.
  static std::unique_ptr<Claim> acquire(const std::string& path);
  /// Gives it back.
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// Says that its owner lives. False where somebody has taken it meanwhile: after this machine
  /// slept, say.
  bool renew();

  /// Seconds after which a claim that is not renewed has expired.
  static constexpr double kExpires = 60;
  /// Seconds between two calls of `renew`, at most.
  static constexpr double kRenews = 5;

 private:
  Claim(std::string path, std::string token) : path_(std::move(path)), token_(std::move(token)) {}
  std::string path_, token_;
};

/// Who has the claim at `path` now: "HOST, process 123"; empty where nobody has, or the claim has
/// expired.
std::string claimed_by(const std::string& path);

}  // namespace madx::apps
