#pragma once

#include <cstdint>
#include <functional>

#include "emulation/shadow.h"

namespace emulation {

/// The device that is emulated. Tests change it to see other choices of tile.
struct Device {
  int64_t shared_bytes = 227 * 1024;  // a block's, as on sm_90
  int64_t multiprocessors = 2;
  bool backwards = false;  // threads run from the last to the first
  int64_t launches = 0;    // so far
};
Device& device();

/// Runs `body` once a thread: blocks one after the other, the threads of a block as fibers that
/// change at barriers and at instructions of a whole warp. Throws Failure for what a kernel does
/// wrong, or what it leaves (a barrier that some threads never reach).
void launch(const std::function<void()>& body, int64_t blocks, int threads, int64_t shared_bytes);

// Of the thread that runs:
const Moment& moment();
int64_t block_index();
unsigned char* shared_memory();

/// Waits for all threads of the block, at the same line of source.
void block_barrier(const char* file, int line);
/// Waits for all lanes of the warp, at the same line of source; orders memory if `barrier`.
/// Afterwards `lanes[i]` is what lane i gave, until this thread's next meeting.
struct Gift {
  uint32_t word[12];
};
const Gift* warp_meeting(const Gift& gift, bool barrier, const char* file, int line);

/// Checks an access of the thread that runs to shared memory.
void see_shared(const void* at, int64_t bytes, bool write);

}  // namespace emulation
