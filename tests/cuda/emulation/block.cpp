#include "emulation/block.h"

#include <boost/context/fiber.hpp>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

namespace emulation {
namespace {

namespace context = boost::context;
constexpr unsigned kLanes = 32;
constexpr size_t kStackBytes = 256 * 1024;

enum class State { kReady, kAtBlockBarrier, kAtMeeting, kDone };

struct Place {
  const char* file = "";
  int line = 0;
  bool operator==(const Place& other) const {
    return line == other.line && std::strcmp(file, other.file) == 0;
  }
};

struct Thread {
  context::fiber fiber;  // of the thread while it waits, of the scheduler while it runs
  State state = State::kReady;
  Moment moment;
  Place place;  // where it waits
  Gift given;
};

struct Warp {
  Gift lanes[2][kLanes];  // by turns: a fast lane may be one meeting ahead of a slow one
  int turn = 0;
  unsigned waiting = 0;
};

class Block {
 public:
  Block(uint32_t launch, int64_t index, int threads, int64_t shared_bytes)
      : index_(index),
        threads_(static_cast<size_t>(threads)),
        warps_(static_cast<size_t>(threads) / kLanes),
        // Some bytes more, to start at a multiple of 128; the shadow knows the true size.
        memory_(static_cast<size_t>(shared_bytes) + 128, 0xFF),
        shared_bytes_(shared_bytes),
        shadow_("shared memory", shared_bytes) {
    for (size_t i = 0; i < threads_.size(); ++i) {
      threads_[i].moment.launch = launch;
      threads_[i].moment.block = static_cast<uint32_t>(index);
      threads_[i].moment.thread = static_cast<uint32_t>(i);
    }
    const auto start = reinterpret_cast<uintptr_t>(memory_.data());
    shared_ = memory_.data() + (128 - start % 128) % 128;
  }

  void run(const std::function<void()>& body);

  Thread& current() { return *current_; }
  unsigned char* shared() { return shared_; }
  int64_t index() const { return index_; }

  void wait(State state, Place place) {
    auto& self = *current_;
    self.state = state;
    self.place = place;
    self.fiber = std::move(self.fiber).resume();
  }
  Warp& warp_of(const Thread& thread) { return warps_[thread.moment.warp()]; }

  void arrive_at_block_barrier(Place place);
  const Gift* meet(const Gift& gift, bool barrier, Place place);
  void see(const void* at, int64_t bytes, bool write) {
    const auto byte = static_cast<const unsigned char*>(at) - shared_;
    const auto& now = current_->moment;
    if (byte < 0 || byte + bytes > shared_bytes_) {
      fail("thread ", now.thread, " of block ", now.block, " ", write ? "writes" : "reads",
           " shared memory at byte ", byte, ", outside of its ", shared_bytes_);
    }
    if (byte % bytes != 0)
      fail("thread ", now.thread, " of block ", now.block, ": ", bytes,
           " bytes of shared memory at byte ", byte, ", which is no multiple");
    if (write) {
      shadow_.write(byte, bytes, now);
    } else {
      if (!shadow_.written(byte, bytes))
        fail("thread ", now.thread, " of block ", now.block, " reads shared memory at byte ", byte,
             ", which no thread has written");
      shadow_.read(byte, bytes, now);
    }
  }

 private:
  bool step(Thread& thread);
  [[noreturn]] void report_waiting() const;

  int64_t index_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned char> memory_;
  unsigned char* shared_ = nullptr;
  int64_t shared_bytes_;
  Shadow shadow_;
  Thread* current_ = nullptr;
  size_t waiting_ = 0;  // at the block's barrier
  std::exception_ptr failure_;
};

Block* running = nullptr;
uint32_t launches = 0;

/// Runs a thread until it waits; false when it cannot run.
bool Block::step(Thread& thread) {
  if (thread.state != State::kReady) return false;
  current_ = &thread;
  thread.fiber = std::move(thread.fiber).resume();
  if (failure_) std::rethrow_exception(failure_);
  return true;
}

void Block::run(const std::function<void()>& body) {
  for (auto& thread : threads_) {
    thread.fiber = context::fiber(std::allocator_arg, context::fixedsize_stack(kStackBytes),
                                  [&](context::fiber&& scheduler) {
                                    thread.fiber = std::move(scheduler);
                                    try {
                                      body();
                                    } catch (const Failure&) {
                                      failure_ = std::current_exception();
                                    }
                                    thread.state = State::kDone;
                                    return std::move(thread.fiber);
                                  });
  }
  const auto count = threads_.size();
  for (bool any = true; any;) {
    any = false;
    // A warp goes on for as long as it can before the next one runs.
    for (size_t warp = 0; warp < warps_.size(); ++warp) {
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const auto thread = warp * kLanes + lane;
          moved = step(threads_[device().backwards ? count - 1 - thread : thread]) || moved;
        }
        any = any || moved;
      }
    }
  }
  for (const auto& thread : threads_)
    if (thread.state != State::kDone) report_waiting();
}

void Block::report_waiting() const {
  for (const auto& thread : threads_) {
    if (thread.state == State::kDone) continue;
    size_t here = 0;
    for (const auto& other : threads_)
      here += other.state == thread.state && other.place == thread.place;
    fail("block ", index_, ": ", here, " of ", threads_.size(), " threads, thread ",
         thread.moment.thread, " among them, wait at ", thread.place.file, ":", thread.place.line,
         " for others that never come");
  }
  fail("block ", index_, ": threads wait");
}

void Block::arrive_at_block_barrier(Place place) {
  if (++waiting_ == threads_.size()) {
    waiting_ = 0;
    for (auto& thread : threads_) {
      if (&thread != current_ && !(thread.place == place))
        fail("block ", index_, ": thread ", thread.moment.thread, " is at the barrier of ",
             thread.place.file, ":", thread.place.line, ", thread ", current_->moment.thread,
             " at that of ", place.file, ":", place.line);
      thread.state = State::kReady;
      ++thread.moment.block_barriers;
    }
    return;
  }
  wait(State::kAtBlockBarrier, place);
}

const Gift* Block::meet(const Gift& gift, bool barrier, Place place) {
  auto& self = *current_;
  auto& warp = warp_of(self);
  const auto turn = warp.turn;
  auto* const lanes = warp.lanes[turn];
  lanes[self.moment.thread % kLanes] = gift;
  if (++warp.waiting < kLanes) {
    wait(State::kAtMeeting, place);
    return lanes;
  }
  warp.waiting = 0;
  warp.turn = 1 - turn;
  const auto first = self.moment.warp() * kLanes;
  for (auto i = first; i < first + kLanes; ++i) {
    auto& thread = threads_[i];
    if (&thread != &self && !(thread.place == place))
      fail("block ", index_, ": thread ", i, " meets its warp at ", thread.place.file, ":",
           thread.place.line, ", thread ", self.moment.thread, " at ", place.file, ":", place.line);
    thread.state = State::kReady;
    if (barrier) ++thread.moment.warp_barriers;
  }
  return lanes;
}

}  // namespace

Device& device() {
  static Device device;
  return device;
}

void launch(const std::function<void()>& body, int64_t blocks, int threads, int64_t shared_bytes) {
  if (shared_bytes > device().shared_bytes)
    fail("a launch with ", shared_bytes, " bytes of shared memory; the device has ",
         device().shared_bytes);
  if (threads % static_cast<int>(kLanes) != 0) fail("a launch of ", threads, " threads a block");
  ++launches;
  ++device().launches;
  for (int64_t index = 0; index < blocks; ++index) {
    Block block(launches, index, threads, shared_bytes);
    running = &block;
    try {
      block.run(body);
    } catch (...) {
      running = nullptr;
      throw;
    }
    running = nullptr;
  }
}

const Moment& moment() { return running->current().moment; }
int64_t block_index() { return running->index(); }
unsigned char* shared_memory() { return running->shared(); }
void block_barrier(const char* file, int line) { running->arrive_at_block_barrier({file, line}); }
const Gift* warp_meeting(const Gift& gift, bool barrier, const char* file, int line) {
  return running->meet(gift, barrier, {file, line});
}
void see_shared(const void* at, int64_t bytes, bool write) { running->see(at, bytes, write); }

}  // namespace emulation
