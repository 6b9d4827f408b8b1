#pragma once

#include <sstream>
#include <stdexcept>

namespace emulation {

/// What a kernel did wrong: the message says which thread did what.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Failure(text.str());
}

}  // namespace emulation
