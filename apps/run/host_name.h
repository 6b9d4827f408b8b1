#pragma once

#include <unistd.h>

#include <string>

namespace madx::apps {

/// The name that this machine gives itself, of at most 255 characters.
inline std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace madx::apps
