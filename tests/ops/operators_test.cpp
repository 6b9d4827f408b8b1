// The operators of TORCH_LIBRARY(madx): known to the dispatcher, named by the profiler, and in
// TorchScript.
#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/script.h>

#include <set>
#include <sstream>
#include <thread>

#include "../support.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"
#include "ops/schema.h"

namespace madx::ops {
namespace operators_test {

using testing::HasSubstr;

/// The names of operators that run while it lives.
class Recorded {
 public:
  Recorded() : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(&Recorded::on))) {
    names().clear();
  }
  ~Recorded() { at::removeCallback(handle_); }
  static std::set<std::string>& names() {
    static std::set<std::string> names;
    return names;
  }

 private:
  static std::unique_ptr<at::ObserverContext> on(const at::RecordFunction& function) {
    names().insert(function.name());
    return nullptr;
  }
  at::CallbackHandle handle_;
};

TEST(Operators, AreNamedByTheProfiler) {
  const auto x = at::randn({6, 8});
  const FrozenLayerNorm norm{at::ones({8}), at::zeros({8})};
  const SiteAdapter adapter{at::randn({2, 8}), at::zeros({2}), at::randn({8, 2}), at::zeros({8})};
  const CouplingNet net{at::randn({2, 4}), at::zeros({2}), at::randn({4, 2}), at::zeros({4})};
  const Recorded recorded;
  adapter_site(x, x, norm, 0, {adapter});
  coupling(x, {{6, net, net}}, Activation::kRelu, false);
  packed_attention(at::randn({6, 24}), {0, 2, 6}, 2, 0);
  packed_attention(x, at::randn({6, 16}), {0, 2, 6}, {0, 2, 6}, 2, 0);
  frozen_linear(x, {at::randn({5, 8}), at::zeros({5})});
  linear_cross_entropy(x, at::randn({9, 8}), at::zeros({9}), at::arange(6));
  for (const auto* name : {"madx::adapter_site", "madx::coupling", "madx::packed_attention",
                           "madx::frozen_linear", "madx::linear_cross_entropy"}) {
    EXPECT_EQ(Recorded::names().count(name), 1u) << name;
  }
}

TEST(Operators, AreRegisteredOnceFromAnyNumberOfThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 3; ++j) register_ops();
    });
  }
  for (auto& thread : threads) thread.join();
  for (const std::string schema : kSchemas) {
    const auto name = "madx::" + schema.substr(0, schema.find('('));
    const auto dot = name.find('.');
    const auto op = c10::Dispatcher::singleton().findSchema(
        {name.substr(0, dot), dot == std::string::npos ? "" : name.substr(dot + 1)});
    ASSERT_TRUE(op.has_value()) << name;
    EXPECT_EQ(toString(op->schema()), "madx::" + schema);
  }
}

TEST(Operators, KnowTheirShapesWithoutData) {
  const auto x = at::empty({6, 8}, at::kMeta);
  const auto empty = [](at::IntArrayRef shape) { return at::empty(shape, at::kMeta); };
  // LibTorch's layer_norm, relu and index_select, which the others need, have meta forms in Python
  // alone: tests/python/check_ops.py.
  const CouplingNet net{empty({2, 4}), empty({2}), empty({4, 2}), empty({4})};
  EXPECT_EQ(coupling(x, {{6, net, net}}, Activation::kGelu, false).sizes(), x.sizes());
  EXPECT_EQ(packed_attention(empty({6, 24}), {0, 2, 6}, 2, 0).sizes(), x.sizes());
  EXPECT_EQ(frozen_linear(x, {empty({5, 8}), empty({5})}).sizes(), at::IntArrayRef({6, 5}));
}

TEST(Operators, GiveAnAdapterOfNoGroupAGradientOfZeros) {
  torch::manual_seed(1);  // some draws leave the other adapter's relu without a unit, too
  const auto op = detail::operator_handle<decltype(detail::adapter_site_op)>("madx::adapter_site");
  const auto x = at::randn({3, 8});
  std::vector<at::Tensor> weights;
  for (int adapter = 0; adapter < 2; ++adapter) {
    for (const auto& weight :
         {at::randn({2, 8}), at::randn({2}), at::randn({8, 2}), at::randn({8})})
      weights.push_back(weight.clone().requires_grad_());
  }
  op.call(x, x, at::ones({8}), at::zeros({8}), 1e-5, 0, {2, 1}, {1, 0}, {1}, weights)
      .square()
      .sum()
      .backward();
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto& gradient = weights[i].grad();
    const bool zero = !gradient.defined() || gradient.abs().max().item<double>() == 0;
    EXPECT_EQ(zero, i < 4) << "weight " << i;
  }
}

/// To scripts compiled in C++ `madx` is what `torch.ops.madx` is to Python's.
class MadxInScripts : public torch::jit::Resolver {
 public:
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(const std::string& name,
                                                         torch::jit::GraphFunction&,
                                                         const torch::jit::SourceRange&) override {
    if (name == "madx") return std::make_shared<torch::jit::BuiltinModule>("madx");
    return nullptr;
  }
};

TEST(Operators, StandInATorchScriptGraph) {
  register_ops();
  torch::jit::CompilationUnit unit;
  unit.define(std::nullopt, R"(
def f(x: Tensor, w: Tensor, b: Tensor, qkv: Tensor):
  y = madx.frozen_linear(x, w, b)
  return y + madx.packed_attention(qkv, [0, 1, 3], 2, 0.0)
)",
              std::make_shared<MadxInScripts>(), nullptr);
  const auto x = at::randn({3, 8}), w = at::randn({4, 8}), b = at::randn({4}),
             qkv = at::randn({3, 12});
  const auto found = unit.get_function("f")({x, w, b, qkv}).toTensor();
  expect_close(found, frozen_linear(x, {w, b}) + packed_attention(qkv, {0, 1, 3}, 2, 0), 1e-6);
}

TEST(Operators, AreSavedAndLoadedInATorchScriptArchive) {
  register_ops();
  const auto w = at::randn({4, 8}), b = at::randn({4});
  std::stringstream file;
  torch::jit::Module module("layer");
  module.register_buffer("w", w);
  module.register_buffer("b", b);
  module.define("def forward(self, x):\n  return madx.frozen_linear(x, self.w, self.b)\n",
                std::make_shared<MadxInScripts>());
  module.save(file);
  const auto x = at::randn({3, 8}).requires_grad_();
  const auto y = torch::jit::load(file).forward({x}).toTensor();
  expect_close(y, at::linear(x, w, b), 1e-5);
  y.sum().backward();
  expect_close(x.grad(), w.sum(0).expand({3, 8}), 1e-5);
}

TEST(Operators, CheckWhatAGraphHandsThem) {
  register_ops();
  const auto x = at::randn({3, 8}), one = at::ones({8}), zero = at::zeros({8});
  const auto op = detail::operator_handle<decltype(detail::adapter_site_op)>("madx::adapter_site");
  const auto error = [&](at::IntArrayRef rows, at::IntArrayRef sizes, at::IntArrayRef adapters,
                         at::TensorList weights) {
    return torch_error_of(
        [&] { op.call(x, x, one, zero, 1e-5, 0, rows, sizes, adapters, weights); });
  };
  EXPECT_THAT(error({3}, {}, {}, {}), HasSubstr("expected a size for each of 1 groups"));
  EXPECT_THAT(error({3}, {1}, {}, {}), HasSubstr("as many adapters as the groups' sizes say"));
  EXPECT_THAT(error({3}, {0}, {0}, {}), HasSubstr("as the groups' sizes say, 0, but got 1"));
  EXPECT_THAT(error({3}, {1}, {0}, {}), HasSubstr("expected indices of 0 adapters, but got 0"));
  EXPECT_THAT(error({3}, {0}, {}, {one}), HasSubstr("expected four weights an adapter"));
  EXPECT_THAT(error({2}, {0}, {}, {}), HasSubstr("expected groups of 3 rows together, but got 2"));
}

}  // namespace operators_test
}  // namespace madx::ops
