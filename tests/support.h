#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/test_files.h"

namespace madx {

using io::input_error_of;
using io::TemporaryFolder;

/// |ours - theirs| <= absolute + relative |theirs|, everywhere.
inline void expect_close(const at::Tensor& ours, const at::Tensor& theirs, double absolute,
                         double relative = 0) {
  ASSERT_EQ(ours.sizes(), theirs.sizes());
  if (theirs.numel() == 0) return;
  const auto difference = (ours.to(at::kDouble) - theirs.to(at::kDouble)).abs().detach();
  const auto excess = difference - (absolute + relative * theirs.to(at::kDouble).abs());
  // Negated, so that a NaN fails.
  EXPECT_TRUE(excess.max().item<double>() <= 0)
      << "largest difference " << difference.max().item<double>() << " among values up to "
      << theirs.abs().max().item<double>();
}

/// The first line of the c10::Error that `act` throws; empty when it throws none.
template <class Act>
std::string torch_error_of(Act act) {
  try {
    act();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return text.substr(0, text.find('\n'));
  }
  return "";
}

/// Holds backward() of `loss` against central differences, for every element of `inputs`: leaves in
/// double that require a gradient. `loss` reads them anew at each call and returns ().
template <class Loss>
void expect_gradients_of_differences(Loss loss, const std::vector<at::Tensor>& inputs) {
  for (auto input : inputs) input.mutable_grad() = at::Tensor();
  loss().backward();
  constexpr double kStep = 1e-6;
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_EQ(inputs[i].scalar_type(), at::kDouble);
    ASSERT_TRUE(inputs[i].grad().defined()) << "input " << i;
    const auto gradient = inputs[i].grad().clone();
    const at::NoGradGuard no_grad;
    auto differences = at::zeros_like(gradient);
    auto* values = inputs[i].data_ptr<double>();
    for (int64_t j = 0; j < inputs[i].numel(); ++j) {
      const auto value = values[j];
      values[j] = value + kStep;
      const auto above = loss().template item<double>();
      values[j] = value - kStep;
      const auto below = loss().template item<double>();
      values[j] = value;
      differences.data_ptr<double>()[j] = (above - below) / (2 * kStep);
    }
    SCOPED_TRACE("input " + std::to_string(i));
    EXPECT_GT(gradient.abs().max().item<double>(), 0) << "a gradient of zeros shows nothing";
    expect_close(gradient, differences, /*absolute=*/1e-8, /*relative=*/1e-6);
  }
}

}  // namespace madx
