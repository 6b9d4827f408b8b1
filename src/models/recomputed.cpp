#include "madx/models/recomputed.h"

#include <ATen/Context.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/custom_class.h>

#include <mutex>
#include <utility>

#include "ops/once_differentiable.h"

namespace madx {

namespace {

/// The state, when this was made, of the generators that dropout draws from.
class GeneratorState {
 public:
  explicit GeneratorState(const at::Device& device)
      : cpu_(at::globalContext().defaultGenerator(at::kCPU)), cpu_state_(state_of(cpu_)) {
    if (!device.is_cpu()) {
      device_ = at::globalContext().defaultGenerator(device);
      device_state_ = state_of(device_);
    }
  }
  void restore() {
    restore(cpu_, cpu_state_);
    if (device_.defined()) restore(device_, device_state_);
  }

 private:
  static at::Tensor state_of(at::Generator& generator) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return generator.get_state();
  }
  static void restore(at::Generator& generator, const at::Tensor& state) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  }

  at::Generator cpu_, device_;
  at::Tensor cpu_state_, device_state_;
};

/// Generators are in `state` until the end of the block, and then where they were.
class InState {
 public:
  InState(GeneratorState& state, const at::Device& device) : before_(device) { state.restore(); }
  ~InState() { before_.restore(); }
  InState(const InState&) = delete;
  InState& operator=(const InState&) = delete;

 private:
  GeneratorState before_;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  using Context = torch::autograd::AutogradContext;
  using Forward = std::function<at::Tensor(const at::Tensor&)>;
  /// What backward needs beside tensors; saved_data takes it as an object of TorchScript.
  struct Step : torch::CustomClassHolder {
    Step(Forward forward_, const at::Device& device)
        : forward(std::move(forward_)), state(device) {}
    Forward forward;
    GeneratorState state;
  };

  /// `recorded` requires a gradient, so that backward is called even where x does not.
  static at::Tensor forward(Context* ctx, const at::Tensor& x, const at::Tensor& recorded,
                            const Forward& forward) {
    auto step = c10::make_intrusive<Step>(forward, x.device());
    ctx->saved_data["step"] = c10::IValue::make_capsule(step);
    ctx->save_for_backward({x});
    const at::NoGradGuard no_grad;
    return forward(x);
  }

  static torch::autograd::variable_list backward(Context* ctx,
                                                 torch::autograd::variable_list outputs) {
    ops::refuse_double_backward("recomputed");
    TORCH_CHECK(torch::autograd::Engine::get_default_engine().is_checkpoint_valid(),
                "recomputed: expected backward() of all that learns, but got autograd::grad or "
                "backward() with inputs, which would leave out what is computed again; use "
                "backward(), or turn gradient checkpointing off");
    const auto step = c10::static_intrusive_pointer_cast<Step>(ctx->saved_data["step"].toCapsule());
    const auto saved = ctx->get_saved_variables()[0];
    const auto x = saved.detach().requires_grad_(ctx->needs_input_grad(0));
    at::Tensor y;
    {
      const InState as_before(step->state, x.device());
      const at::AutoGradMode grad(true);
      y = step->forward(x);
    }
    if (!y.requires_grad()) return {at::Tensor(), at::Tensor(), at::Tensor()};  // nothing learns
    torch::autograd::backward({y}, {outputs[0]});  // adds to the gradients of what learns
    return {x.grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor recomputed(const at::Tensor& x,
                      const std::function<at::Tensor(const at::Tensor&)>& forward) {
  const auto recorded = at::empty({0}, x.options()).requires_grad_();
  return Recomputed::apply(x, recorded, forward);
}

}  // namespace madx
