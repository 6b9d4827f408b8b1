#pragma once

// kernel_bench on a GPU: the ops that have a CUDA kernel beside their composite form, with the
// share of the device's memory and arithmetic rates that the kernel reaches.
#include <torch/cuda.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "madx/cuda/device.h"
#include "madx/cuda/rates.h"
#include "madx/madx.h"

namespace madx::cuda_bench {

struct Case {
  std::string name;
  std::function<at::Tensor()> kernel, plain;
  double bytes, flops;  // of the forward pass: global memory at least, products
};

/// Microseconds a call, the median of some batches of calls. Between calls a buffer larger than the
/// second-level cache is written, so that inputs come from memory; its own time is subtracted.
class Timer {
 public:
  explicit Timer(const at::Device& device)
      : flush_(at::empty({int64_t{256} << 20}, at::device(device).dtype(at::kByte))) {}

  double microseconds(const std::function<void()>& act) {
    const auto with = median([&] {
      flush_.zero_();
      act();
    });
    return std::max(with - median([&] { flush_.zero_(); }), 0.01);
  }

 private:
  static double median(const std::function<void()>& act) {
    constexpr int kBatches = 9, kCalls = 20;
    for (int i = 0; i < 3; ++i) act();
    std::vector<double> times;
    for (int batch = 0; batch < kBatches; ++batch) {
      torch::cuda::synchronize();
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < kCalls; ++i) act();
      torch::cuda::synchronize();
      const std::chrono::duration<double, std::micro> spent =
          std::chrono::steady_clock::now() - start;
      times.push_back(spent.count() / kCalls);
    }
    std::nth_element(times.begin(), times.begin() + kBatches / 2, times.end());
    return times[kBatches / 2];
  }

  at::Tensor flush_;
};

inline std::vector<Case> cases(int64_t hidden, int64_t rows, const at::TensorOptions& options) {
  const auto size = static_cast<double>(at::elementSize(options.dtype().toScalarType()));
  const auto r = static_cast<double>(rows), h = static_cast<double>(hidden);
  const auto weight = [=](int64_t out, int64_t in) {
    return (at::randn({out, in}, options) * 0.02).requires_grad_();
  };
  const auto bias = [=](int64_t n) { return at::zeros({n}, options).requires_grad_(); };
  const auto f = at::randn({rows, hidden}, options).requires_grad_();
  const auto a = at::randn({rows, hidden}, options).requires_grad_();
  const ops::FrozenLayerNorm norm{at::ones({hidden}, options), at::zeros({hidden}, options), 1e-5};
  const auto adapter = [=](int64_t factor) {
    const auto bottleneck = hidden / factor;
    return ops::SiteAdapter{weight(bottleneck, hidden), bias(bottleneck),
                            weight(hidden, bottleneck), bias(hidden)};
  };
  std::vector<Case> all;
  const auto add_site = [&](const std::string& name, std::vector<ops::SiteAdapter> adapters) {
    double flops = 0;
    for (const auto& one : adapters) flops += 4 * r * h * static_cast<double>(one.down.size(0));
    all.push_back({name, [=] { return ops::adapter_site(f, a, norm, /*dropout=*/0, adapters); },
                   [=] {
                     return ops::adapter_site_composite(f, a, norm, 0, {{rows, adapters}});
                   },
                   3 * r * h * size, flops});
  };
  add_site("site without an adapter", {});
  add_site("site, reduction factor 16", {adapter(16)});
  add_site("site, reduction factor 2", {adapter(2)});
  add_site("site, factors 2 and 16", {adapter(2), adapter(16)});
  const auto low = hidden / 2, between = low / 2;
  const auto net = [&](int64_t from, int64_t to) {
    return ops::CouplingNet{weight(between, from), bias(between), weight(to, between), bias(to)};
  };
  const std::vector<ops::CouplingGroup> groups = {
      {rows, net(hidden - low, low), net(low, hidden - low)}};
  for (const bool inverse : {false, true}) {
    all.push_back(
        {inverse ? "coupling, inverse" : "coupling",
         [=] { return ops::coupling(f, groups, ops::Activation::kRelu, inverse); },
         [=] { return ops::coupling_composite(f, groups, ops::Activation::kRelu, inverse); },
         2 * r * h * size, 4 * r * h * static_cast<double>(between)});
  }
  return all;
}

inline void run(int64_t hidden, int64_t rows, at::ScalarType type, const at::Device& device) {
  if (!cuda::available(device.index()))
    input_error("kernel_bench: expected CUDA kernels for --device ", device.str(),
                ", but this build has none, or none for a device so old; configure with "
                "MADX_CUDA=ON and MADX_CUDA_ARCHITECTURES");
  const c10::DeviceGuard guard(device);
  const auto rates = cuda::device_rates();
  const double peak = type == at::kFloat ? rates.float_flops : rates.half_flops;
  std::cout << rates.name << ": " << std::fixed << std::setprecision(0)
            << rates.bytes_per_second / 1e9 << " GB/s, " << peak / 1e12 << " TFLOP/s in "
            << toString(type) << "\n\n"
            << "| op | us forward | GB/s | of limit | TFLOP/s | of limit | us both | plain: us "
               "forward | us both | plain / kernel |\n|---|---|---|---|---|---|---|---|---|---|\n";
  Timer timer(device);
  for (const auto& work : cases(hidden, rows, at::device(device).dtype(type))) {
    const auto forward = [&](const std::function<at::Tensor()>& op) {
      return timer.microseconds([&] {
        const torch::NoGradGuard no_grad;
        op();
      });
    };
    const auto both = [&](const std::function<at::Tensor()>& op) {
      return timer.microseconds([&] {
        const auto y = op();
        y.backward(at::ones_like(y));
      });
    };
    const double ours = forward(work.kernel), ours_both = both(work.kernel);
    const double plain = forward(work.plain), plain_both = both(work.plain);
    const double bytes = work.bytes / ours * 1e6, flops = work.flops / ours * 1e6;
    const auto share = [](double part, double whole) { return whole > 0 ? 100 * part / whole : 0; };
    std::cout << "| " << work.name << std::setprecision(1) << " | " << ours << " | " << bytes / 1e9
              << " | " << share(bytes, rates.bytes_per_second) << " % | " << flops / 1e12 << " | "
              << share(flops, peak) << " % | " << ours_both << " | " << plain << " | " << plain_both
              << " | " << std::setprecision(2) << plain / ours << " / " << plain_both / ours_both
              << " |" << std::endl;
  }
}

}  // namespace madx::cuda_bench
