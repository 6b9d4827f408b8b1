#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "emulation/shadow.h"

namespace emulation {

/// Global memory that kernels may touch while this lives. Once any is declared, an access elsewhere
/// fails, and so does one that crosses an edge, is not aligned to its size, or races.
class DeclaredMemory {
 public:
  DeclaredMemory(const char* name, void* data, int64_t bytes, bool read_only);
  ~DeclaredMemory();
  DeclaredMemory(const DeclaredMemory&) = delete;
  DeclaredMemory& operator=(const DeclaredMemory&) = delete;

 private:
  void* data_;
};

/// How a kernel accesses global memory.
enum class Global { kReadOnlyCache, kRead, kWrite };

/// Checks an access of the thread that runs.
void see_global(const void* at, int64_t bytes, Global access);

}  // namespace emulation
