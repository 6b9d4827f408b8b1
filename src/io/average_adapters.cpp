#include "madx/io/average_adapters.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numeric>

#include "io/bottleneck_json.h"
#include "madx/core/error.h"

namespace madx::io {
namespace {

using nlohmann::json;

json comparable(BottleneckConfig config) {
  config.spelling.clear();
  auto keys = bottleneck_json(config);
  for (const char* const ignored : {"dropout", "init_weights"}) keys.erase(ignored);
  return keys;
}

std::vector<double> factors(size_t count, const AverageOptions& options) {
  if (count == 0) input_error("average: expected adapters, but found none; name two or more");
  auto weights = options.weights;
  if (weights.empty()) weights.assign(count, 1.0);
  if (weights.size() != count) {
    input_error("average: expected ", count, " weights, one an adapter, but found ", weights.size(),
                "; give one to each or to none");
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!std::isfinite(sum)) {
    input_error("average: expected weights that are numbers, but found one that is not");
  }
  if (!options.normalize_weights && !options.weights.empty()) return weights;
  if (sum == 0) {
    input_error("average: expected weights whose sum is not 0, but found ", sum,
                "; change them, or leave them as they are (normalize_weights false)");
  }
  for (auto& weight : weights) weight /= sum;
  return weights;
}

void check_alike(const AdapterDirectory& first, const AdapterDirectory& other) {
  const auto refuse = [&](const std::string& what, const auto& expected, const auto& found) {
    input_error("average: expected \"", other.name, "\" to have ", what, " ", expected, " as \"",
                first.name, "\" has, but found ", found, "; average adapters of one kind");
  };
  if (other.model.model_type != first.model.model_type) {
    refuse("model_type", first.model.model_type, other.model.model_type);
  }
  if (other.model.hidden_size != first.model.hidden_size) {
    refuse("hidden_size", first.model.hidden_size, other.model.hidden_size);
  }
  const json expected = comparable(first.config), found = comparable(other.config);
  for (const auto& [key, value] : expected.items()) {
    if (found.at(key) != value) refuse(key, value.dump(), found.at(key).dump());
  }
  for (const auto& item : first.tensors) {
    const auto* const tensor = other.tensors.find(item.key());
    if (tensor == nullptr) refuse("the tensor", item.key(), "none");
    if (tensor->sizes() != item.value().sizes()) {
      refuse(item.key() + " of shape", item.value().sizes(), tensor->sizes());
    }
  }
  for (const auto& item : other.tensors) {
    if (!first.tensors.contains(item.key())) refuse("no tensor", item.key(), "one");
  }
}

}  // namespace

AdapterDirectory average_adapters(const std::vector<AdapterDirectory>& adapters,
                                  const AverageOptions& options) {
  const auto weights = factors(adapters.size(), options);
  for (const auto& adapter : adapters) check_alike(adapters.front(), adapter);

  const at::NoGradGuard no_grad;
  AdapterDirectory average = adapters.front();
  average.tensors = TensorMap();
  for (const auto& item : adapters.front().tensors) {
    auto sum = at::zeros_like(item.value(), at::kDouble);
    auto type = item.value().scalar_type();  // the finest of all
    for (size_t i = 0; i < adapters.size(); ++i) {
      const auto& tensor = adapters[i].tensors[item.key()];
      sum.add_(tensor.to(at::kDouble), weights[i]);
      type = c10::promoteTypes(type, tensor.scalar_type());
    }
    average.tensors.insert(item.key(), sum.to(type));
  }
  return average;
}

}  // namespace madx::io
