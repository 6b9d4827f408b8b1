#pragma once

#include <unistd.h>

namespace madx {

/// An open file, closed at the end of a scope, which a mapping of it outlives; below 0 where
/// opening failed.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  const int number;
};

}  // namespace madx
