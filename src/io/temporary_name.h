#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <string>

namespace madx::io {

/// A name beside `target` for what is being written: TARGET.tmpPID.RANDOM.N, which programs know as
/// left behind where it is (apps/run/output_files.h). Another one at each call. Machines and
/// containers that share a folder may share a pid, so who creates it must still refuse one that is
/// there (O_EXCL, mkdir) and ask again.
inline std::string temporary_beside(const std::string& target) {
  static const uint32_t random = std::random_device()();
  static std::atomic<uint64_t> count{0};
  return target + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(random) + "." +
         std::to_string(count++);
}

}  // namespace madx::io
