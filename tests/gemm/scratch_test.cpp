#include "gemm/scratch.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace madx::gemm {
namespace {

constexpr size_t kBytes = size_t{1} << 18, kPage = 4096;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kIsPooled = false;
#else
constexpr bool kIsPooled = true;
#endif

void fill(ScratchMemory& memory, int value) { std::memset(memory.get(), value, kBytes); }

bool is_filled(const ScratchMemory& memory, int value) {
  const auto* const bytes = static_cast<const unsigned char*>(memory.get());
  for (size_t i = 0; i < kBytes; ++i)
    if (bytes[i] != value) return false;
  return true;
}

/// In a thread that has nothing yet.
template <class Body>
void in_new_thread(Body&& body) {
  std::thread(std::forward<Body>(body)).join();
}

void* take_and_return(size_t bytes) { return ScratchMemory(bytes).get(); }

/// Whether the page is mapped. Asked at once: what the process does next may use the place again.
bool is_mapped(void* page) {
  unsigned char resident = 0;
  return ::mincore(page, kPage, &resident) == 0;
}

TEST(Scratch, IsReusedInItsThread) {
  if (!kIsPooled) GTEST_SKIP() << "each block is guarded on its own";
  in_new_thread([] {
    void* const first = take_and_return(kBytes);
    EXPECT_EQ(take_and_return(kBytes), first);
    EXPECT_EQ(take_and_return(kBytes - kBytes / 4), first) << "a little smaller";
    EXPECT_NE(take_and_return(kBytes / 4), first) << "much smaller";
  });
}

TEST(Scratch, OfEqualBlocksTheOneReturnedLastComesFirst) {
  if (!kIsPooled) GTEST_SKIP() << "each block is guarded on its own";
  in_new_thread([] {
    auto first = std::make_unique<ScratchMemory>(kBytes),
         last = std::make_unique<ScratchMemory>(kBytes);
    void* const warm = last->get();
    first.reset();
    last.reset();
    EXPECT_EQ(take_and_return(kBytes), warm);
  });
}

TEST(Scratch, IsNoOtherThreads) {
  void* const mine = take_and_return(kBytes);
  in_new_thread([&] { EXPECT_NE(ScratchMemory(kBytes).get(), mine); });
}

TEST(Scratch, IsKeptUpToABound) {
  if (!kIsPooled) GTEST_SKIP() << "each block is guarded on its own";
  in_new_thread([] {
    constexpr size_t kMany = 200, kSmall = size_t{1} << 16, kBig = size_t{1} << 23;
    size_t kept = 0;
    for (const auto& [count, bytes] : {std::pair{kMany, kSmall}, {kMany / 20, kBig}}) {
      std::vector<void*> places;
      {
        std::vector<ScratchMemory> blocks;
        for (size_t i = 0; i < count; ++i) places.push_back(blocks.emplace_back(bytes).get());
      }
      kept = 0;
      for (void* const place : places) kept += is_mapped(place) ? bytes : 0;
      EXPECT_GT(kept, 0);
      EXPECT_LE(kept, size_t{1} << 24);
    }
  });
}

TEST(Scratch, IsFreedWhenItsThreadEnds) {
  if (!kIsPooled) GTEST_SKIP() << "each block is guarded on its own";
  constexpr size_t kBig = size_t{1} << 22;
  void* place = nullptr;
  bool was_mapped = false;
  in_new_thread([&] {
    place = take_and_return(kBig);
    was_mapped = is_mapped(place);
  });
  EXPECT_TRUE(was_mapped);
  EXPECT_FALSE(is_mapped(place));
}

TEST(Scratch, MayBeReturnedByAnotherThread) {
  for (const size_t bytes :
       {kBytes, size_t{1} << 24, size_t{4096}}) {  // pooled, too large, too small
    ScratchMemory memory(bytes);
    void* const place = memory.get();
    std::memset(place, 1, bytes);
    in_new_thread([&] {
      {
        const ScratchMemory moved = std::move(memory);
        EXPECT_EQ(moved.get(), place);
        EXPECT_EQ(memory.get(), nullptr);
      }
      if (kIsPooled && bytes == kBytes) {
        EXPECT_EQ(take_and_return(bytes), place) << "now it is that thread's";
      }
    });
    ScratchMemory other(bytes);  // which is not what that thread has freed with itself
    std::memset(other.get(), 2, bytes);
  }
}

TEST(Scratch, OfManyThreadsAtOnceIsEachOnesAlone) {
  constexpr int kThreads = 16, kTurns = 200;
  std::vector<std::thread> threads;
  std::array<bool, kThreads> held{};
  for (int index = 0; index < kThreads; ++index) {
    threads.emplace_back([&held, index] {
      bool all = true;
      for (int turn = 0; turn < kTurns; ++turn) {
        ScratchMemory first(kBytes), second(kBytes);
        fill(first, 2 * index);
        fill(second, 2 * index + 1);
        all = all && is_filled(first, 2 * index) && is_filled(second, 2 * index + 1);
      }
      held[static_cast<size_t>(index)] = all;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const bool all : held) EXPECT_TRUE(all);
}

/// Whose destructor runs after those of the thread that were needed first later.
struct Late {
  std::optional<ScratchMemory> memory;
  bool* done = nullptr;

  ~Late() {
    if (!memory) return;
    void* const place = memory->get();
    memory.reset();
    const bool gone = !kIsPooled || !is_mapped(place);
    ScratchMemory last(kBytes);
    fill(last, 7);
    if (done != nullptr) *done = gone && is_filled(last, 7);
  }
};

TEST(Scratch, CanBeTakenAndReturnedAfterItsThreadsPoolHasEnded) {
  bool done = false;
  in_new_thread([&] {
    thread_local Late late;
    late.done = &done;  // before the pool
    late.memory.emplace(kBytes);
    take_and_return(2 * kBytes);
  });
  EXPECT_TRUE(done);
}

TEST(ScratchDeathTest, CanBeReturnedAtTheEndOfTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static Late late;
        late.memory.emplace(kBytes);
        take_and_return(2 * kBytes);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace madx::gemm
