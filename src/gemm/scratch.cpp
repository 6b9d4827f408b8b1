#include "gemm/scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace madx::gemm {
namespace {

constexpr std::align_val_t kLine{64};  // bytes; a page has more
/// Blocks of other sizes are left to the system's allocator.
constexpr size_t kSmallest = size_t{1} << 16, kLargest = size_t{1} << 23;
/// What a thread keeps at most.
constexpr size_t kMostKept = size_t{1} << 24, kMostBlocks = 64;

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

/// Has no destructor, so it can be read when those of the thread have run.
thread_local bool pool_has_ended = false;

/// Blocks that a thread returned, the one returned last at the end; the oldest ones go.
class Pool {
 public:
  ~Pool() {
    while (count_ > 0) release(take_out(count_ - 1));
    pool_has_ended = true;
  }

  /// One that fits; without memory where none does.
  Block take(size_t bytes) {
    size_t best = count_;
    for (size_t i = count_; i-- > 0;) {
      const bool fits = blocks_[i].bytes >= bytes && blocks_[i].bytes <= bytes + bytes / 2;
      if (fits && (best == count_ || blocks_[i].bytes < blocks_[best].bytes)) best = i;
    }
    return best < count_ ? take_out(best) : Block{nullptr, 0};
  }

  void give_back(const Block& block) {
    while (count_ == kMostBlocks || kept_ + block.bytes > kMostKept) release(take_out(0));
    blocks_[count_++] = block;
    kept_ += block.bytes;
  }

 private:
  Block take_out(size_t i) {
    const auto block = blocks_[i];
    std::copy(blocks_.begin() + i + 1, blocks_.begin() + count_, blocks_.begin() + i);
    --count_;
    kept_ -= block.bytes;
    return block;
  }

  std::array<Block, kMostBlocks> blocks_;
  size_t count_ = 0, kept_ = 0;
};

/// This thread's; null where it has ended.
Pool* pool() {
  if (pool_has_ended) return nullptr;
  thread_local Pool pool;
  return &pool;
}

Block take_block(size_t bytes) {
  auto* const mine = pool();
  const auto block = mine == nullptr ? Block{nullptr, 0} : mine->take(bytes);
  return block.memory == nullptr ? fresh_block(bytes) : block;
}

void give_back(const Block& block) {
  if (auto* const mine = pool()) return mine->give_back(block);
  release(block);
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
    const auto block = take_block(bytes);
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
    give_back({memory_, bytes_});
  } else {
    ::operator delete(memory_, kLine);
  }
}

}  // namespace madx::gemm
