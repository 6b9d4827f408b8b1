#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "madx/io/adapterhub.h"
#include "madx/io/torch_file.h"
#include "test_files.h"

namespace madx::io {
namespace fusion_directory_test {

namespace fs = std::filesystem;

class FusionDirectoryTest : public ::testing::Test {
 protected:
  std::string copy_with(const nlohmann::json& changes) {
    const auto copy = folder_ / "copy";
    fs::remove_all(copy);
    fs::copy(fixture("fusions/dynamic"), copy);
    const auto path = copy + "/adapter_fusion_config.json";
    auto file = nlohmann::json::parse(read_bytes(path));
    file.update(changes, /*merge_objects=*/true);
    write_bytes(path, file.dump());
    return copy;
  }
  std::string empty(const std::string& name) {
    fs::create_directory(folder_ / name);
    return folder_ / name;
  }

  TemporaryFolder folder_;
};

TEST_F(FusionDirectoryTest, ReadsAFusionThatPythonSaved) {
  const auto fusion = read_fusion(fixture("fusions/dynamic"));
  EXPECT_EQ(fusion.name, "a,b");
  EXPECT_EQ(fusion.adapter_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(fusion.config.value);
  EXPECT_FALSE(fusion.config.dropout_prob);
  EXPECT_EQ(fusion.model.hidden_size, 8);
  const std::pair<const char*, std::vector<int64_t>> expected[] = {
      {"encoder.layer.0.output.query.weight", {8, 8}},
      {"encoder.layer.0.output.query.bias", {8}},
      {"encoder.layer.0.output.key.weight", {8, 8}},
      {"encoder.layer.0.output.key.bias", {8}},
      {"encoder.layer.0.output.value.weight", {8, 8}},
      {"encoder.layer.1.output.query.weight", {8, 8}}};
  ASSERT_EQ(fusion.tensors.size(), 10u);
  for (size_t t = 0; t < std::size(expected); ++t) {
    EXPECT_EQ(fusion.tensors.keys()[t], expected[t].first);
    EXPECT_TRUE(at::equal(fusion.tensors[t].value(),
                          known_values(static_cast<int64_t>(t), expected[t].second)));
  }
}

TEST_F(FusionDirectoryTest, ReadsANamedFusionAndAStaticOneInSafetensors) {
  const auto named = read_fusion(fixture("fusions/named"));
  EXPECT_EQ(named.name, "mix");
  EXPECT_EQ(named.adapter_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(named.config.query_before_ln);
  EXPECT_FALSE(named.config.regularization);
  EXPECT_EQ(named.config.dropout_prob, 0.25);
  const auto fixed = read_fusion(fixture("fusions/static_safetensors"));
  EXPECT_FALSE(fixed.config.value);
  EXPECT_EQ(fixed.tensors.size(), 8u);
}

TEST_F(FusionDirectoryTest, WritesTheFilesThatPythonWrites) {
  for (const auto* name : {"dynamic", "named", "static_safetensors"}) {
    const auto original = fixture(std::string("fusions/") + name);
    const auto fusion = read_fusion(original);
    for (const auto format : {TensorFormat::kTorch, TensorFormat::kSafetensors}) {
      const bool torch = format == TensorFormat::kTorch;
      const auto directory = empty(name + std::string(torch ? "_bin" : "_safetensors"));
      write_fusion(directory, fusion, format);
      EXPECT_EQ(fs::exists(directory + "/pytorch_model_adapter_fusion.bin"), torch);
      EXPECT_EQ(fs::exists(directory + "/model_adapter_fusion.safetensors"), !torch);
      EXPECT_EQ(read_bytes(directory + "/adapter_fusion_config.json"),
                read_bytes(original + "/adapter_fusion_config.json"));
      const auto again = read_fusion(directory);
      ASSERT_EQ(again.tensors.size(), fusion.tensors.size());
      for (const auto& item : fusion.tensors) {
        EXPECT_TRUE(at::equal(again.tensors[item.key()], item.value())) << item.key();
      }
    }
  }
  const auto ours = read_torch_file(folder_ / "dynamic_bin/pytorch_model_adapter_fusion.bin");
  const auto theirs = read_torch_file(fixture("fusions/dynamic/pytorch_model_adapter_fusion.bin"));
  EXPECT_EQ(ours.keys(), theirs.keys());
}

TEST_F(FusionDirectoryTest, RefusesWhatIsNoFusionByFileAndKey) {
  const std::pair<nlohmann::json, const char*> cases[] = {
      {{{"config", {{"key", 1}}}}, "config: expected \"key\" to be true or false, but found 1"},
      {{{"config", {{"value", nullptr}}}}, "expected the key \"value\""},
      {{{"config", {{"dropout_prob", 2}}}}, "\"dropout_prob\" to be null or a probability"},
      {{{"config", "other"}}, "expected dynamic or static"},
      {{{"adapter_names", {"a"}}}, "\"adapter_names\" to be two names or more"},
      {{{"adapter_names", {"a", 1}}}, "\"adapter_names\" to be a list of names"},
      {{{"name", "b,a"}}, "the fusion \"b,a\", as its configuration says, but found those of"},
      {{{"name", nullptr}}, "the key \"name\""},
  };
  for (const auto& [changes, words] : cases) {
    const auto copy = copy_with(changes);
    const auto message = input_error_of([&] { read_fusion(copy); });
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
  }
  const auto foreign = copy_with(nlohmann::json::object());
  TensorMap tensors;
  tensors.insert("roberta.encoder.layer.0.output.adapter_fusion_layer.a,b.query.other",
                 at::ones({1}));
  write_torch_file(foreign + "/pytorch_model_adapter_fusion.bin", tensors);
  EXPECT_NE(input_error_of([&] { read_fusion(foreign); }).find("query.other"), std::string::npos);
  EXPECT_NE(input_error_of([&] {
              read_fusion(fixture("adapters/sw"));
            }).find("adapter_fusion_config.json"),
            std::string::npos);
}

}  // namespace fusion_directory_test
}  // namespace madx::io
