// The host's side of a launch, on devices of several sizes, and kernels with every tile.
#include "cuda/launch.cuh"

#include <gtest/gtest.h>

#include "site_run.h"

namespace madx::cuda {
namespace {

constexpr int64_t kSm80 = 163 * 1024, kSm90 = 227 * 1024, kSm120 = 99 * 1024;

class Launch : public testing::Test {
 protected:
  void TearDown() override { emulation::device() = {}; }
  static void set_device(int64_t shared_bytes, int64_t multiprocessors) {
    emulation::device().shared_bytes = shared_bytes;
    emulation::device().multiprocessors = multiprocessors;
  }
};

TEST_F(Launch, TakesManyRowsATileWhereTheyFit) {
  set_device(kSm80, 108);
  EXPECT_EQ(choose_rows<Half>(768, 384, 100000), 64);
  EXPECT_EQ(choose_rows<Half>(1024, 512, 100000), 32);
  EXPECT_EQ(choose_rows<float>(768, 384, 100000), 16);
  EXPECT_EQ(choose_rows<Half>(4096, 1024, 100000), 16);
  EXPECT_EQ(choose_rows<float>(4096, 1024, 100000), 4);
  set_device(kSm90, 132);
  EXPECT_EQ(choose_rows<Half>(1024, 512, 100000), 64);
}

TEST_F(Launch, LetsTwoBlocksShareAMultiprocessorWhereTheBottleneckIsSmall) {
  set_device(kSm80, 108);
  EXPECT_EQ(choose_rows<Half>(768, 48, 100000), 32);
  EXPECT_EQ(choose_rows<Half>(1024, 64, 100000), 32);
  EXPECT_EQ(choose_rows<float>(768, 48, 100000), 16) << "which have no registers for two";
  set_device(kSm90, 132);
  EXPECT_EQ(choose_rows<Half>(768, 48, 100000), 32);
  set_device(kSm120, 170);
  EXPECT_EQ(choose_rows<Half>(768, 48, 100000), 16);
}

TEST_F(Launch, GivesEveryMultiprocessorABlockBeforeALargerTile) {
  set_device(kSm80, 108);
  EXPECT_EQ(choose_rows<Half>(768, 384, 64 * 108), 64);
  EXPECT_EQ(choose_rows<Half>(768, 384, 64 * 108 - 1), 32);
  EXPECT_EQ(choose_rows<Half>(768, 384, 1), 8);
}

TEST_F(Launch, FitsAllPromisedSizesOnEveryDevice) {
  for (const auto shared : {kSm80, kSm90, kSm120}) {
    set_device(shared, 100);
    for (const auto type : {Type::kFloat, Type::kHalf, Type::kBFloat16}) {
      EXPECT_TRUE(fits(type, 4096, 1024));
      EXPECT_FALSE(fits(type, 1 << 16, 1024));
    }
  }
  set_device(kSm80, 1);
  EXPECT_THROW(choose_rows<Half>(1 << 16, 8, 8), MachineError);
}

TEST_F(Launch, TakesUpToFourteenGroupsAtOnce) {
  for (const int64_t count : {1, 14, 15}) {
    std::vector<std::pair<int64_t, std::vector<int64_t>>> groups(static_cast<size_t>(count),
                                                                 {2, {8, 8}});
    const SiteValues site(Type::kHalf, 32, groups);
    const auto before = emulation::device().launches;
    SiteRun(site).infer();
    EXPECT_EQ(emulation::device().launches - before, (count + 13) / 14);
  }
}

template <class T>
void expect_every_tile(Type type) {
  const SiteValues site(type, 104, {{75, {160, 24}}});
  const auto exact = SiteReference<double>(site).run();
  const auto plain = SiteReference<float>(site).run();
  for (const int rows : TileRows<T>::kChoices) {
    for (const bool backwards : {false, true}) {
      // Only one row more fits; a bottleneck of 160 asks for no pair of blocks.
      emulation::device().shared_bytes = (rows + 1) * row_bytes<T>(104, 160);
      emulation::device().multiprocessors = 1;
      emulation::device().backwards = backwards;
      ASSERT_EQ(choose_rows<T>(104, 160, 75), rows);
      SCOPED_TRACE(rows);
      const auto ours = SiteRun(site).train();
      const auto expect = [&](const Values& x, const Values& y, const Values& z, const char* what) {
        expect_twice_the_error_at_most(type, x, y, z, what);
      };
      expect(ours.out, plain.out, exact.out, "out");
      expect(ours.a_gradient, plain.a_gradient, exact.a_gradient, "a's gradient");
      for (size_t level = 0; level < 2; ++level) {
        expect(ours.gradients[0][level].down, plain.gradients[0][level].down,
               exact.gradients[0][level].down, "down");
        expect(ours.gradients[0][level].up, plain.gradients[0][level].up,
               exact.gradients[0][level].up, "up");
      }
    }
  }
}

TEST_F(Launch, ComputesTheSameWithEveryTileAndEveryOrderOfThreads) {
  expect_every_tile<float>(Type::kFloat);
  expect_every_tile<Half>(Type::kHalf);
  expect_every_tile<BFloat16>(Type::kBFloat16);
}

}  // namespace
}  // namespace madx::cuda
