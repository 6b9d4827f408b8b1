// What is not a number, in a weight or in a row, shows in all that depends on it, and in nothing
// else.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gemm/test_floats.h"
#include "gemm/tested.h"
#include "madx/cpu/adapter_site.h"
#include "madx/cpu/attention.h"
#include "madx/cpu/coupling.h"
#include "madx/cpu/frozen_linear.h"

namespace madx::cpu {
namespace not_a_number_test {

/// Columns [begin, end) of rows of `columns` numbers.
void expect_nan(const Floats& values, int64_t columns, int64_t begin, int64_t end, bool expected) {
  for (int64_t row = 0; row < static_cast<int64_t>(values.size()) / columns; ++row)
    for (int64_t i = begin; i < end; ++i)
      ASSERT_EQ(std::isnan(values[row * columns + i]), expected) << row << ", " << i;
}
void expect_nan(const Floats& values, bool expected) {
  expect_nan(values, static_cast<int64_t>(values.size()), 0, static_cast<int64_t>(values.size()),
             expected);
}

TEST(NotANumber, InAnAdapterShowsInTheRowsOfItsGroup) {
  constexpr int64_t kHidden = 40, kInner = 21, kRows[] = {11, 10}, kBad = 5;
  struct Adapter {
    Floats down, down_bias, up, up_bias, z, sum;
    Floats down_gradient, down_bias_gradient, up_gradient, up_bias_gradient;
  };
  const auto f = random_floats(21 * kHidden, 1, 1), a = random_floats(21 * kHidden, 1, 2);
  const Floats ones(kHidden, 1), zeros(kHidden);
  std::vector<Adapter> adapters;
  SiteProblem problem;
  problem.f = f.data();
  problem.a = a.data();
  problem.norm_weight = ones.data();
  problem.norm_bias = zeros.data();
  problem.rows = 21;
  problem.hidden = kHidden;
  for (unsigned i = 0; i < 2; ++i) {
    const auto size = kHidden * kInner;
    adapters.push_back({random_floats(size, 0.2, 10 + i), Floats(kInner),
                        random_floats(size, 0.2, 20 + i), Floats(kHidden),
                        Floats(kRows[i] * kInner), Floats(kRows[i] * kHidden), Floats(size),
                        Floats(kInner), Floats(size), Floats(kHidden)});
  }
  adapters[0].down_bias[kBad] = std::nanf("");
  std::vector<SiteAdapterKept> kept;
  std::vector<SiteAdapterGradient> gradients;
  for (auto& one : adapters) {
    const auto first = problem.groups.empty() ? 0 : kRows[0];
    problem.groups.push_back({first, kRows[kept.size()], {kept.size()}});
    problem.adapters.push_back(
        {one.down.data(), one.down_bias.data(), one.up.data(), one.up_bias.data(), kInner});
    kept.push_back({one.z.data(), one.sum.data()});
    gradients.push_back({one.down_gradient.data(), one.down_bias_gradient.data(),
                         one.up_gradient.data(), one.up_bias_gradient.data()});
  }
  Floats out(f.size()), f_gradient(f.size()), a_gradient(f.size());
  adapter_site_forward(problem, kept, 2, out.data());
  adapter_site_backward(problem, kept, a.data(), 2, f_gradient.data(), a_gradient.data(),
                        gradients);

  expect_nan(adapters[0].z, kInner, 0, kBad, false);
  expect_nan(adapters[0].z, kInner, kBad, kBad + 1, true);
  expect_nan(adapters[0].z, kInner, kBad + 1, kInner, false);
  for (const auto* values : {&out, &f_gradient, &a_gradient}) {
    const auto end = values->begin() + kRows[0] * kHidden;
    expect_nan(Floats(values->begin(), end), true);
    expect_nan(Floats(end, values->end()), false);
  }
  EXPECT_TRUE(std::isnan(adapters[0].down_bias_gradient[kBad]));
  expect_nan(adapters[0].up_gradient, true);
  for (const auto* values : {&adapters[1].z, &adapters[1].down_gradient, &adapters[1].up_gradient,
                             &adapters[1].down_bias_gradient, &adapters[1].up_bias_gradient})
    expect_nan(*values, false);
}

TEST(NotANumber, InACouplingShowsInTheHalfThatItAddsTo) {
  constexpr int64_t kHidden = 48, kHalf = kHidden / 2, kInner = 19, kRows = 37;
  const auto x = random_floats(kRows * kHidden, 1, 1);
  const auto down = random_floats(kHalf * kInner, 0.2, 2), up = random_floats(kHalf * kInner, 1, 3);
  const Floats zeros(kHidden);
  auto bad = zeros;
  bad[4] = std::nanf("");
  const CouplingNet f{down.data(), bad.data(), up.data(), zeros.data(), kInner};
  const CouplingNet g{down.data(), zeros.data(), up.data(), zeros.data(), kInner};
  Floats y(x.size());
  coupling({x.data(), kRows, kHidden, f, g, /*inverse=*/true}, 2, y.data());
  expect_nan(y, kHidden, 0, kHalf, true);
  expect_nan(y, kHidden, kHalf, kHidden, false);
  coupling({x.data(), kRows, kHidden, f, g, /*inverse=*/false}, 2, y.data());
  expect_nan(y, true);
}

TEST(NotANumber, InAQueryShowsInItsRowInAKeyInItsSequence) {
  constexpr int64_t kWidth = 20, kRows = 60, kFirst = 27, kBad = 7;
  const int64_t offsets[] = {0, kFirst, kRows};
  const AttentionShape shape{offsets, offsets, /*sequences=*/2, /*heads=*/1, kWidth};
  const auto q = random_floats(kRows * kWidth, 1, 1), k = random_floats(kRows * kWidth, 1, 2),
             v = random_floats(kRows * kWidth, 1, 3);
  auto bad_q = q, bad_k = k;
  bad_q[kBad * kWidth + 3] = bad_k[kBad * kWidth + 3] = std::nanf("");
  Floats out(q.size()), q_gradient(q.size()), k_gradient(q.size()), v_gradient(q.size());
  for (const bool in_query : {true, false}) {
    const ConstRows queries{in_query ? bad_q.data() : q.data(), kWidth};
    const ConstRows keys{in_query ? k.data() : bad_k.data(), kWidth}, values{v.data(), kWidth};
    const AttentionInput input{shape, queries, keys, values};
    attention_forward(input, 2, {out.data(), kWidth});
    attention_backward(
        input, values, 2,
        {{q_gradient.data(), kWidth}, {k_gradient.data(), kWidth}, {v_gradient.data(), kWidth}});
    for (int64_t row = 0; row < kRows; ++row) {
      const bool in_sequence = row < kFirst, by_query = in_query ? row == kBad : in_sequence;
      for (int64_t i = row * kWidth; i < (row + 1) * kWidth; ++i) {
        ASSERT_EQ(std::isnan(out[i]), by_query) << row;
        ASSERT_EQ(std::isnan(q_gradient[i]), by_query) << row;
        ASSERT_EQ(std::isnan(k_gradient[i]), in_sequence) << row;
        ASSERT_EQ(std::isnan(v_gradient[i]), in_sequence) << row;
      }
    }
  }
}

TEST(NotANumber, InAFeedForwardBlockGoesThroughGelu) {
  constexpr int64_t kIn = 24, kInner = 70, kRows = 33;
  const auto x = random_floats(kRows * kIn, 1, 1);
  const auto first = random_floats(kIn * kInner, 0.2, 2),
             second = random_floats(kIn * kInner, 1, 3);
  const Floats zeros(kInner);
  auto bad = zeros;
  bad[11] = std::nanf("");
  const FeedForward layers{{first.data(), bad.data(), kIn, kInner},
                           {second.data(), zeros.data(), kInner, kIn}};
  Floats kept(static_cast<size_t>(feed_forward_kept(layers, kRows, 2))), y(x.size()), gradient(y);
  feed_forward_forward(layers, x.data(), kRows, 2, kept.data(), y.data());
  feed_forward_backward(layers, kept.data(), x.data(), kRows, 2, gradient.data());
  expect_nan(y, true);
  expect_nan(gradient, true);
}

}  // namespace not_a_number_test
}  // namespace madx::cpu
