#include "gemm/scratch.h"

#include <sys/mman.h>

#include <list>
#include <mutex>
#include <new>
#include <utility>

namespace madx::gemm {
namespace {

constexpr std::align_val_t kLine{64};  // bytes; a page has more
/// Blocks of other sizes are left to the system's allocator.
constexpr size_t kSmallest = size_t{1} << 16, kLargest = size_t{1} << 23;
constexpr size_t kMostKept = size_t{1} << 25;

struct Block {
  void* memory;
  size_t bytes;
};

void release(const Block& block) { ::munmap(block.memory, block.bytes); }

/// Not from the heap, which what is kept here would break into pieces.
Block fresh_block(size_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                              /*fd=*/-1, /*offset=*/0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {memory, bytes};
}

/// Blocks that were returned, the one returned last first; the oldest ones go.
class Pool {
 public:
  Block take(size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      auto best = blocks_.end();
      for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
        const bool fits = block->bytes >= bytes && block->bytes <= bytes + bytes / 2;
        if (fits && (best == blocks_.end() || block->bytes < best->bytes)) best = block;
      }
      if (best != blocks_.end()) {
        const auto found = *best;
        blocks_.erase(best);
        kept_ -= found.bytes;
        return found;
      }
    }
    return fresh_block(bytes);
  }

  void give_back(const Block& block) {
    const std::lock_guard lock(mutex_);
    blocks_.push_front(block);
    kept_ += block.bytes;
    while (kept_ > kMostKept) {
      kept_ -= blocks_.back().bytes;
      release(blocks_.back());
      blocks_.pop_back();
    }
  }

 private:
  std::mutex mutex_;
  std::list<Block> blocks_;
  size_t kept_ = 0;
};

/// Never destroyed: threads may outlive what is.
Pool& pool() {
  static auto* const pool = new Pool;
  return *pool;
}

#ifdef __SANITIZE_ADDRESS__
bool is_pooled(size_t) { return false; }  // each block is then guarded on its own
#else
bool is_pooled(size_t bytes) { return bytes >= kSmallest && bytes <= kLargest; }
#endif

}  // namespace

ScratchMemory::ScratchMemory(size_t bytes) : memory_(nullptr), bytes_(bytes) {
  if (bytes == 0) return;
  if (is_pooled(bytes)) {
    const auto block = pool().take(bytes);
    memory_ = block.memory;
    bytes_ = block.bytes;
  } else {
    memory_ = ::operator new(bytes, kLine);
  }
}

ScratchMemory::ScratchMemory(ScratchMemory&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}

ScratchMemory& ScratchMemory::operator=(ScratchMemory&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

ScratchMemory::~ScratchMemory() {
  if (memory_ == nullptr) return;
  if (is_pooled(bytes_)) {
    pool().give_back({memory_, bytes_});
  } else {
    ::operator delete(memory_, kLine);
  }
}

}  // namespace madx::gemm
