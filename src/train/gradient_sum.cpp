#include "train/gradient_sum.h"

#include <torch/utils.h>

#include <utility>

#include "madx/core/error.h"

namespace madx::detail {

GradientSum::GradientSum(NamedTensors tensors, RankGroup& ranks)
    : tensors_(std::move(tensors)), ranks_(ranks) {
  if (ranks_.count() == 1) return;
  for (const auto& entry : tensors_) gradients_ += entry.second.numel();
  report_ = at::empty({static_cast<int64_t>(tensors_.size()) + 1}, at::kFloat);
  const auto where = tensors_.empty() ? at::Device(at::kCPU) : tensors_[0].second.device();
  buffer_ = at::empty({gradients_ + report_.numel()}, report_.options().device(where));
}

double GradientSum::operator()(double loss) {
  if (ranks_.count() == 1) return loss;
  const torch::NoGradGuard no_grad;
  const auto place_of = [&](int64_t first, const at::Tensor& tensor) {
    return buffer_.narrow(0, first, tensor.numel()).view(tensor.sizes());
  };
  auto* const had = report_.data_ptr<float>();
  int64_t first = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const auto& tensor = tensors_[i].second;
    const auto& gradient = tensor.grad();
    had[i] = gradient.defined() ? 1.0f : 0.0f;
    const auto place = place_of(first, tensor);
    if (gradient.defined()) {
      place.copy_(gradient);
    } else {
      place.zero_();
    }
    first += tensor.numel();
  }
  report_[-1] = loss;
  const auto report = buffer_.narrow(0, gradients_, report_.numel());
  report.copy_(report_);
  ranks_.sum(buffer_);
  report_.copy_(report);
  first = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    auto& tensor = tensors_[i].second;
    if (had[i] > 0) {
      const auto sum = place_of(first, tensor);
      if (tensor.grad().defined()) {
        tensor.mutable_grad().copy_(sum);
      } else {
        tensor.mutable_grad() = sum.to(tensor.options(), /*non_blocking=*/false, /*copy=*/true);
      }
    }
    first += tensor.numel();
  }
  return report_[-1].item<double>();
}

void broadcast_all(const NamedTensors& tensors, RankGroup& ranks) {
  if (ranks.count() == 1) return;
  const torch::NoGradGuard no_grad;
  for (const auto& entry : tensors) {
    auto tensor = entry.second;
    const auto sent = tensor.detach().cpu().contiguous();
    ranks.broadcast(sent);
    if (!ranks.is_first() && !sent.is_alias_of(tensor)) tensor.copy_(sent);
  }
}

void require_alike(const NamedTensors& tensors, RankGroup& ranks, int64_t step) {
  if (ranks.count() == 1) return;
  int64_t digest = 0;
  for (const auto& entry : tensors) {
    const auto bits = entry.second.detach().cpu().contiguous().view(at::kInt);
    digest = static_cast<int64_t>(static_cast<uint64_t>(digest) * 31 +
                                  static_cast<uint64_t>(bits.sum(at::kLong).item<int64_t>()));
  }
  digest &= INT64_MAX;  // so that its negative is a number, too
  const auto most = ranks.largest(digest), least = -ranks.largest(-digest);
  if (most == least) return;
  machine_error("step ", step,
                ": expected the same weights on every rank, but they differ; run all ranks on "
                "processors of one kind, or set MADX_CPU_CAPABILITY the same for all");
}

}  // namespace madx::detail
