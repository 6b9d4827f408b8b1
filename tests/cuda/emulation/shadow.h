#pragma once

#include <cstdint>
#include <vector>

#include "emulation/failure.h"

namespace emulation {

/// A thread at some time of its life: barriers of its block and of its warp that it has passed.
struct Moment {
  uint32_t launch = 0;  ///< 0: never
  uint32_t block = 0, thread = 0;
  uint32_t block_barriers = 0, warp_barriers = 0;

  uint32_t warp() const { return thread / 32; }
  /// Whether `later`, of the same launch, is after this one by a barrier or by program order.
  bool before(const Moment& later) const {
    if (block != later.block) return false;
    if (thread == later.thread || block_barriers != later.block_barriers) return true;
    return warp() == later.warp() && warp_barriers != later.warp_barriers;
  }
};

/// Who touched each element of some memory last: finds two threads that touch one address without a
/// barrier between them, unless both read. It depends on the order that barriers give alone, not on
/// the order in which emulation happens to run threads.
class Shadow {
 public:
  Shadow(const char* what, int64_t bytes) : what_(what), cells_((bytes + kBytes - 1) / kBytes) {}

  void read(int64_t byte, int64_t bytes, const Moment& now) {
    for (auto i = byte / kBytes; i < (byte + bytes + kBytes - 1) / kBytes; ++i) {
      auto& cell = cells_[i];
      if (cell.written.launch == now.launch && !cell.written.before(now))
        race("reads what", cell.written, "wrote", i, now);
      remember_reader(cell, now);
    }
  }

  void write(int64_t byte, int64_t bytes, const Moment& now) {
    for (auto i = byte / kBytes; i < (byte + bytes + kBytes - 1) / kBytes; ++i) {
      auto& cell = cells_[i];
      if (cell.written.launch == now.launch && !cell.written.before(now))
        race("writes what", cell.written, "wrote", i, now);
      if (cell.reader.launch == now.launch) {
        // With readers in several warps, or in several lanes since the warp's last barrier, the one
        // remembered may be this thread itself.
        const bool same_time = cell.reader.block_barriers == now.block_barriers;
        const bool others =
            cell.other_blocks || (same_time && cell.other_warps) ||
            (same_time && cell.other_lanes && cell.reader.warp_barriers == now.warp_barriers);
        if (others || !cell.reader.before(now)) race("writes what", cell.reader, "read", i, now);
      }
      cell.written = now;
    }
  }

  bool written(int64_t byte, int64_t bytes) const {
    for (auto i = byte / kBytes; i < (byte + bytes + kBytes - 1) / kBytes; ++i)
      if (cells_[i].written.launch == 0) return false;
    return true;
  }

 private:
  static constexpr int64_t kBytes = 2;  // of the smallest element
  struct Cell {
    Moment written, reader;
    bool other_blocks = false, other_warps = false, other_lanes = false;
  };

  static void remember_reader(Cell& cell, const Moment& now) {
    const auto& last = cell.reader;
    if (last.launch != now.launch) {
      cell.other_blocks = cell.other_warps = cell.other_lanes = false;
    } else if (last.block != now.block) {
      cell.other_blocks = true;
    } else if (last.block_barriers != now.block_barriers) {
      cell.other_warps = cell.other_lanes = false;
    } else if (last.warp() != now.warp()) {
      cell.other_warps = true;
    } else if (last.warp_barriers != now.warp_barriers) {
      cell.other_lanes = false;
    } else if (last.thread != now.thread) {
      cell.other_lanes = true;
    }
    cell.reader = now;
  }

  [[noreturn]] void race(const char* act, const Moment& other, const char* its_act, int64_t cell,
                         const Moment& now) const {
    fail("race on ", what_, ", byte ", cell * kBytes, ": thread ", now.thread, " of block ",
         now.block, " ", act, " thread ", other.thread, " of block ", other.block, " ", its_act,
         ", with no barrier between them");
  }

  const char* what_;
  std::vector<Cell> cells_;
};

}  // namespace emulation
