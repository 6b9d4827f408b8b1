// The site op against the same equation in plain double-precision loops, gradients by finite
// differences of those.
#include "madx/cpu/adapter_site.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <tuple>

namespace madx::cpu {
namespace {

using Values = std::vector<double>;

Values random_values(int64_t size, double scale, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  Values values(static_cast<size_t>(size));
  for (auto& value : values) value = static_cast<float>(normal(generator));
  return values;
}

std::vector<float> floats(const Values& values) { return {values.begin(), values.end()}; }

struct Weights {
  Values down, down_bias, up, up_bias;
};

/// A problem in double; `members` are all values by which gradients are taken.
struct Reference {
  int64_t rows, hidden;
  Values f, a, norm_weight, norm_bias;
  std::vector<Weights> adapters;
  double eps = 1e-5;

  Reference(int64_t rows_, int64_t hidden_, const std::vector<int64_t>& bottlenecks)
      : rows(rows_), hidden(hidden_) {
    f = random_values(rows * hidden, 1, 1);
    a = random_values(rows * hidden, 1, 2);
    norm_weight = random_values(hidden, 1, 3);
    norm_bias = random_values(hidden, 1, 4);
    unsigned seed = 5;
    for (const auto bottleneck : bottlenecks) {
      const auto scale = 1 / std::sqrt(static_cast<double>(hidden));
      adapters.push_back({random_values(bottleneck * hidden, scale, seed),
                          random_values(bottleneck, 0.3, seed + 1),
                          random_values(bottleneck * hidden, scale, seed + 2),
                          random_values(hidden, 0.3, seed + 3)});
      seed += 4;
    }
  }

  Values norm(const Values& x) const {
    Values normed(x.size());
    for (int64_t row = 0; row < rows; ++row) {
      double mean = 0, variance = 0;
      for (int64_t i = 0; i < hidden; ++i) mean += x[row * hidden + i] / hidden;
      for (int64_t i = 0; i < hidden; ++i)
        variance += std::pow(x[row * hidden + i] - mean, 2) / hidden;
      for (int64_t i = 0; i < hidden; ++i)
        normed[row * hidden + i] =
            (x[row * hidden + i] - mean) / std::sqrt(variance + eps) * norm_weight[i] +
            norm_bias[i];
    }
    return normed;
  }

  Values plus_a(Values y) const {
    for (size_t i = 0; i < y.size(); ++i) y[i] += a[i];
    return y;
  }

  Values out() const {
    auto y = f;
    for (const auto& adapter : adapters) {
      const auto h = norm(plus_a(y));
      const auto bottleneck = static_cast<int64_t>(adapter.down_bias.size());
      for (int64_t row = 0; row < rows; ++row) {
        Values z(adapter.down_bias);
        for (int64_t b = 0; b < bottleneck; ++b) {
          for (int64_t i = 0; i < hidden; ++i)
            z[b] += adapter.down[b * hidden + i] * h[row * hidden + i];
          z[b] = std::max(z[b], 0.0);
        }
        for (int64_t i = 0; i < hidden; ++i) {
          y[row * hidden + i] += adapter.up_bias[i];
          for (int64_t b = 0; b < bottleneck; ++b)
            y[row * hidden + i] += adapter.up[i * bottleneck + b] * z[b];
        }
      }
    }
    return norm(plus_a(y));
  }
};

/// The same problem in float32, run by the op; every buffer ends in a canary.
struct Op {
  static constexpr float kCanary = 12345;
  using Floats = std::vector<float>;
  struct Adapter {
    Floats down, down_bias, up, up_bias, z, y;
    Floats down_gradient, down_bias_gradient, up_gradient, up_bias_gradient;
  };

  explicit Op(const Reference& reference, double dropout = 0)
      : f(floats(reference.f)),
        a(floats(reference.a)),
        norm_weight(floats(reference.norm_weight)),
        norm_bias(floats(reference.norm_bias)),
        out(guarded(f.size())),
        f_gradient(out),
        a_gradient(out) {
    for (const auto& adapter : reference.adapters) {
      Adapter copy{floats(adapter.down),
                   floats(adapter.down_bias),
                   floats(adapter.up),
                   floats(adapter.up_bias),
                   guarded(adapter.down_bias.size() * static_cast<size_t>(reference.rows)),
                   guarded(f.size()),
                   guarded(adapter.down.size()),
                   guarded(adapter.down_bias.size()),
                   guarded(adapter.up.size()),
                   guarded(adapter.up_bias.size())};
      adapters.push_back(std::move(copy));
    }
    problem = {f.data(),
               a.data(),
               norm_weight.data(),
               norm_bias.data(),
               reference.eps,
               reference.rows,
               reference.hidden,
               dropout,
               /*seed=*/7,
               {},
               {}};
    problem.groups = {{0, reference.rows, {}}};
    for (auto& adapter : adapters) {
      problem.groups.front().adapters.push_back(problem.adapters.size());
      problem.adapters.push_back({adapter.down.data(), adapter.down_bias.data(), adapter.up.data(),
                                  adapter.up_bias.data(),
                                  static_cast<int64_t>(adapter.down_bias.size())});
      kept.push_back({adapter.z.data(), adapter.y.data()});
      gradients.push_back({adapter.down_gradient.data(), adapter.down_bias_gradient.data(),
                           adapter.up_gradient.data(), adapter.up_bias_gradient.data()});
    }
  }

  static Floats guarded(size_t size) {
    Floats buffer(size + 1);
    buffer.back() = kCanary;
    return buffer;
  }
  void expect_canaries() const {
    for (const auto* buffer : {&out, &f_gradient, &a_gradient}) EXPECT_EQ(buffer->back(), kCanary);
    for (const auto& adapter : adapters) {
      for (const auto* buffer :
           {&adapter.z, &adapter.y, &adapter.down_gradient, &adapter.down_bias_gradient,
            &adapter.up_gradient, &adapter.up_bias_gradient})
        EXPECT_EQ(buffer->back(), kCanary);
    }
  }

  void forward(int threads) { adapter_site_forward(problem, kept, threads, out.data()); }
  void backward(const Values& out_gradient, int threads) {
    const auto gradient = floats(out_gradient);
    adapter_site_backward(problem, kept, gradient.data(), threads, f_gradient.data(),
                          a_gradient.data(), gradients);
  }

  Floats f, a, norm_weight, norm_bias, out, f_gradient, a_gradient;
  std::vector<Adapter> adapters;
  SiteProblem problem;
  std::vector<SiteAdapterKept> kept;
  std::vector<SiteAdapterGradient> gradients;
};

class AdapterSite
    : public testing::TestWithParam<std::tuple<int64_t, int64_t, std::vector<int64_t>, int>> {
 protected:
  AdapterSite()
      : reference(std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())) {}
  int threads() const { return std::get<3>(GetParam()); }
  Reference reference;
};

INSTANTIATE_TEST_SUITE_P(
    Shapes, AdapterSite,
    testing::Combine(testing::Values<int64_t>(1, 7, 70), testing::Values<int64_t>(6, 64, 100),
                     testing::Values(std::vector<int64_t>{}, std::vector<int64_t>{3},
                                     std::vector<int64_t>{64, 5}, std::vector<int64_t>{80}),
                     testing::Values(1, 3)));

TEST_P(AdapterSite, EqualsThePlainEquation) {
  Op op(reference);
  op.forward(threads());
  const auto expected = reference.out();
  double size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(op.out[i], expected[i], 2e-5 * (1 + std::abs(expected[i])));
    size += std::abs(op.out[i]);
  }
  EXPECT_GT(size, 0);
  op.expect_canaries();
}

TEST_P(AdapterSite, GradientsEqualFiniteDifferences) {
  const auto weights = random_values(reference.rows * reference.hidden, 1, 99);
  Op op(reference);
  op.forward(threads());
  op.backward(weights, threads());
  const auto value = [&] {
    const auto out = reference.out();
    double sum = 0;
    for (size_t i = 0; i < out.size(); ++i) sum += weights[i] * out[i];
    return sum;
  };
  const auto check = [&](Values& by, const std::vector<float>& gradient, const char* what) {
    // Some elements of each: a difference costs a whole pass.
    for (size_t i = 0; i < by.size(); i += 1 + by.size() / 5) {
      const double step = 1e-6, kept = by[i];
      by[i] = kept + step;
      const auto above = value();
      by[i] = kept - step;
      const auto below = value();
      by[i] = kept;
      const auto expected = (above - below) / (2 * step);
      EXPECT_NEAR(gradient[i], expected, 2e-3 * (1 + std::abs(expected))) << what << " " << i;
    }
  };
  check(reference.f, op.f_gradient, "f");
  check(reference.a, op.a_gradient, "a");
  for (size_t i = 0; i < op.adapters.size(); ++i) {
    check(reference.adapters[i].down, op.adapters[i].down_gradient, "down");
    check(reference.adapters[i].down_bias, op.adapters[i].down_bias_gradient, "down bias");
    check(reference.adapters[i].up, op.adapters[i].up_gradient, "up");
    check(reference.adapters[i].up_bias, op.adapters[i].up_bias_gradient, "up bias");
  }
  op.expect_canaries();
}

TEST(AdapterSiteOp, GivesTheSameGradientsWhereLowerOnesAreNotWanted) {
  Reference reference(20, 48, {16, 8});
  const auto weights = random_values(20 * 48, 1, 99);
  Op all(reference), top(reference);
  all.forward(2);
  all.backward(weights, 2);
  top.forward(2);
  top.gradients[0] = {nullptr, nullptr, nullptr, nullptr};
  const auto gradient = floats(weights);
  adapter_site_backward(top.problem, top.kept, gradient.data(), 2, nullptr, nullptr, top.gradients);
  EXPECT_EQ(top.adapters[1].up_gradient, all.adapters[1].up_gradient);
  EXPECT_EQ(top.adapters[1].down_gradient, all.adapters[1].down_gradient);
}

TEST(AdapterSiteOp, SharesRowsOutBetweenGroups) {
  // Rows 0 to 29 go through adapters 0 and 2, rows 30 to 99 through 1 and 2; alone, each group is a
  // problem of its own. The gradient of what they share is the sum.
  const Reference whole(100, 48, {16, 8, 24});
  const auto out_gradient = random_values(100 * 48, 1, 99);
  constexpr size_t kFirst = 30 * 48;
  const auto part = [&](size_t adapter, size_t from, size_t to) {
    Reference alone(static_cast<int64_t>(to - from) / 48, 48, {});
    alone.f = {whole.f.begin() + static_cast<int64_t>(from),
               whole.f.begin() + static_cast<int64_t>(to)};
    alone.a = {whole.a.begin() + static_cast<int64_t>(from),
               whole.a.begin() + static_cast<int64_t>(to)};
    alone.adapters = {whole.adapters[adapter], whole.adapters[2]};
    return alone;
  };
  Op first(part(0, 0, kFirst)), second(part(1, kFirst, 100 * 48));
  first.forward(2);
  second.forward(2);
  first.backward({out_gradient.begin(), out_gradient.begin() + kFirst}, 2);
  second.backward({out_gradient.begin() + kFirst, out_gradient.end()}, 2);
  Op together(whole);
  together.problem.groups = {{0, 30, {0, 2}}, {30, 70, {1, 2}}};
  std::vector<float> z(30 * (16 + 24) + 70 * (8 + 24) + 1, 0), y(2 * 100 * 48 + 1, 0);
  z.back() = y.back() = Op::kCanary;
  together.kept = {{z.data(), y.data()},
                   {z.data() + 30 * 16, y.data() + 100 * 48},
                   {z.data() + 30 * 40, y.data() + kFirst},
                   {z.data() + 30 * 40 + 70 * 8, y.data() + 100 * 48 + kFirst}};
  for (const int threads : {1, 2, 5}) {
    together.forward(threads);
    together.backward(out_gradient, threads);
    const auto near = [&](const std::vector<float>& ours, size_t at, const Op::Floats& theirs) {
      for (size_t i = 0; i + 1 < theirs.size(); ++i) ASSERT_NEAR(ours[at + i], theirs[i], 1e-5);
    };
    near(together.out, 0, first.out);
    near(together.out, kFirst, second.out);
    near(together.f_gradient, 0, first.f_gradient);
    near(together.a_gradient, kFirst, second.a_gradient);
    near(together.adapters[0].down_gradient, 0, first.adapters[0].down_gradient);
    near(together.adapters[1].up_gradient, 0, second.adapters[0].up_gradient);
    auto shared = first.adapters[1].up_gradient;
    for (size_t i = 0; i < shared.size(); ++i) shared[i] += second.adapters[1].up_gradient[i];
    for (size_t i = 0; i + 1 < shared.size(); ++i)
      ASSERT_NEAR(together.adapters[2].up_gradient[i], shared[i], 1e-4);
    together.expect_canaries();
    EXPECT_EQ(z.back(), Op::kCanary);
    EXPECT_EQ(y.back(), Op::kCanary);
  }
}

TEST(AdapterSiteOp, GivesZeroGradientsOfNoRows) {
  Op op(Reference(0, 48, {16}));
  op.adapters[0].up_gradient[0] = 5;
  op.forward(2);
  op.backward({}, 2);
  for (const auto gradient : op.adapters[0].up_gradient)
    EXPECT_TRUE(gradient == 0 || gradient == Op::kCanary);
  op.expect_canaries();
}

TEST(AdapterSiteOp, DropsTheSameElementsForwardAndBackward) {
  const Reference reference(40, 64, {16});
  Op op(reference, /*dropout=*/0.25);
  op.forward(2);
  op.backward(random_values(40 * 64, 1, 99), 2);
  int64_t dropped = 0;
  for (size_t i = 0; i < op.f.size(); ++i) dropped += op.f_gradient[i] == 0;
  EXPECT_NEAR(static_cast<double>(dropped) / static_cast<double>(op.f.size()), 0.25, 0.04);
  // What is dropped does not matter; what is kept does.
  Op changed(reference, 0.25);
  for (size_t i = 0; i < op.f.size(); ++i)
    if (op.f_gradient[i] == 0) changed.f[i] += 10;
  changed.forward(1);
  for (size_t i = 0; i < op.out.size(); ++i) ASSERT_NEAR(changed.out[i], op.out[i], 1e-5);
}

}  // namespace
}  // namespace madx::cpu
