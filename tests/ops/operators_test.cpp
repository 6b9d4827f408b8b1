// The operators of TORCH_LIBRARY(madx): known to the dispatcher, named by the profiler, and in
// TorchScript.
#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/script.h>

#include <mutex>
#include <set>

#include "../support.h"
#include "madx/ops/adapter_site.h"
#include "madx/ops/coupling.h"
#include "madx/ops/frozen_linear.h"
#include "madx/ops/linear_cross_entropy.h"
#include "madx/ops/packed_attention.h"

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

TEST(Operators, AreRegisteredOnceFromAnyNumberOfCalls) {
  for (int i = 0; i < 3; ++i) register_ops();
  EXPECT_TRUE(c10::Dispatcher::singleton().findSchema({"madx::adapter_site", ""}).has_value());
}

TEST(Operators, StandInATorchScriptGraph) {
  register_ops();
  const auto unit = torch::jit::compile(R"(
    def f(x: Tensor, w: Tensor, b: Tensor, qkv: Tensor):
      y = torch.ops.madx.frozen_linear(x, w, b)
      return y + torch.ops.madx.packed_attention(qkv, [0, 1, 3], 2, 0.0)
  )");
  const auto x = at::randn({3, 8}), w = at::randn({4, 8}), b = at::randn({4}),
             qkv = at::randn({3, 12});
  const auto found = unit->get_function("f")({x, w, b, qkv}).toTensor();
  expect_close(found, frozen_linear(x, {w, b}) + packed_attention(qkv, {0, 1, 3}, 2, 0), 1e-6);
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
  EXPECT_THAT(error({3}, {1}, {0}, {}), HasSubstr("expected indices of 0 adapters, but got 0"));
  EXPECT_THAT(error({3}, {0}, {}, {one}), HasSubstr("expected four weights an adapter"));
  EXPECT_THAT(error({2}, {0}, {}, {}), HasSubstr("expected groups of 3 rows together, but got 2"));
}

}  // namespace operators_test
}  // namespace madx::ops
