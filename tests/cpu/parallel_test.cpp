#include "cpu/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gemm/scratch.h"
#include "gemm/tested.h"

namespace madx::cpu {
namespace {

TEST(Parallel, CarriesWhatAThreadThrowsOutOfTheRegion) {
  for (const int thrower : {0, 1, 2}) {
    std::string caught;
    try {
      parallel(3, [&](Thread thread) {
        if (thread.index == thrower) throw std::runtime_error("thread " + std::to_string(thrower));
      });
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    EXPECT_EQ(caught, "thread " + std::to_string(thrower));
  }
}

TEST(Parallel, ThrowsOnceWhereAllThreadsDo) {
  EXPECT_THROW(parallel(4, [](Thread) { throw std::runtime_error("no product"); }),
               std::runtime_error);
  std::atomic<int> ran{0};
  parallel(4, [&](Thread) { ++ran; });
  EXPECT_EQ(ran, 4) << "the next region runs as ever";
}

TEST(Parallel, CarriesMemoryThatIsNotThereOutOfTheRegion) {
  EXPECT_THROW(parallel(2, [](Thread) { Scratch(int64_t{1} << 58, Scratch::Start::kAnything); }),
               std::bad_alloc);
}

TEST(SharedPieces, FallToOneThreadEach) {
  for (const int64_t count : {0, 1, 2, 7, 100}) {
    std::vector<std::atomic<int>> taken(static_cast<size_t>(count));
    SharedPieces pieces(count);
    parallel(3, [&](Thread thread) {
      pieces.for_each(thread, [&](int64_t piece) { ++taken[static_cast<size_t>(piece)]; });
    });
    for (const auto& times : taken) EXPECT_EQ(times, 1);
  }
}

TEST(SharedPieces, OfAThreadThatIsHeldUpAreDoneByTheOthers) {
  constexpr int64_t kPieces = 8;
  SharedPieces pieces(kPieces);
  std::atomic<int64_t> done{0};
  std::atomic<bool> waited{true};
  parallel(2, [&](Thread thread) {
    pieces.for_each(thread, [&](int64_t piece) {
      if (thread.index == 0 && piece == 0 && thread.count == 2) {  // until the rest is done
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (done < kPieces - 1 && std::chrono::steady_clock::now() < end)
          std::this_thread::yield();
        waited = done == kPieces - 1;
      }
      ++done;
    });
  });
  EXPECT_EQ(done, kPieces);
  EXPECT_TRUE(waited);
}

TEST(Blocks, CoverAllNumbersOnce) {
  for (const int64_t count : {0, 1, 5, 64, 1001}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
    parallel(3, [&](Thread thread) {
      for_each_of_block(thread, count, [&](int64_t i) { ++seen[static_cast<size_t>(i)]; });
    });
    for (const auto& times : seen) EXPECT_EQ(times, 1);
  }
}

}  // namespace
}  // namespace madx::cpu
