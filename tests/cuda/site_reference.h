#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "buffer.h"
#include "cpu/philox.h"
#include "gemm/tested.h"

namespace madx::cuda {

struct AdapterValues {
  int64_t bottleneck;
  Values down, down_bias, up, up_bias;
};

/// Rows with one stack; `learns` says which adapters want gradients.
struct GroupValues {
  int64_t rows;
  std::vector<AdapterValues> adapters;
};

/// A site's inputs.
struct SiteValues {
  Type type;
  int64_t rows = 0, hidden;
  double eps = 1e-5, dropout = 0;
  uint64_t seed = 11;
  Values f, a, norm_weight, norm_bias, out_gradient;
  std::vector<GroupValues> groups;

  SiteValues(Type type_, int64_t hidden_,
             const std::vector<std::pair<int64_t, std::vector<int64_t>>>& shapes)
      : type(type_), hidden(hidden_) {
    unsigned number = 20;
    for (const auto& [group_rows, bottlenecks] : shapes) {
      rows += group_rows;
      GroupValues group{group_rows, {}};
      for (const auto bottleneck : bottlenecks) {
        const auto size = [](int64_t inputs) { return 1 / std::sqrt(static_cast<double>(inputs)); };
        group.adapters.push_back(
            {bottleneck, random_values(type, bottleneck * hidden, size(hidden), number),
             random_values(type, bottleneck, 0.3, number + 1),
             random_values(type, bottleneck * hidden, size(bottleneck), number + 2),
             random_values(type, hidden, 0.3, number + 3)});
        number += 4;
      }
      groups.push_back(std::move(group));
    }
    f = random_values(type, rows * hidden, 1, 1);
    a = random_values(type, rows * hidden, 1, 2);
    norm_weight = random_values(type, hidden, 1, 3);
    norm_bias = random_values(type, hidden, 1, 4);
    out_gradient = random_values(type, rows * hidden, 1, 5);
  }

  size_t levels() const {
    size_t most = 0;
    for (const auto& group : groups) most = std::max(most, group.adapters.size());
    return most;
  }
};

/// What a site computes from them.
struct SiteResults {
  Values out, f_gradient, a_gradient;
  std::vector<std::vector<AdapterValues>> gradients;  // by group and level
};

/// The site's equation and its derivative in plain loops: in double (`Real` double, nothing
/// rounded) or as separate operations on tensors of the type compute it: fp32 sums, every result
/// rounded.
template <class Real>
class SiteReference {
 public:
  explicit SiteReference(const SiteValues& site) : site_(site), hidden_(site.hidden) {}

  SiteResults run() {
    int64_t first = 0;
    for (const auto& group : site_.groups) {
      results_.gradients.emplace_back();
      for (const auto& adapter : group.adapters) {
        auto zeros = adapter;
        for (auto* part : {&zeros.down, &zeros.down_bias, &zeros.up, &zeros.up_bias})
          std::fill(part->begin(), part->end(), 0.0);
        results_.gradients.back().push_back(std::move(zeros));
      }
      for (int64_t row = first; row < first + group.rows; ++row) one_row(group, row);
      first += group.rows;
      for (auto& adapter : results_.gradients.back())
        for (auto* part : {&adapter.down, &adapter.down_bias, &adapter.up, &adapter.up_bias})
          for (auto& value : *part) value = rounded(value);
    }
    return std::move(results_);
  }

 private:
  using Row = std::vector<Real>;

  double rounded(double x) const {
    return std::is_same_v<Real, double> ? x : rounded_to(site_.type, x);
  }
  Row rounded(Row row) const {
    for (auto& value : row) value = static_cast<Real>(rounded(value));
    return row;
  }
  Row row_of(const Values& values, int64_t row) const {
    return Row(values.begin() + row * hidden_, values.begin() + (row + 1) * hidden_);
  }
  static Row plus(Row x, const Row& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    return x;
  }
  /// weights (neurons, inputs) times x, or their transpose.
  static Row times(const Values& weights, const Row& x, int64_t neurons, bool transposed) {
    Row y(static_cast<size_t>(neurons));
    const auto inputs = static_cast<int64_t>(x.size());
    for (int64_t i = 0; i < neurons; ++i)
      for (int64_t j = 0; j < inputs; ++j)
        y[i] += static_cast<Real>(weights[transposed ? j * neurons + i : i * inputs + j]) * x[j];
    return y;
  }

  void statistics(const Row& x, Real& mean, Real& scale) const {
    mean = 0;
    for (const auto value : x) mean += value;
    mean /= static_cast<Real>(hidden_);
    Real squares = 0;
    for (const auto value : x) squares += (value - mean) * (value - mean);
    scale = 1 / std::sqrt(squares / static_cast<Real>(hidden_) + static_cast<Real>(site_.eps));
  }
  Row norm(Row x) const {
    Real mean, scale;
    statistics(x, mean, scale);
    for (int64_t i = 0; i < hidden_; ++i)
      x[i] = (x[i] - mean) * scale * static_cast<Real>(site_.norm_weight[i]) +
             static_cast<Real>(site_.norm_bias[i]);
    return rounded(x);
  }
  Row norm_backward(const Row& x, const Row& dy) const {
    Real mean, scale, total = 0, product = 0;
    statistics(x, mean, scale);
    Row dx(x.size());
    for (int64_t i = 0; i < hidden_; ++i) {
      dx[i] = dy[i] * static_cast<Real>(site_.norm_weight[i]);
      total += dx[i];
      product += dx[i] * (x[i] - mean) * scale;
    }
    for (int64_t i = 0; i < hidden_; ++i)
      dx[i] = scale * (dx[i] - total / static_cast<Real>(hidden_) -
                       (x[i] - mean) * scale * product / static_cast<Real>(hidden_));
    return rounded(dx);
  }

  void one_row(const GroupValues& group, int64_t row) {
    const auto& adapters = group.adapters;
    const auto a = row_of(site_.a, row);
    std::vector<float> factors(static_cast<size_t>(hidden_), 1.0f);
    const cpu::Dropout dropout(site_.dropout, site_.seed);
    if (dropout.active()) dropout.row(static_cast<uint64_t>(row), hidden_, factors.data());
    const auto drop = [&](Row x) {
      for (int64_t i = 0; i < hidden_; ++i) x[i] *= static_cast<Real>(factors[i]);
      return rounded(x);
    };
    std::vector<Row> sums, h, z;
    auto y = drop(row_of(site_.f, row));
    for (const auto& adapter : adapters) {
      sums.push_back(rounded(plus(y, a)));
      h.push_back(norm(sums.back()));
      z.push_back(plus(times(adapter.down, h.back(), adapter.bottleneck, false),
                       Row(adapter.down_bias.begin(), adapter.down_bias.end())));
      for (auto& value : z.back()) value = std::max(value, Real(0));
      z.back() = rounded(z.back());
      const auto up = rounded(plus(times(adapter.up, z.back(), hidden_, false),
                                   Row(adapter.up_bias.begin(), adapter.up_bias.end())));
      y = rounded(plus(y, up));
    }
    sums.push_back(rounded(plus(y, a)));
    append(results_.out, norm(sums.back()));

    auto g = norm_backward(sums.back(), row_of(site_.out_gradient, row));
    auto a_gradient = g;
    for (size_t level = adapters.size(); level-- > 0;) {
      const auto& adapter = adapters[level];
      auto dz = rounded(times(adapter.up, g, adapter.bottleneck, true));
      for (size_t i = 0; i < dz.size(); ++i) dz[i] = z[level][i] <= 0 ? 0 : dz[i];
      auto& gradient = results_.gradients.back()[level];
      for (int64_t i = 0; i < hidden_; ++i) {
        gradient.up_bias[i] += g[i];
        for (int64_t b = 0; b < adapter.bottleneck; ++b) {
          gradient.up[i * adapter.bottleneck + b] += static_cast<double>(g[i]) * z[level][b];
          gradient.down[b * hidden_ + i] += static_cast<double>(dz[b]) * h[level][i];
        }
      }
      for (int64_t b = 0; b < adapter.bottleneck; ++b) gradient.down_bias[b] += dz[b];
      const auto dh = rounded(times(adapter.down, dz, hidden_, true));
      const auto ds = norm_backward(sums[level], dh);
      g = rounded(plus(g, ds));
      a_gradient = rounded(plus(a_gradient, ds));
    }
    append(results_.f_gradient, drop(g));
    append(results_.a_gradient, a_gradient);
  }

  static void append(Values& to, const Row& row) { to.insert(to.end(), row.begin(), row.end()); }

  const SiteValues& site_;
  int64_t hidden_;
  SiteResults results_;
};

}  // namespace madx::cuda
