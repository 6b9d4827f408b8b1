#include "madx/cpu/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "attention_reference.h"

namespace madx::cpu {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Rows of a matrix with more columns than they use: all others are NaN, and so are some rows
/// before and after, so that who reads or writes them is found out.
class Strided {
 public:
  Strided(int64_t rows, int64_t columns)
      : rows_(rows),
        columns_(columns),
        stride_(columns + 7),
        data_(size((rows + 4) * stride_), kNaN) {}
  Strided(const std::vector<double>& values, int64_t columns)
      : Strided(int64_t(values.size()) / columns, columns) {
    for (size_t i = 0; i < values.size(); ++i) element(int64_t(i)) = float(values[i]);
  }
  Rows rows() { return {data_.data() + 2 * stride_ + 3, stride_}; }
  ConstRows const_rows() { return {rows().data, stride_}; }

  std::vector<float> values() {
    std::vector<float> result;
    for (int64_t i = 0; i < rows_ * columns_; ++i) result.push_back(element(i));
    return result;
  }
  int64_t elements_outside() {
    int64_t numbers = std::count_if(data_.begin(), data_.end(), [](float x) { return x == x; });
    for (const float x : values()) numbers -= x == x;
    return numbers;
  }

 private:
  static size_t size(int64_t count) { return static_cast<size_t>(count); }
  float& element(int64_t i) { return rows().data[i / columns_ * stride_ + i % columns_]; }

  int64_t rows_, columns_, stride_;
  std::vector<float> data_;
};

std::vector<double> random_values(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<double> values(static_cast<size_t>(count));
  for (auto& value : values) value = normal(engine);
  return values;
}

std::vector<int64_t> offsets(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> result{0};
  for (const auto length : lengths) result.push_back(result.back() + length);
  return result;
}

struct Case {
  std::vector<int64_t> q_lengths, k_lengths;
  int64_t heads, width;
  double dropout;

  std::vector<int64_t> q_offsets = offsets(q_lengths), k_offsets = offsets(k_lengths);
  std::vector<double> q = random(q_offsets, 1), k = random(k_offsets, 2), v = random(k_offsets, 3),
                      out_gradient = random(q_offsets, 4);
  static constexpr uint64_t kSeed = 11;

  int64_t hidden() const { return heads * width; }
  AttentionShape shape() const {
    return {q_offsets.data(), k_offsets.data(), int64_t(q_lengths.size()), heads, width};
  }
  AttentionResult<float> run(int threads) const {
    Strided sq(q, hidden()), sk(k, hidden()), sv(v, hidden()), sg(out_gradient, hidden());
    Strided out(q_offsets.back(), hidden()), dq(q_offsets.back(), hidden()),
        dk(k_offsets.back(), hidden()), dv(k_offsets.back(), hidden());
    const AttentionInput input{shape(),         sq.const_rows(), sk.const_rows(),
                               sv.const_rows(), dropout,         kSeed};
    attention_forward(input, threads, out.rows());
    attention_backward(input, sg.const_rows(), threads, {dq.rows(), dk.rows(), dv.rows()});
    for (auto* written : {&out, &dq, &dk, &dv}) EXPECT_EQ(written->elements_outside(), 0);
    return {out.values(), dq.values(), dk.values(), dv.values()};
  }
  template <class T>
  AttentionResult<T> reference() const {
    const auto cast = [](const std::vector<double>& x) {
      return std::vector<T>(x.begin(), x.end());
    };
    return AttentionReference<T>(shape(), dropout, kSeed)(cast(q), cast(k), cast(v),
                                                          cast(out_gradient));
  }

 private:
  std::vector<double> random(const std::vector<int64_t>& rows, uint32_t seed) const {
    return random_values(rows.back() * hidden(), seed);
  }
};

/// Largest error of any element; NaN counts as infinite.
template <class T>
double error(const std::vector<T>& values, const std::vector<double>& exact) {
  EXPECT_EQ(values.size(), exact.size());
  double largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double distance = std::abs(values[i] - exact[i]);
    largest = std::isnan(distance) ? INFINITY : std::max(largest, distance);
  }
  return largest;
}

double largest(const std::vector<double>& values) {
  return error(values, std::vector<double>(values.size()));
}

/// At most twice the error that plain loops in float make, and a few roundings of the largest.
void expect_as_exact_as_float(const Case& test, const std::string& what) {
  const auto found = test.run(2);
  const auto loops = test.reference<float>();
  const auto exact = test.reference<double>();
  const auto check = [&](const auto member, const char* name) {
    EXPECT_GT(largest(exact.*member.exact), 1e-3) << what << name;
    EXPECT_LE(
        error(found.*member.found, exact.*member.exact),
        2 * error(loops.*member.found, exact.*member.exact) + 4e-7 * largest(exact.*member.exact))
        << what << name;
  };
  using F = AttentionResult<float>;
  using D = AttentionResult<double>;
  struct Member {
    std::vector<float> F::*found;
    std::vector<double> D::*exact;
  };
  check(Member{&F::out, &D::out}, ": out");
  check(Member{&F::q_gradient, &D::q_gradient}, ": q");
  check(Member{&F::k_gradient, &D::k_gradient}, ": k");
  check(Member{&F::v_gradient, &D::v_gradient}, ": v");
}

TEST(Attention, IsAsExactAsPlainLoops) {
  const std::vector<int64_t> short_ones{5, 0, 1, 16, 17, 33}, long_ones{64, 65, 128, 200},
      longest{530};
  for (const double dropout : {0.0, 0.1}) {
    const auto suffix = " dropout " + std::to_string(dropout);
    expect_as_exact_as_float({short_ones, short_ones, 3, 64, dropout}, "short" + suffix);
    expect_as_exact_as_float({long_ones, long_ones, 2, 32, dropout}, "long" + suffix);
    expect_as_exact_as_float({longest, longest, 1, 64, dropout}, "longest" + suffix);
    expect_as_exact_as_float({short_ones, short_ones, 2, 5, dropout}, "narrow" + suffix);
    expect_as_exact_as_float({{7, 70}, {7, 70}, 1, 20, dropout}, "odd width" + suffix);
  }
}

TEST(Attention, ReadsOnlySomeQueriesOfASequence) {
  expect_as_exact_as_float({{1, 0, 3, 20}, {9, 40, 130, 20}, 2, 64, 0.1}, "some queries");
}

TEST(Attention, TheReferenceGradientIsTheDerivative) {
  Case test{{3, 2}, {4, 5}, 2, 3, 0.2};
  const auto gradients = test.reference<double>();
  const auto loss = [&] {
    const auto out = test.reference<double>().out;
    double sum = 0;
    for (size_t i = 0; i < out.size(); ++i) sum += out[i] * test.out_gradient[i];
    return sum;
  };
  const auto check = [&](std::vector<double>& x, const std::vector<double>& gradient) {
    for (size_t i = 0; i < x.size(); ++i) {
      const double value = x[i], step = 1e-5;
      x[i] = value + step;
      const double above = loss();
      x[i] = value - step;
      const double below = loss();
      x[i] = value;
      EXPECT_NEAR((above - below) / (2 * step), gradient[i], 1e-8);
    }
  };
  check(test.q, gradients.q_gradient);
  check(test.k, gradients.k_gradient);
  check(test.v, gradients.v_gradient);
}

TEST(Attention, GradientsOfASequenceWithoutQueriesAreZero) {
  const auto found = Case{{0, 2}, {3, 4}, 1, 16, 0.0}.run(2);
  const auto unread = [](const std::vector<float>& gradient) {
    return std::vector<float>(gradient.begin(), gradient.begin() + 3 * 16);
  };
  EXPECT_EQ(unread(found.k_gradient), std::vector<float>(3 * 16, 0.0f));
  EXPECT_EQ(unread(found.v_gradient), std::vector<float>(3 * 16, 0.0f));
}

TEST(Attention, WithoutKeysIsZero) {
  const auto found = Case{{3}, {0}, 2, 16, 0.1}.run(1);
  EXPECT_EQ(found.out, std::vector<float>(3 * 32, 0.0f));
  EXPECT_EQ(found.q_gradient, std::vector<float>(3 * 32, 0.0f));
}

TEST(Attention, AcceptsNoSequence) { EXPECT_TRUE((Case{{}, {}, 2, 16, 0.1}.run(2).out.empty())); }

TEST(Attention, ScoresFarFromZeroNeitherOverflowNorVanish) {
  Case test{{18, 18}, {18, 18}, 1, 64, 0.0};
  // All scores of the first sequence near -2000, of the second near 2000: padding must not win.
  std::fill(test.q.begin(), test.q.end(), 16.0);
  for (size_t i = 0; i < test.k.size(); ++i)
    test.k[i] = (i < test.k.size() / 2 ? -1 : 1) * (16 + double(i / 64 % 3) / 128);
  const auto found = test.run(1);
  const auto exact = test.reference<double>();
  EXPECT_LT(error(found.out, exact.out), 1e-3);
  EXPECT_LT(error(found.v_gradient, exact.v_gradient), 1e-3);
}

TEST(Attention, IsTheSameWhoeverComputesIt) {
  const Case test{{40, 3, 90, 17}, {40, 3, 90, 17}, 5, 32, 0.1};
  const auto once = test.run(1);
  for (const int threads : {1, 2, 3, 8}) {
    const auto again = test.run(threads);
    EXPECT_EQ(again.out, once.out);
    EXPECT_EQ(again.q_gradient, once.q_gradient);
    EXPECT_EQ(again.k_gradient, once.k_gradient);
    EXPECT_EQ(again.v_gradient, once.v_gradient);
  }
}

TEST(Attention, KeepsWhatIsNotANumberToItsSequenceAndHead) {
  Case c{{5, 9, 3}, {5, 9, 3}, 2, 8, /*dropout=*/0};
  const auto clean = c.run(2);
  const auto element = [&](int64_t row, int64_t head) {
    return static_cast<size_t>(row * c.hidden() + head * c.width);
  };
  for (const double value : {static_cast<double>(kNaN), static_cast<double>(INFINITY)}) {
    auto broken = c;
    broken.q[element(7, 1)] = value;  // a query of the second sequence
    const auto got = broken.run(2);
    for (int64_t row = 0; row < 17; ++row) {
      for (int64_t column = 0; column < c.hidden(); ++column) {
        const auto i = static_cast<size_t>(row * c.hidden() + column);
        const bool second_head = column >= c.width, second = row >= 5 && row < 14;
        if (row == 7 && second_head) {
          EXPECT_TRUE(std::isnan(got.out[i])) << row << ", " << column;
        } else {
          EXPECT_EQ(got.out[i], clean.out[i]) << row << ", " << column;
        }
        if (second && second_head) {
          EXPECT_TRUE(std::isnan(got.v_gradient[i])) << row << ", " << column;
        } else {
          EXPECT_EQ(got.v_gradient[i], clean.v_gradient[i]);
          EXPECT_EQ(got.k_gradient[i], clean.k_gradient[i]);
          EXPECT_EQ(got.q_gradient[i], clean.q_gradient[i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace madx::cpu
