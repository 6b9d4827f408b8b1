#pragma once

#include <memory>

#include "madx/cuda/adapter_site.h"
#include "site_reference.h"

namespace madx::cuda {

/// What of a site's backward pass is wanted.
struct Wanted {
  bool inputs = true;       // gradients by f and a
  size_t lowest_level = 0;  // adapters below this level do not learn
};

/// A site on the kernels, in buffers with canaries.
class SiteRun {
 public:
  explicit SiteRun(const SiteValues& site) : site_(site) {
    problem_.type = site.type;
    problem_.f = input("f", site.f);
    problem_.a = input("a", site.a);
    problem_.norm_weight = input("norm's weight", site.norm_weight);
    problem_.norm_bias = input("norm's bias", site.norm_bias);
    problem_.norm_eps = site.eps;
    problem_.rows = site.rows;
    problem_.hidden = site.hidden;
    problem_.dropout = site.dropout;
    problem_.seed = site.seed;
    int64_t first = 0;
    for (const auto& values : site.groups) {
      IndexedSiteGroup group{first, values.rows, {}};
      for (const auto& adapter : values.adapters) {
        group.adapters.push_back(problem_.adapters.size());
        problem_.adapters.push_back(
            {input("down", adapter.down), input("down's bias", adapter.down_bias),
             input("up", adapter.up), input("up's bias", adapter.up_bias), adapter.bottleneck});
      }
      problem_.groups.push_back(std::move(group));
      first += values.rows;
    }
  }

  /// Forward pass alone, nothing kept.
  Values infer() {
    auto& out = output("out", elements());
    adapter_site_forward(problem_, {}, out.data(), nullptr);
    expect_canaries();
    return out.values();
  }

  /// Both passes. Gradients that are not wanted stay empty.
  SiteResults train(const Wanted& wanted = {}) {
    SiteResults results;
    const auto levels = site_.levels();
    SiteKept kept;
    for (size_t level = 0; level < levels; ++level)
      kept.y.push_back(output("y", elements()).data());
    kept.statistics =
        output("statistics", static_cast<int64_t>(levels + 1) * site_.rows * 2, Type::kFloat)
            .floats();
    std::vector<std::vector<Buffer*>> z;
    for (const auto& group : problem_.groups) {
      z.emplace_back();
      kept.z.emplace_back();
      for (const auto adapter : group.adapters) {
        z.back().push_back(&output("z", group.rows * problem_.adapters[adapter].bottleneck));
        kept.z.back().push_back(z.back().back()->data());
      }
    }
    auto& out = output("out", elements());
    adapter_site_forward(problem_, kept, out.data(), nullptr);
    results.out = out.values();

    // The forward pass's outputs are the backward pass's inputs.
    for (size_t level = 0; level < levels; ++level) kept.y[level] = as_input("y", kept.y[level]);
    kept.statistics = static_cast<float*>(as_input("statistics", kept.statistics));
    for (size_t i = 0; i < problem_.groups.size(); ++i)
      for (size_t level = 0; level < z[i].size(); ++level)
        kept.z[i][level] = as_input("z", z[i][level]->data());

    SiteGradients gradients;
    std::vector<Buffer*> sums, h;
    const auto lowest = wanted.inputs ? 0 : wanted.lowest_level + 1;
    for (size_t level = 0; level <= levels; ++level) {
      sums.push_back(level >= lowest ? &output("sums", elements()) : nullptr);
      gradients.sums.push_back(sums.back() != nullptr ? sums.back()->data() : nullptr);
    }
    for (size_t level = 0; level < levels; ++level) {
      h.push_back(level >= wanted.lowest_level ? &output("h", elements()) : nullptr);
      gradients.h.push_back(h.back() != nullptr ? h.back()->data() : nullptr);
    }
    Buffer* f_gradient = nullptr;
    if (wanted.inputs && site_.dropout > 0) {
      f_gradient = &output("f's gradient", elements());
      gradients.f_gradient = f_gradient->data();
    }
    std::vector<std::vector<Buffer*>> z_gradients;
    for (size_t i = 0; i < site_.groups.size(); ++i) {
      gradients.adapters.emplace_back();
      z_gradients.emplace_back();
      for (size_t level = 0; level < site_.groups[i].adapters.size(); ++level) {
        const auto& adapter = site_.groups[i].adapters[level];
        auto* dz = level >= wanted.lowest_level
                       ? &output("z's gradient", site_.groups[i].rows * adapter.bottleneck)
                       : nullptr;
        z_gradients.back().push_back(dz);
        gradients.adapters.back().push_back(
            {input("up transposed", transposed(adapter.up, site_.hidden)),
             input("down transposed", transposed(adapter.down, adapter.bottleneck)),
             dz != nullptr ? dz->data() : nullptr});
      }
    }
    const auto out_gradient = input("out's gradient", site_.out_gradient);
    adapter_site_backward(problem_, kept, out_gradient, gradients, nullptr);
    if (wanted.inputs) {
      results.a_gradient = sums[0]->values();
      results.f_gradient = f_gradient != nullptr ? f_gradient->values() : results.a_gradient;
    }
    int64_t first = 0;
    for (size_t i = 0; i < site_.groups.size(); ++i) {
      const auto rows = site_.groups[i].rows;
      results.gradients.emplace_back();
      for (size_t level = 0; level < z[i].size(); ++level) {
        auto adapter = site_.groups[i].adapters[level];
        if (level < wanted.lowest_level) adapter.down.clear();
        if (level >= wanted.lowest_level) {
          const auto y_gradient = part(sums[level + 1]->values(), first, rows);
          const auto read = part(h[level]->values(), first, rows);
          const auto dz = z_gradients[i][level]->values();
          const Values ones(static_cast<size_t>(rows), 1.0);
          const auto bottleneck = adapter.bottleneck;
          adapter.up = product(y_gradient, site_.hidden, z[i][level]->values(), bottleneck, rows);
          adapter.down = product(dz, bottleneck, read, site_.hidden, rows);
          adapter.up_bias = product(y_gradient, site_.hidden, ones, 1, rows);
          adapter.down_bias = product(dz, bottleneck, ones, 1, rows);
        }
        results.gradients.back().push_back(std::move(adapter));
      }
      first += rows;
    }
    expect_canaries();
    return results;
  }

 private:
  int64_t elements() const { return site_.rows * site_.hidden; }

  const void* input(const char* name, const Values& values) {
    buffers_.push_back(std::make_unique<Buffer>(name, site_.type, values, Buffer::kInput));
    return buffers_.back()->data();
  }
  Buffer& output(const char* name, int64_t size, Type type) {
    buffers_.push_back(std::make_unique<Buffer>(name, type, size));
    return *buffers_.back();
  }
  Buffer& output(const char* name, int64_t size) { return output(name, size, site_.type); }
  /// A copy of an output that may only be read.
  void* as_input(const char* name, void* data) {
    for (auto& buffer : buffers_) {
      if (buffer->data() != data) continue;
      buffer->expect_canaries();
      buffers_.push_back(
          std::make_unique<Buffer>(name, buffer->type(), buffer->values(), Buffer::kInput));
      return buffers_.back()->data();
    }
    return nullptr;
  }
  void expect_canaries() {
    for (auto& buffer : buffers_) buffer->expect_canaries();
  }

  static Values transposed(const Values& matrix, int64_t rows) {
    const auto columns = static_cast<int64_t>(matrix.size()) / rows;
    Values result(matrix.size());
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
    return result;
  }
  Values part(const Values& values, int64_t first, int64_t rows) const {
    return Values(values.begin() + first * site_.hidden,
                  values.begin() + (first + rows) * site_.hidden);
  }
  /// x (rows, m)^T y (rows, n), rounded once: what a GEMM of the type gives.
  Values product(const Values& x, int64_t m, const Values& y, int64_t n, int64_t rows) const {
    Values result(static_cast<size_t>(m * n));
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) result[i * n + j] += x[row * m + i] * y[row * n + j];
    for (auto& value : result) value = rounded_to(site_.type, value);
    return result;
  }

  const SiteValues& site_;
  SiteProblem problem_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace madx::cuda
