#include "madx/io/average_adapters.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "test_files.h"

namespace madx::io {
namespace average_adapters_test {

AdapterDirectory scaled(double factor, const std::string& name = "sw") {
  auto adapter = read_adapter(fixture("adapters/sw"));
  TensorMap tensors;
  for (const auto& item : adapter.tensors) tensors.insert(item.key(), item.value() * factor);
  adapter.tensors = tensors;
  adapter.name = name;
  return adapter;
}

void expect_scaled(const AdapterDirectory& average, double factor) {
  const auto one = scaled(factor);
  ASSERT_EQ(average.tensors.keys(), one.tensors.keys());
  for (const auto& item : one.tensors) {
    EXPECT_TRUE(at::allclose(average.tensors[item.key()], item.value(), 1e-6, 1e-7)) << item.key();
    EXPECT_EQ(average.tensors[item.key()].scalar_type(), at::kFloat);
  }
}

TEST(AverageAdapters, WeighsEveryTensorTheInvertibleAdapterIncluded) {
  const std::vector<AdapterDirectory> adapters = {scaled(1), scaled(2, "en"), scaled(6, "fi")};
  EXPECT_TRUE(adapters[0].tensors.contains("invertible.F.0.weight"));
  expect_scaled(average_adapters(adapters), 3);
  expect_scaled(average_adapters(adapters, {{1, 1, 2}, true}), 15.0 / 4);
  expect_scaled(average_adapters(adapters, {{1, -1, 0.5}, false}), 2);
  expect_scaled(average_adapters(adapters, {{}, false}), 3);
  EXPECT_EQ(average_adapters(adapters).name, "sw");
  expect_scaled(adapters[0], 1);
}

TEST(AverageAdapters, HasTheFinestTypeOfAll) {
  auto half = scaled(1);
  TensorMap tensors;
  for (const auto& item : half.tensors) tensors.insert(item.key(), item.value().to(at::kBFloat16));
  half.tensors = tensors;
  for (const auto& adapters : {std::vector<AdapterDirectory>{half, scaled(3, "en")},
                               std::vector<AdapterDirectory>{scaled(3, "en"), half}}) {
    for (const auto& item : average_adapters(adapters).tensors)
      EXPECT_EQ(item.value().scalar_type(), at::kFloat) << item.key();
  }
  for (const auto& item : average_adapters({half, half}).tensors)
    EXPECT_EQ(item.value().scalar_type(), at::kBFloat16);
}

TEST(AverageAdapters, RefusesAdaptersThatDiffer) {
  const auto error = [](auto change, const AverageOptions& options = {}) {
    std::vector<AdapterDirectory> adapters = {scaled(1), scaled(2, "en")};
    change(adapters[1]);
    return input_error_of([&] { average_adapters(adapters, options); });
  };
  const auto nothing = [](AdapterDirectory&) {};
  EXPECT_EQ(error([](auto& a) { a.config.dropout = 0.5, a.config.init_weights = "houlsby"; }), "");
  EXPECT_NE(error([](auto& a) {
              a.config.scaling = 2;
            }).find("expected \"en\" to have scaling 1.0 as \"sw\" has, but found 2.0"),
            std::string::npos);
  EXPECT_NE(error([](auto& a) { a.model.hidden_size = 9; }).find("hidden_size 8"),
            std::string::npos);
  EXPECT_NE(error([](auto& a) { a.model.model_type = "bert"; }).find("model_type xlm-roberta"),
            std::string::npos);
  EXPECT_NE(error([](auto& a) {
              a.tensors.erase("invertible.G.2.bias");
            }).find("the tensor invertible.G.2.bias"),
            std::string::npos);
  EXPECT_NE(error([](auto& a) { a.tensors.insert("x", at::ones({1})); }).find("no tensor x"),
            std::string::npos);
  EXPECT_NE(
      error([](auto& a) { a.tensors["invertible.G.2.bias"] = at::ones({5}); }).find("of shape [4]"),
      std::string::npos);
  EXPECT_NE(error(nothing, {{1}, true}).find("expected 2 weights, one an adapter, but found 1"),
            std::string::npos);
  EXPECT_NE(error(nothing, {{1, -1}, true}).find("whose sum is not 0"), std::string::npos);
  EXPECT_NE(error(nothing, {{1, NAN}, true}).find("that are numbers"), std::string::npos);
  EXPECT_NE(input_error_of([] { average_adapters({}); }).find("found none"), std::string::npos);
}

}  // namespace average_adapters_test
}  // namespace madx::io
