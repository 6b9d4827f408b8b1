#include "ops/coupling_cuda.h"

#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "madx/cuda/coupling.h"
#include "ops/cuda_kernel.h"
#include "ops/once_differentiable.h"
#include "ops/wants_gradient.h"

namespace madx::ops::detail {

namespace {

/// Tensors that take part in autograd come as x and a list of eight a group of rows.
struct CudaCoupling : torch::autograd::Function<CudaCoupling> {
  using Context = torch::autograd::AutogradContext;
  using List = torch::autograd::variable_list;
  static constexpr size_t kNet = 4, kGroup = 2 * kNet;  // weights

  static at::Tensor forward(Context* ctx, const at::Tensor& x, at::TensorList weights,
                            const std::vector<int64_t>& rows, bool inverse, bool with_gradient) {
    const c10::DeviceGuard guard(x.device());
    auto out = at::empty_like(x);
    List z;  // F's and G's, by group
    if (with_gradient) {
      for (size_t i = 0; i < weights.size(); i += kNet)
        z.push_back(at::empty({rows[i / kGroup], weights[i].size(0)}, x.options()));
    }
    auto problem = like(x, out, inverse);
    for (size_t group = 0; group < rows.size(); ++group) {
      const auto net = [&](size_t which) {
        const auto* part = &weights[group * kGroup + which * kNet];
        return cuda::CouplingNet{part[0].data_ptr(),
                                 part[1].data_ptr(),
                                 part[2].data_ptr(),
                                 part[3].data_ptr(),
                                 part[0].size(0),
                                 nullptr,
                                 z.empty() ? nullptr : z[2 * group + which].data_ptr()};
      };
      problem.groups.push_back({rows[group], net(inverse ? 1 : 0), net(inverse ? 0 : 1)});
    }
    cuda::coupling(problem, cuda::current_stream(x.device().index()));
    if (with_gradient) {
      List saved{x, out};
      saved.insert(saved.end(), weights.begin(), weights.end());
      saved.insert(saved.end(), z.begin(), z.end());
      ctx->save_for_backward(std::move(saved));
      ctx->saved_data["rows"] = rows;
      ctx->saved_data["inverse"] = inverse;
    }
    return out;
  }

  static List backward(Context* ctx, List outputs) {
    refuse_double_backward("coupling");
    const auto saved = ctx->get_saved_variables();
    const auto rows = ctx->saved_data["rows"].toIntVector();
    const bool inverse = ctx->saved_data["inverse"].toBool();
    const auto &x = saved[0], &out = saved[1];
    const List weights(saved.begin() + 2,
                       saved.begin() + 2 + static_cast<int64_t>(kGroup * rows.size()));
    const List z(saved.begin() + 2 + static_cast<int64_t>(weights.size()), saved.end());
    const c10::DeviceGuard guard(x.device());
    const auto out_gradient = outputs[0].contiguous();
    auto x_gradient = at::empty_like(x);
    // Steps in the other order, each function transposed; each changes the half that it read.
    auto problem = like(out_gradient, x_gradient, inverse);
    problem.backward = true;
    List transposed(weights.size()), z_gradient;
    for (const auto& part : z) z_gradient.push_back(at::empty_like(part));
    for (size_t group = 0; group < rows.size(); ++group) {
      const auto net = [&](size_t which) {
        const auto first = group * kGroup + which * kNet;
        transposed[first] = weights[first].t().contiguous();
        transposed[first + 2] = weights[first + 2].t().contiguous();
        const auto index = 2 * group + which;
        return cuda::CouplingNet{transposed[first + 2].data_ptr(), nullptr,
                                 transposed[first].data_ptr(),     nullptr,
                                 weights[first].size(0),           z[index].data_ptr(),
                                 z_gradient[index].data_ptr()};
      };
      problem.groups.push_back({rows[group], net(inverse ? 0 : 1), net(inverse ? 1 : 0)});
    }
    cuda::coupling(problem, cuda::current_stream(x.device().index()));

    List gradients(1 + weights.size() + 3);
    gradients[0] = x_gradient;
    const auto low = x.size(1) / 2, high = x.size(1) - low;
    const double sign = inverse ? -1 : 1;
    int64_t row = 0;
    for (size_t group = 0; group < rows.size(); row += rows[group++]) {
      const auto half = [&](const at::Tensor& of, bool is_low) {
        return of.narrow(0, row, rows[group]).narrow(1, is_low ? 0 : low, is_low ? low : high);
      };
      for (const size_t which : {0, 1}) {
        const bool is_f = which == 0;
        // F changes the low half. What acts last has the output's gradient; what acts first has
        // x's, and it read x's other half, where the last one read the first one's result.
        const bool acts_last = is_f == inverse;
        const auto change = half(acts_last ? out_gradient : x_gradient, is_f);
        const auto source = half(acts_last ? out : x, !is_f);
        const auto index = 2 * group + which, first = 1 + index * kNet;
        if (!ctx->needs_input_grad({{first, first + kNet}})) continue;
        auto* const part = &gradients[first];
        part[0] = at::mm(z_gradient[index].t(), source) * sign;
        part[1] = z_gradient[index].sum(0) * sign;
        part[2] = at::mm(change.t(), z[index]) * sign;
        part[3] = change.sum(0) * sign;
      }
    }
    return gradients;
  }

 private:
  static cuda::CouplingProblem like(const at::Tensor& x, at::Tensor& out, bool inverse) {
    cuda::CouplingProblem problem;
    problem.type = cuda_type(x);
    problem.x = x.data_ptr();
    problem.out = out.data_ptr();
    problem.rows = x.size(0);
    problem.hidden = x.size(1);
    problem.low_first = !inverse;
    problem.sign = inverse ? -1 : 1;
    return problem;
  }
};

}  // namespace

at::Tensor coupling_cuda(const at::Tensor& x, const std::vector<at::Tensor>& weights,
                         const std::vector<int64_t>& rows, bool inverse) {
  return CudaCoupling::apply(x.contiguous(), at::TensorList(weights), rows, inverse,
                             wants_gradient(x) || wants_gradient(weights));
}

bool fits_cuda_coupling(const at::Tensor& x, const std::vector<at::Tensor>& weights) {
  int64_t widest = 0;
  for (size_t i = 0; i < weights.size(); i += CudaCoupling::kNet)
    widest = std::max(widest, weights[i].size(0));
  const c10::DeviceGuard guard(x.device());
  return cuda::fits(cuda_type(x), x.size(1) - x.size(1) / 2, widest);
}

}  // namespace madx::ops::detail
