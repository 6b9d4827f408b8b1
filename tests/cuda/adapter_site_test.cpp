// The site's kernels against the same equation in plain loops: results and gradients have at most
// twice the error of separate operations in the same type.
#include "madx/cuda/adapter_site.h"

#include <gtest/gtest.h>

#include <tuple>

#include "site_run.h"

namespace madx::cuda {
namespace {

using Shapes = std::vector<std::pair<int64_t, std::vector<int64_t>>>;  // rows, bottlenecks a group

/// expect(ours, plain, exact, what) for each result.
template <class Expect>
void compare(const SiteResults& ours, const SiteResults& plain, const SiteResults& exact,
             Expect&& expect) {
  expect(ours.out, plain.out, exact.out, "out");
  expect(ours.f_gradient, plain.f_gradient, exact.f_gradient, "f's gradient");
  expect(ours.a_gradient, plain.a_gradient, exact.a_gradient, "a's gradient");
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    for (size_t level = 0; level < exact.gradients[i].size(); ++level) {
      const auto &x = ours.gradients[i][level], &y = plain.gradients[i][level],
                 &z = exact.gradients[i][level];
      SCOPED_TRACE("group " + std::to_string(i) + ", level " + std::to_string(level));
      expect(x.down, y.down, z.down, "down");
      expect(x.down_bias, y.down_bias, z.down_bias, "down's bias");
      expect(x.up, y.up, z.up, "up");
      expect(x.up_bias, y.up_bias, z.up_bias, "up's bias");
    }
  }
}

void expect_site(const SiteValues& site) {
  const auto exact = SiteReference<double>(site).run();
  const auto plain = SiteReference<float>(site).run();
  const auto ours = SiteRun(site).train();
  compare(ours, plain, exact,
          [&](const Values& x, const Values& y, const Values& z, const char* what) {
            expect_twice_the_error_at_most(site.type, x, y, z, what);
          });
  EXPECT_EQ(SiteRun(site).infer(), ours.out) << "keeping changes nothing";
}

void expect_nan_as_plain(const SiteValues& site) {
  const auto plain = SiteReference<float>(site).run();
  compare(SiteRun(site).train(), plain, plain,
          [&](const Values& x, const Values& y, const Values&, const char* what) {
            expect_same_nan(x, y, what);
          });
}

class CudaSite : public testing::TestWithParam<Type> {
 protected:
  void SetUp() override {
    if (const auto* reason = no_device()) GTEST_SKIP() << reason;
  }
};

INSTANTIATE_TEST_SUITE_P(Types, CudaSite,
                         testing::Values(Type::kFloat, Type::kHalf, Type::kBFloat16),
                         [](const auto& info) {
                           return std::string(info.param == Type::kFloat  ? "float32"
                                              : info.param == Type::kHalf ? "float16"
                                                                          : "bfloat16");
                         });

TEST_P(CudaSite, OneAdapter) { expect_site({GetParam(), 96, {{70, {24}}}}); }
TEST_P(CudaSite, TwoAdapters) { expect_site({GetParam(), 64, {{37, {40, 8}}}}); }
TEST_P(CudaSite, NoAdapter) { expect_site({GetParam(), 136, {{21, {}}}}); }
TEST_P(CudaSite, SizesThatAreNoMultiplesOfAnything) {
  expect_site({GetParam(), 33, {{19, {7}}}});
  expect_site({GetParam(), 101, {{3, {13, 5}}}});
}

TEST_P(CudaSite, BaseShape) { expect_site({GetParam(), 768, {{9, {384, 48}}}}); }
TEST_P(CudaSite, DeepStack) { expect_site({GetParam(), 72, {{5, {8, 16, 24, 40}}}}); }

TEST_P(CudaSite, GroupsOfRowsWithAdaptersOfTheirOwn) {
  // Tiles end where groups do; bottlenecks and depths differ; one has no rows, one no adapter.
  expect_site({GetParam(), 96, {{5, {24, 8}}, {70, {48, 8}}, {0, {16, 8}}, {3, {}}, {1, {33}}}});
}

TEST_P(CudaSite, MoreGroupsThanALaunchTakes) {
  Shapes groups;
  for (int64_t i = 0; i < 31; ++i) groups.push_back({1 + i % 3, {8 + 8 * (i % 2)}});
  expect_site({GetParam(), 40, groups});
}

TEST_P(CudaSite, NoRows) {
  for (const Shapes& groups : {Shapes{}, Shapes{{0, {16}}}}) {
    const SiteValues site(GetParam(), 64, groups);
    EXPECT_TRUE(SiteRun(site).infer().empty());
    SiteRun(site).train();
  }
}

TEST_P(CudaSite, DropsWhatTheCpuDrops) {
  // The reference drops by cpu::Dropout; 300 columns are more than one block of a warp.
  SiteValues site(GetParam(), 300, {{13, {16}}, {4, {8}}});
  site.dropout = 0.3;
  expect_site(site);
}

TEST_P(CudaSite, LargestShape) { expect_site({GetParam(), 4096, {{3, {1024}}}}); }
TEST_P(CudaSite, ArraysThatStartAnywhere) {
  Buffer::shift = 1;
  expect_site({GetParam(), 64, {{9, {16}}}});
  Buffer::shift = 0;
}

TEST_P(CudaSite, WritesOnlyWhatIsWanted) {
  const SiteValues site(GetParam(), 64, {{11, {24, 16}}, {2, {8}}});
  const auto all = SiteRun(site).train();
  for (const bool inputs : {true, false}) {
    for (const size_t lowest : {0, 1, 2}) {
      const auto some = SiteRun(site).train({inputs, lowest});
      EXPECT_EQ(some.out, all.out);
      EXPECT_EQ(some.a_gradient, inputs ? all.a_gradient : Values{});
      for (size_t level = 0; level < 2; ++level) {
        if (level < lowest) continue;
        EXPECT_EQ(some.gradients[0][level].down, all.gradients[0][level].down);
        EXPECT_EQ(some.gradients[0][level].up, all.gradients[0][level].up);
      }
    }
  }
}

TEST_P(CudaSite, ShowsWhatIsNotANumber) {
  const SiteValues clean(GetParam(), 64, {{9, {16, 8}}, {5, {24}}});
  auto site = clean;
  site.groups[0].adapters[0].down_bias[2] = std::nan("");
  expect_nan_as_plain(site);
  site = clean;
  site.groups[0].adapters[1].down[3 * 64 + 10] = std::nan("");
  expect_nan_as_plain(site);
  site = clean;
  for (int64_t row = 1; row < 14; row += 2) site.f[row * 64 + 5] = std::nan("");
  expect_nan_as_plain(site);
  site.dropout = 0.4;  // what is dropped too
  expect_nan_as_plain(site);
}

}  // namespace
}  // namespace madx::cuda
