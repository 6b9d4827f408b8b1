#pragma once

#include <stdexcept>
#include <string>

#include "madx/core/plain_text.h"

namespace madx {

/// What madx throws of its own, LibTorch's c10::Error for a caller's mistake apart.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A mistake in what the user gave: a file, a flag, a value. The message is one line that names the
/// file (and line), what was expected, what was found and what to do. Programs print it and exit
/// with status 2.
class InputError : public Error {
 public:
  using Error::Error;
};

/// A failure of the machine: disk full, out of memory. Programs print it and exit with status 1.
class MachineError : public Error {
 public:
  using Error::Error;
};

namespace detail {
template <class... Parts>
std::string join_parts(const Parts&... parts) {
  auto out = plain_stream();
  (out << ... << parts);
  // Names out of files may hold anything: a message stays one line and never drives a terminal.
  std::string text = out.str();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return text;
}
}  // namespace detail

/// Throws InputError with the streamed parts as its message:
/// `input_error(path, ":", line, ": expected two columns, but found one; separate token and tag by
/// a tab");`
template <class... Parts>
[[noreturn]] void input_error(const Parts&... parts) {
  throw InputError(detail::join_parts(parts...));
}

/// Throws MachineError with the streamed parts as its message.
template <class... Parts>
[[noreturn]] void machine_error(const Parts&... parts) {
  throw MachineError(detail::join_parts(parts...));
}

}  // namespace madx
