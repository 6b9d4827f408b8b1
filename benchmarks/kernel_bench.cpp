// The ops that have a kernel, each beside LibTorch's own operations on the same tensors, in turn.
//
//   build/bin/kernel_bench --size base --rows 1024 --threads 2
//   build/bin/kernel_bench --size base --rows 65536 --device cuda --type bfloat16
//
// Prints a Markdown table: milliseconds (the fastest of some runs) forward, and forward with
// backward; GFLOP/s of the products alone.
#include <torch/torch.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <iomanip>
#include <iostream>

#include "apps/command_line/command_line.h"
#include "apps/command_line/device_flags.h"
#include "apps/command_line/program.h"
#include "benchmarks/cuda_kernels.h"
#include "madx/madx.h"

namespace {

constexpr int64_t kVocabulary = 250002, kLength = 128, kHeads = 12;
constexpr double kDropout = 0.1;

struct Flags {
  std::string size = "base", type = "float32";
  int64_t rows = 1024, runs = 7;
  madx::apps::DeviceFlags device;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

using Act = std::function<at::Tensor()>;

/// One op in two forms. FLOPs are those of the forward pass and of both.
struct Case {
  std::string name;
  Act kernel, plain;
  double forward_flops, both_flops;
};

struct Milliseconds {
  double forward = 1e9, both = 1e9;
};

void run_once(const Act& act, Milliseconds& fastest) {
  {
    const torch::NoGradGuard no_grad;
    const auto start = now();
    act();
    fastest.forward = std::min(fastest.forward, 1e3 * (now() - start));
  }
  const auto start = now();
  const auto y = act();
  if (y.requires_grad()) y.backward(at::ones_like(y));
  fastest.both = std::min(fastest.both, 1e3 * (now() - start));
}

void print_row(const Case& work, int64_t runs) {
  Milliseconds kernel, plain;
  for (int64_t i = 0; i < runs; ++i) {
    run_once(work.kernel, kernel);
    run_once(work.plain, plain);
  }
  const auto rates = [&](const Milliseconds& time) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << time.forward << " | " << time.both << " | "
         << std::setprecision(0) << work.forward_flops / time.forward / 1e6 << " / "
         << work.both_flops / time.both / 1e6;
    return text.str();
  };
  std::cout << "| " << work.name << " | " << rates(kernel) << " | " << rates(plain) << " | "
            << std::fixed << std::setprecision(2) << plain.forward / kernel.forward << " / "
            << plain.both / kernel.both << " |" << std::endl;
}

/// Sizes that all cases are of.
struct Shape {
  explicit Shape(const Flags& flags) : hidden(flags.size == "base" ? 768 : 384), rows(flags.rows) {}
  int64_t hidden, rows;

  /// FLOPs of a product of all rows with a matrix (out, in), in units of the hidden size.
  double flops(double in, double out) const {
    const auto h = static_cast<double>(hidden);
    return 2.0 * static_cast<double>(rows) * in * h * out * h;
  }
};

at::Tensor leaf(at::IntArrayRef shape) { return at::randn(shape).requires_grad_(); }
at::Tensor weight(int64_t out, int64_t in) { return at::randn({out, in}) * 0.02; }

Case linear_case(const Shape& shape, const at::Tensor& x) {
  const madx::ops::FrozenLinear qkv{weight(3 * shape.hidden, shape.hidden),
                                    at::zeros({3 * shape.hidden})};
  return {"frozen linear, queries, keys and values",
          [=] { return madx::ops::frozen_linear(x, qkv); },
          [=] { return at::linear(x, qkv.weight, qkv.bias); }, shape.flops(1, 3),
          2 * shape.flops(1, 3)};
}

Case feed_forward_case(const Shape& shape, const at::Tensor& x) {
  const auto hidden = shape.hidden, inner = 4 * hidden;
  const madx::ops::FrozenLinear first{weight(inner, hidden), at::zeros({inner})},
      second{weight(hidden, inner), at::zeros({hidden})};
  return {"feed-forward", [=] { return madx::ops::feed_forward(x, first, second); },
          [=] {
            return at::linear(at::gelu(at::linear(x, first.weight, first.bias)), second.weight,
                              second.bias);
          },
          2 * shape.flops(1, 4), 4 * shape.flops(1, 4)};
}

Case attention_case(const Shape& shape) {
  madx::RowOffsets offsets = {0};
  while (offsets.back() < shape.rows)
    offsets.push_back(std::min(shape.rows, offsets.back() + kLength));
  const auto hidden = shape.hidden;
  const auto packed = leaf({shape.rows, 3 * hidden});
  const auto part = [=](int64_t i) { return packed.narrow(1, i * hidden, hidden); };
  const auto flops = shape.flops(1, static_cast<double>(kLength) / static_cast<double>(hidden));
  return {"attention, sequences of 128, dropout",
          [=] { return madx::ops::packed_attention(packed, offsets, kHeads, kDropout); },
          [=] {
            return madx::ops::packed_attention_composite(part(0), part(1), part(2), offsets,
                                                         offsets, kHeads, kDropout);
          },
          2 * flops, 6 * flops};
}

/// Without an adapter where `factor` is 0.
Case site_case(const Shape& shape, const at::Tensor& f, const at::Tensor& a, int64_t factor) {
  const auto hidden = shape.hidden;
  const madx::ops::FrozenLayerNorm norm{at::ones({hidden}), at::zeros({hidden}), 1e-5};
  std::vector<madx::ops::SiteAdapter> adapters;
  if (factor > 0) {
    const auto bottleneck = hidden / factor;
    adapters.push_back(
        {weight(bottleneck, hidden).requires_grad_(), at::zeros({bottleneck}).requires_grad_(),
         weight(hidden, bottleneck).requires_grad_(), at::zeros({hidden}).requires_grad_()});
  }
  const auto flops = factor > 0 ? 2 * shape.flops(1, 1 / static_cast<double>(factor)) : 0;
  return {factor == 0 ? "site without an adapter, dropout"
                      : "site, reduction factor " + std::to_string(factor) + ", dropout",
          [=] { return madx::ops::adapter_site(f, a, norm, kDropout, adapters); },
          [=, rows = shape.rows] {
            return madx::ops::adapter_site_composite(f, a, norm, kDropout, {{rows, adapters}});
          },
          flops, 3 * flops};
}

Case vocabulary_case(const Shape& shape) {
  const auto masked = std::max<int64_t>(1, shape.rows * 15 / 100);
  const auto read = leaf({masked, shape.hidden});
  const auto embedding = weight(kVocabulary, shape.hidden), bias = at::zeros({kVocabulary});
  const auto targets = at::randint(kVocabulary, {masked}, at::kLong);
  const auto flops = 2.0 * static_cast<double>(masked * shape.hidden * kVocabulary);
  return {"vocabulary loss at 15 % of the rows",
          [=] { return madx::ops::linear_cross_entropy(read, embedding, bias, targets); },
          [=] {
            return torch::nn::functional::cross_entropy(at::linear(read, embedding, bias), targets);
          },
          flops, 2 * flops};
}

std::vector<Case> cases(const Flags& flags) {
  const Shape shape(flags);
  const auto x = leaf({shape.rows, shape.hidden}), a = leaf({shape.rows, shape.hidden});
  std::vector<Case> all = {linear_case(shape, x), feed_forward_case(shape, x),
                           attention_case(shape)};
  for (const int64_t factor : {0, 2, 16}) all.push_back(site_case(shape, x, a, factor));
  all.push_back(vocabulary_case(shape));
  return all;
}

/// A layer in a packed form, beside the tensor that LibTorch's own operation takes.
struct PackedLayer {
  madx::ops::FrozenLinear packed, plain;
};

/// Layers whose weights are `Packed`, beside LibTorch's own operations with tensors of `type`.
template <class Packed>
std::vector<Case> packed_cases(const Flags& flags, const std::string& name, at::ScalarType type) {
  const Shape shape(flags);
  const auto hidden = shape.hidden;
  const auto layer = [&](int64_t out, int64_t in) {
    const auto matrix = weight(out, in).to(type), bias = at::zeros({out});
    return PackedLayer{{at::Tensor(), bias, std::make_shared<Packed>(matrix)},
                       {matrix, bias.to(type)}};
  };
  const auto plain = [](const at::Tensor& x, const PackedLayer& layer) {
    return at::linear(x, layer.plain.weight, layer.plain.bias);
  };
  const auto x = leaf({shape.rows, hidden});
  const auto rounded = x.detach().to(type).requires_grad_();
  const auto product = shape.flops(1, 1);
  const auto qkv = layer(3 * hidden, hidden), first = layer(4 * hidden, hidden),
             second = layer(hidden, 4 * hidden);
  return {
      {name + ": frozen linear, queries, keys and values",
       [=] { return madx::ops::frozen_linear(x, qkv.packed); }, [=] { return plain(rounded, qkv); },
       3 * product, 6 * product},
      {name + ": feed-forward",
       [=] { return madx::ops::feed_forward(x, first.packed, second.packed); },
       [=] { return plain(at::gelu(plain(rounded, first)), second); }, 8 * product, 16 * product}};
}

void run(int argc, char** argv) {
  CLI::App app("Times the kernels of the CPU, or of a GPU, beside plain LibTorch");
  Flags flags;
  app.add_option("--size", flags.size, "base: 768; small: 384")
      ->check(madx::apps::one_of({"base", "small"}))
      ->capture_default_str();
  app.add_option("--rows", flags.rows, "Tokens")
      ->check(madx::apps::from_to(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--runs", flags.runs, "Runs of each form, in turn; the fastest counts")
      ->check(madx::apps::from_to(1, 1000))
      ->capture_default_str();
  app.add_option("--type", flags.type, "On a GPU: float32, float16 or bfloat16")
      ->check(madx::apps::one_of({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
  flags.device.add_place_to(app);
  madx::apps::parse_command_line(app, argc, argv);
  const auto device = flags.device.apply();
  if (device.is_cuda()) {
    const auto type = flags.type == "float16"    ? at::kHalf
                      : flags.type == "bfloat16" ? at::kBFloat16
                                                 : at::kFloat;
    return madx::cuda_bench::run(Shape(flags).hidden, flags.rows, type, device);
  }
  std::cout << "| op | ms forward | ms both | GFLOP/s | plain: ms forward | ms both | GFLOP/s | "
               "plain / kernel |\n|---|---|---|---|---|---|---|---|\n";
  for (const auto& work : cases(flags)) print_row(work, flags.runs);
  if (madx::cpu::has_bfloat16_products()) {
    for (const auto& work :
         packed_cases<madx::ops::Bfloat16Weight>(flags, "bfloat16", at::kBFloat16))
      print_row(work, flags.runs);
  }
  if (madx::cpu::has_int8_products()) {
    for (const auto& work :
         packed_cases<madx::ops::Int8Weight>(flags, "int8, plain in float32", at::kFloat))
      print_row(work, flags.runs);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("kernel_bench", [&] { run(argc, argv); });
}
