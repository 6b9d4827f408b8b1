// The emulation finds what it is there to find: each fault is planted in a small kernel.
#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "buffer.h"
#include "cuda/memory.cuh"
#include "cuda/mma.cuh"

namespace madx::cuda {
namespace {

using testing::HasSubstr;

constexpr int64_t kSharedBytes = 4096;

/// The message of the Failure that a launch of 64 threads ends with; empty where it does not fail.
std::string failure_of(const std::function<void()>& kernel, int64_t blocks = 1) {
  try {
    emulation::launch(kernel, blocks, /*threads=*/64, kSharedBytes);
  } catch (const emulation::Failure& failure) {
    return failure.what();
  }
  return "";
}

Shared<float> shared() { return Shared<float>(reinterpret_cast<float*>(dynamic_shared())); }
int thread() { return static_cast<int>(threadIdx.x); }

TEST(Emulation, PassesNeighboursExchangedThroughABarrier) {
  EXPECT_EQ(failure_of([] {
              shared().set(thread(), static_cast<float>(thread()));
              __syncthreads();
              const float other = shared().get(63 - thread());
              __syncthreads();
              shared().set(thread(), other);
            }),
            "");
}

TEST(Emulation, FindsAMissingBarrierBetweenAWriteAndARead) {
  EXPECT_THAT(failure_of([] {
                shared().set(thread(), 1.0f);
                shared().get(63 - thread());
              }),
              HasSubstr("which no thread has written"));
  EXPECT_THAT(failure_of([] {
                shared().set(thread(), 1.0f);
                shared().get(thread() / 2);
              }),
              testing::AllOf(HasSubstr("race on shared memory"), HasSubstr("reads what thread")));
}

TEST(Emulation, FindsAMissingBarrierBetweenAReadAndAWrite) {
  EXPECT_THAT(failure_of([] {
                shared().set(thread(), 1.0f);
                __syncthreads();
                shared().get(thread() ^ 1);
                shared().set(thread(), 2.0f);
              }),
              HasSubstr("race"));
  // The reader that is remembered is the writer itself; an earlier one was another warp.
  EXPECT_THAT(failure_of([] {
                if (thread() == 0) shared().set(0, 1.0f);
                __syncthreads();
                shared().get(0);
                if (thread() == 31) shared().set(0, 2.0f);
              }),
              HasSubstr("race"));
}

TEST(Emulation, FindsTwoWritesOfOneAddress) {
  EXPECT_THAT(failure_of([] { shared().set(thread() / 2, 1.0f); }), HasSubstr("race"));
}

TEST(Emulation, FindsARaceWhateverTheOrderOfThreads) {
  const auto kernel = [] {
    if (thread() == 0) shared().set(0, 1.0f);
    __syncwarp();
    if (thread() == 63) shared().set(0, 2.0f);
  };
  EXPECT_THAT(failure_of(kernel), HasSubstr("race"));
  emulation::device().backwards = true;
  EXPECT_THAT(failure_of(kernel), HasSubstr("race"));
  emulation::device().backwards = false;
}

TEST(Emulation, TakesAWarpsBarrierForItsOwnLanesAlone) {
  EXPECT_EQ(failure_of([] {
              shared().set(thread(), 1.0f);
              __syncwarp();
              shared().get(thread() ^ 1);
            }),
            "");
  EXPECT_THAT(failure_of([] {
                shared().set(thread(), 1.0f);
                __syncwarp();
                shared().get(thread() ^ 32);
              }),
              testing::Not(""));
  // A shuffle exchanges values and orders nothing.
  EXPECT_THAT(failure_of([] {
                shared().set(thread(), 1.0f);
                warp_sum(1.0f);
                shared().get(thread() ^ 1);
              }),
              HasSubstr("race"));
}

TEST(Emulation, FindsABarrierThatSomeThreadsNeverReach) {
  EXPECT_THAT(failure_of([] {
                if (thread() != 5) __syncthreads();
              }),
              testing::AllOf(HasSubstr("63 of 64 threads"), HasSubstr("emulation_test.cpp"),
                             HasSubstr("never come")));
  EXPECT_THAT(failure_of([] {
                if (thread() % 32 < 7) warp_sum(1.0f);
              }),
              HasSubstr("never come"));
}

TEST(Emulation, FindsThreadsAtDifferentBarriers) {
  const auto kernel = [] {
    if (thread() < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  };
  EXPECT_THAT(failure_of(kernel), HasSubstr("at the barrier of"));
}

TEST(Emulation, FindsAccessesOutsideOfSharedMemory) {
  EXPECT_THAT(failure_of([] { shared().set(thread() + 1000, 1.0f); }), HasSubstr("outside"));
  EXPECT_THAT(failure_of([] { shared().set(-1, 1.0f); }), HasSubstr("outside"));
  EXPECT_THAT(failure_of([] { shared().set_words(thread() * 4 + 2, Words{}); }),
              HasSubstr("no multiple"));
}

TEST(Emulation, FindsAccessesOutsideOfBuffers) {
  Buffer in("in", Type::kFloat, Values(64, 3.0), Buffer::kInput), out("out", Type::kFloat, 64);
  const float* const from = in.floats();
  float* const to = out.floats();
  EXPECT_EQ(failure_of([=] {
              store_value(to + thread(), load_value<Access::kReadOnly>(from + thread()));
            }),
            "");
  EXPECT_THAT(failure_of([=] { load_value<Access::kReadOnly>(from + thread() + 1); }),
              HasSubstr("reads 4 bytes at byte 256 from the start of in, which has 256"));
  EXPECT_THAT(failure_of([=] { load_value<Access::kReadOnly>(from + thread() - 1); }),
              HasSubstr("reads"));
  EXPECT_THAT(failure_of([=] { store_value(to + 2 * thread(), 1.0f); }), HasSubstr("of out"));
  EXPECT_THAT(failure_of([=] { store_value(const_cast<float*>(from), 1.0f); }),
              HasSubstr("writes in, which is an input"));
  EXPECT_THAT(failure_of([=] { load_words<Access::kReadOnly>(from + 1); }),
              HasSubstr("no multiple"));
  EXPECT_THAT(failure_of([=] { load_value<Access::kReadOnly>(to); }),
              HasSubstr("through the read-only cache"));
}

TEST(Emulation, FindsTwoBlocksAtOneAddress) {
  Buffer out("out", Type::kFloat, 64);
  float* const to = out.floats();
  EXPECT_EQ(failure_of([=] { store_value(to + thread(), 1.0f); }, /*blocks=*/1), "");
  EXPECT_THAT(failure_of([=] { store_value(to + thread(), 1.0f); }, /*blocks=*/2),
              HasSubstr("race on out"));
}

TEST(Emulation, RefusesMoreSharedMemoryThanTheDeviceHas) {
  EXPECT_THROW(emulation::launch([] {}, 1, 64, int64_t{1} << 20), emulation::Failure);
}

TEST(Emulation, MultipliesAsTheTensorCoresDo) {
  // By PTX's formulas for each lane, not by the emulation's.
  const auto a = random_values(Type::kHalf, 16 * 16, 1, 1),
             b = random_values(Type::kHalf, 16 * 8, 1, 2);
  std::vector<float> sums(16 * 8);
  const auto pair = [](double low, double high) {
    return emulation::float_to_half(static_cast<float>(low)) |
           static_cast<uint32_t>(emulation::float_to_half(static_cast<float>(high))) << 16;
  };
  emulation::launch(
      [&] {
        const int group = thread() / 4, in_group = thread() % 4;
        uint32_t a_words[4], b_words[2];
        for (int i = 0; i < 8; i += 2) {
          const int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
          const int column = in_group * 2 + (i < 4 ? 0 : 8);
          a_words[i / 2] = pair(a[row * 16 + column], a[row * 16 + column + 1]);
        }
        for (int i = 0; i < 4; i += 2) {
          const int row = in_group * 2 + (i < 2 ? 0 : 8);
          b_words[i / 2] = pair(b[row * 8 + group], b[(row + 1) * 8 + group]);
        }
        float sum[4] = {};
        multiply_add(sum, a_words, b_words, Half{});
        for (int i = 0; i < 4; ++i)
          sums[(i < 2 ? group : group + 8) * 8 + in_group * 2 + i % 2] = sum[i];
      },
      1, 32, kSharedBytes);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double expected = 0;
      for (int k = 0; k < 16; ++k) expected += a[row * 16 + k] * b[k * 8 + column];
      EXPECT_NEAR(sums[row * 8 + column], expected, 1e-5);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const auto value = emulation::half_to_float(static_cast<uint16_t>(bits));
    const auto above = emulation::half_to_float(static_cast<uint16_t>(bits + 1));
    ASSERT_EQ(emulation::float_to_half(value), bits);
    ASSERT_EQ(emulation::float_to_half(-value), bits | 0x8000);
    if (bits == 0x7BFF) break;  // 65504, the largest
    ASSERT_GT(above, value);
    const auto middle = static_cast<float>((static_cast<double>(value) + above) / 2);
    ASSERT_EQ(emulation::float_to_half(middle), bits + bits % 2);
    ASSERT_EQ(emulation::float_to_half(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(emulation::float_to_half(std::nextafter(middle, 1e6f)), bits + 1);
  }
  EXPECT_EQ(emulation::half_to_float(0x3555), 0.333251953125f);
  EXPECT_EQ(emulation::float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(emulation::float_to_bfloat16(1.0f), 0x3F80);
  EXPECT_EQ(emulation::float_to_bfloat16(1.00390625f), 0x3F80);  // a tie, to even
  EXPECT_EQ(emulation::float_to_bfloat16(1.01171875f), 0x3F82);
}

}  // namespace
}  // namespace madx::cuda
