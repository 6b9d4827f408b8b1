// The coupling's kernel against plain loops: both directions and their derivatives.
#include "madx/cuda/coupling.h"

#include <gtest/gtest.h>

#include <memory>
#include <tuple>

#include "buffer.h"

namespace madx::cuda {
namespace {

/// F or G: up relu(down x + b) + b.
struct Net {
  int64_t from, between, to;
  Values down, down_bias, up, up_bias;

  Net(Type type, int64_t from_, int64_t between_, int64_t to_, unsigned seed)
      : from(from_),
        between(between_),
        to(to_),
        down(random_values(type, between * from, 1 / std::sqrt(from), seed)),
        down_bias(random_values(type, between, 0.3, seed + 1)),
        up(random_values(type, to * between, 1 / std::sqrt(between), seed + 2)),
        up_bias(random_values(type, to, 0.3, seed + 3)) {}
};

struct CouplingValues {
  Type type;
  int64_t hidden, rows = 0;
  std::vector<int64_t> group_rows;
  std::vector<Net> f, g;  // by group: low += F(high), high += G(low)
  Values x, gradient;

  CouplingValues(Type type_, int64_t hidden_,
                 const std::vector<std::pair<int64_t, int64_t>>& shapes)
      : type(type_), hidden(hidden_) {
    unsigned seed = 30;
    for (const auto& [size, bottleneck] : shapes) {
      rows += size;
      group_rows.push_back(size);
      f.emplace_back(type, hidden - hidden / 2, bottleneck, hidden / 2, seed);
      g.emplace_back(type, hidden / 2, bottleneck + 1, hidden - hidden / 2, seed + 4);
      seed += 8;
    }
    x = random_values(type, rows * hidden, 1, 1);
    gradient = random_values(type, rows * hidden, 1, 2);
  }
};

struct CouplingResults {
  Values y, x_gradient;
  std::vector<Values> z, z_gradient;  // of F and then G, by group
};

/// In double with nothing rounded, or in fp32 with every operation's result rounded to the type.
template <class Real>
class CouplingReference {
 public:
  CouplingReference(const CouplingValues& values, bool inverse)
      : values_(values), inverse_(inverse) {}

  CouplingResults run() {
    int64_t first = 0;
    const auto low = values_.hidden / 2;
    for (size_t group = 0; group < values_.group_rows.size(); ++group) {
      results_.z.resize(2 * group + 2);
      results_.z_gradient.resize(2 * group + 2);
      for (auto row = first; row < first + values_.group_rows[group]; ++row) {
        const auto begin = values_.x.begin() + row * values_.hidden;
        const auto d = values_.gradient.begin() + row * values_.hidden;
        Row half[2] = {Row(begin, begin + low), Row(begin + low, begin + values_.hidden)};
        Row gradient[2] = {Row(d, d + low), Row(d + low, d + values_.hidden)};
        // Step 0 changes the low half by F, step 1 the high one by G; the inverse the other way.
        Row z[2];
        for (const int step : {0, 1}) {
          const int changed = inverse_ ? 1 - step : step;
          const auto& net = changed == 0 ? values_.f[group] : values_.g[group];
          z[changed] = rounded(
              plus(times(net.down, half[1 - changed], net.between, false), net.down_bias, 1));
          for (auto& value : z[changed]) value = std::max(value, Real(0));
          const auto change =
              rounded(plus(times(net.up, z[changed], net.to, false), net.up_bias, 1));
          half[changed] = rounded(plus(half[changed], change, inverse_ ? -1 : 1));
          append(results_.z[2 * group + changed], z[changed]);
        }
        for (const int step : {1, 0}) {
          const int changed = inverse_ ? 1 - step : step;
          const auto& net = changed == 0 ? values_.f[group] : values_.g[group];
          auto dz = rounded(times(net.up, gradient[changed], net.between, true));
          for (size_t i = 0; i < dz.size(); ++i) dz[i] = z[changed][i] <= 0 ? 0 : dz[i];
          append(results_.z_gradient[2 * group + changed], dz);
          const auto d_source = rounded(times(net.down, dz, net.from, true));
          gradient[1 - changed] = rounded(plus(gradient[1 - changed], d_source, inverse_ ? -1 : 1));
        }
        for (const auto& part : half) append(results_.y, part);
        for (const auto& part : gradient) append(results_.x_gradient, part);
      }
      first += values_.group_rows[group];
    }
    return std::move(results_);
  }

 private:
  using Row = std::vector<Real>;

  Row rounded(Row row) const {
    if (!std::is_same_v<Real, double>)
      for (auto& value : row) value = static_cast<Real>(rounded_to(values_.type, value));
    return row;
  }
  template <class Other>
  static Row plus(Row x, const Other& y, Real sign) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += sign * static_cast<Real>(y[i]);
    return x;
  }
  static Row times(const Values& weights, const Row& x, int64_t neurons, bool transposed) {
    Row y(static_cast<size_t>(neurons));
    const auto inputs = static_cast<int64_t>(x.size());
    for (int64_t i = 0; i < neurons; ++i)
      for (int64_t j = 0; j < inputs; ++j)
        y[i] += static_cast<Real>(weights[transposed ? j * neurons + i : i * inputs + j]) * x[j];
    return y;
  }
  static void append(Values& to, const Row& row) { to.insert(to.end(), row.begin(), row.end()); }

  const CouplingValues& values_;
  bool inverse_;
  CouplingResults results_;
};

class CouplingRun {
 public:
  explicit CouplingRun(const CouplingValues& values, bool inverse)
      : values_(values), inverse_(inverse) {}

  CouplingResults run() {
    CouplingResults results;
    results.z.resize(2 * values_.group_rows.size());
    results.z_gradient.resize(results.z.size());
    auto problem = this->problem(values_.x);
    std::vector<Buffer*> z;
    for (size_t group = 0; group < values_.group_rows.size(); ++group) {
      const auto rows = values_.group_rows[group];
      const auto net = [&](const Net& of) {
        z.push_back(&output("z", rows * of.between));
        return CouplingNet{input("down", of.down),
                           input("down bias", of.down_bias),
                           input("up", of.up),
                           input("up bias", of.up_bias),
                           of.between,
                           nullptr,
                           z.back()->data()};
      };
      const auto f = net(values_.f[group]), g = net(values_.g[group]);
      problem.groups.push_back({rows, inverse_ ? g : f, inverse_ ? f : g});
    }
    problem.low_first = !inverse_;
    auto& y = output("y", elements());
    problem.out = y.data();
    coupling(problem, nullptr);
    results.y = y.values();

    // Backward: the later function first, each transposed; it changes the half that it read.
    auto backward = this->problem(values_.gradient);
    std::vector<Buffer*> dz;
    for (size_t group = 0; group < values_.group_rows.size(); ++group) {
      const auto rows = values_.group_rows[group];
      const auto net = [&](const Net& of, size_t which) {
        results.z[2 * group + which] = z[2 * group + which]->values();
        dz.push_back(&output("z's gradient", rows * of.between));
        return CouplingNet{input("up transposed", transposed(of.up, of.to)),
                           nullptr,
                           input("down transposed", transposed(of.down, of.between)),
                           nullptr,
                           of.between,
                           input("z", results.z[2 * group + which]),
                           dz.back()->data()};
      };
      const auto f = net(values_.f[group], 0), g = net(values_.g[group], 1);
      backward.groups.push_back({rows, inverse_ ? f : g, inverse_ ? g : f});
    }
    backward.low_first = !inverse_;
    backward.backward = true;
    auto& x_gradient = output("x's gradient", elements());
    backward.out = x_gradient.data();
    coupling(backward, nullptr);
    results.x_gradient = x_gradient.values();
    for (size_t i = 0; i < dz.size(); ++i) results.z_gradient[i] = dz[i]->values();
    for (auto& buffer : buffers_) buffer->expect_canaries();
    return results;
  }

 private:
  int64_t elements() const { return values_.rows * values_.hidden; }
  CouplingProblem problem(const Values& x) {
    CouplingProblem problem;
    problem.type = values_.type;
    problem.x = input("x", x);
    problem.rows = values_.rows;
    problem.hidden = values_.hidden;
    problem.sign = inverse_ ? -1 : 1;
    return problem;
  }
  const void* input(const char* name, const Values& values) {
    buffers_.push_back(std::make_unique<Buffer>(name, values_.type, values, Buffer::kInput));
    return buffers_.back()->data();
  }
  Buffer& output(const char* name, int64_t size) {
    buffers_.push_back(std::make_unique<Buffer>(name, values_.type, size));
    return *buffers_.back();
  }
  static Values transposed(const Values& matrix, int64_t rows) {
    const auto columns = static_cast<int64_t>(matrix.size()) / rows;
    Values result(matrix.size());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
    return result;
  }

  const CouplingValues& values_;
  bool inverse_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

class CudaCoupling : public testing::TestWithParam<std::tuple<Type, bool>> {
 protected:
  void SetUp() override {
    if (const auto* reason = no_device()) GTEST_SKIP() << reason;
  }
  void expect_coupling(int64_t hidden, const std::vector<std::pair<int64_t, int64_t>>& shapes) {
    const auto [type, inverse] = GetParam();
    const CouplingValues values(type, hidden, shapes);
    const auto exact = CouplingReference<double>(values, inverse).run();
    const auto plain = CouplingReference<float>(values, inverse).run();
    const auto ours = CouplingRun(values, inverse).run();
    expect_twice_the_error_at_most(type, ours.y, plain.y, exact.y, "y");
    expect_twice_the_error_at_most(type, ours.x_gradient, plain.x_gradient, exact.x_gradient,
                                   "x's gradient");
    for (size_t i = 0; i < exact.z.size(); ++i) {
      expect_twice_the_error_at_most(type, ours.z[i], plain.z[i], exact.z[i], "z");
      expect_twice_the_error_at_most(type, ours.z_gradient[i], plain.z_gradient[i],
                                     exact.z_gradient[i], "z's gradient");
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    Types, CudaCoupling,
    testing::Combine(testing::Values(Type::kFloat, Type::kHalf, Type::kBFloat16), testing::Bool()),
    [](const auto& info) {
      const auto type = std::get<0>(info.param);
      return std::string(type == Type::kFloat  ? "float32"
                         : type == Type::kHalf ? "float16"
                                               : "bfloat16") +
             (std::get<1>(info.param) ? "_inverse" : "_forward");
    });

TEST_P(CudaCoupling, EqualsThePlainEquation) { expect_coupling(96, {{37, 23}}); }
TEST_P(CudaCoupling, HalvesOfDifferentSizes) { expect_coupling(131, {{10, 32}}); }
TEST_P(CudaCoupling, SmallestSizes) {
  expect_coupling(2, {{1, 1}});
  expect_coupling(3, {{70, 2}});
}
TEST_P(CudaCoupling, BaseShape) { expect_coupling(768, {{5, 191}}); }
TEST_P(CudaCoupling, GroupsOfRowsWithFunctionsOfTheirOwn) {
  std::vector<std::pair<int64_t, int64_t>> groups = {{5, 24}, {0, 8}, {33, 15}};
  for (int i = 0; i < 25; ++i) groups.push_back({1, 7});
  expect_coupling(48, groups);
}
TEST_P(CudaCoupling, NoRows) { expect_coupling(48, {{0, 8}}); }

TEST_P(CudaCoupling, ShowsWhatIsNotANumber) {
  const auto [type, inverse] = GetParam();
  CouplingValues values(type, 48, {{9, 15}, {5, 8}});
  values.f[0].down_bias[2] = std::nan("");
  const auto plain = CouplingReference<float>(values, inverse).run();
  const auto ours = CouplingRun(values, inverse).run();
  expect_same_nan(ours.y, plain.y, "y");
  for (size_t i = 0; i < plain.z.size(); ++i) expect_same_nan(ours.z[i], plain.z[i], "z");
  // The gradient that comes in has numbers alone, and passes where z is none.
  const auto exact = CouplingReference<double>(values, inverse).run();
  expect_twice_the_error_at_most(type, ours.x_gradient, plain.x_gradient, exact.x_gradient,
                                 "x's gradient");
  for (size_t i = 0; i < plain.z.size(); ++i) {
    expect_twice_the_error_at_most(type, ours.z_gradient[i], plain.z_gradient[i],
                                   exact.z_gradient[i], "z's gradient");
  }
}

}  // namespace
}  // namespace madx::cuda
