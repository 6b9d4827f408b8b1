#include "madx/io/adapter_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test_files.h"

namespace madx::io {
namespace adapter_config_test {

using nlohmann::json;

// Name and encoder that make_adapterhub.py gives to every configuration.
AdapterConfigFile file_with(const BottleneckConfig& config) {
  AdapterConfigFile file;
  file.config = config;
  file.model.hidden_size = 8;
  file.name = "\u00e9t\u00e9\x7f\U0001f600";
  return file;
}

// A file of today with these changes to its "config".
std::string file_text(const json& changes) {
  auto file = json::parse(read_bytes(fixture("adapters/sw/adapter_config.json")));
  file["config"].update(changes);
  return file.dump();
}

class AdapterConfig : public ::testing::Test {
 protected:
  AdapterConfigFile read(const std::string& text) {
    write_bytes(path_, text);
    return read_adapter_config(path_);
  }
  std::string error_on(const std::string& text) {
    return input_error_of([&] { read(text); });
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "adapter_config.json";
};

TEST_F(AdapterConfig, ParsesConfigurationStringsIntoTheBytesThatPythonWrites) {
  const auto texts = json::parse(read_bytes(fixture("adapter_configs.json")));
  ASSERT_EQ(texts.size(), 28u);
  for (const auto& [config, text] : texts.items()) {
    write_adapter_config(path_, file_with(parse_config_string(config)));
    EXPECT_EQ(read_bytes(path_), text.get<std::string>()) << config;
  }
}

TEST_F(AdapterConfig, WritesWhatPythonWritesAfterReadingTheSame) {
  const auto cases = json::parse(read_bytes(fixture("rewritten_configs.json")));
  ASSERT_EQ(cases.size(), 8u);
  for (const auto& item : cases) {
    auto written = json::parse(item.at("written").get<std::string>());
    written["config"] = item.at("read");
    write_adapter_config(path_, read(written.dump()));
    EXPECT_EQ(read_bytes(path_), item.at("written").get<std::string>()) << item.at("read");
  }
}

TEST_F(AdapterConfig, WritesTheValueOfAFieldThatWasChangedAfterReading) {
  auto file = read(file_text({{"reduction_factor", 16.0}, {"leave_out", nullptr}}));
  file.config.reduction_factor = 4;
  file.config.leave_out = {1};
  write_adapter_config(path_, file);
  const auto config = json::parse(read_bytes(path_)).at("config");
  EXPECT_EQ(config.at("reduction_factor").dump(), "4");
  EXPECT_EQ(config.at("leave_out").dump(), "[1]");
}

TEST_F(AdapterConfig, HasNoFactorForALayerThatAMapWithoutDefaultLeavesOut) {
  const auto file = read(file_text({{"reduction_factor", {{"0", 2}, {"1", 4.5}}}}));
  EXPECT_EQ(file.config.bottleneck_size(9, 0), 4);
  EXPECT_EQ(file.config.bottleneck_size(9, 1), 2);
  EXPECT_NE(input_error_of([&] { file.config.bottleneck_size(9, 2); }).find("for layer 2"),
            std::string::npos);
}

TEST_F(AdapterConfig, WritesTheBytesThatItRead) {
  const auto texts = json::parse(read_bytes(fixture("adapter_configs.json")));
  for (const auto& [config, text] : texts.items()) {
    const auto file = read(text.get<std::string>());
    EXPECT_EQ(file.version, "adapters.1.3.0");
    write_adapter_config(path_, file);
    EXPECT_EQ(read_bytes(path_), text.get<std::string>()) << config;
  }
}

TEST_F(AdapterConfig, ReadsTheNestedFormOfTheFirstVersions) {
  const auto file = read_adapter_config(fixture("adapters/legacy_task/adapter_config.json"));
  EXPECT_EQ(file.name, "qu");
  EXPECT_EQ(file.type, "text_task");
  EXPECT_EQ(file.version, "");
  EXPECT_EQ(file.model.model_type, "bert");
  EXPECT_EQ(file.model.model_class, "BertModelWithHeads");
  EXPECT_EQ(file.model.model_name, "bert-base-multilingual-cased");
  EXPECT_EQ(file.config.non_linearity, "gelu_new") << "\"gelu\" was the tanh form";
  EXPECT_EQ(file.config.inv_adapter, "nice");
  EXPECT_EQ(file.config.inv_adapter_reduction_factor, 2);
  EXPECT_TRUE(file.config.mh_adapter);
  EXPECT_FALSE(file.config.original_ln_before);
}

TEST_F(AdapterConfig, TakesAdapterHubsDefaultsForMissingKeys) {
  const auto file = read(R"({"model_type": "bert", "hidden_size": 8, "version": "3.2.1", "config": {
      "mh_adapter": false, "output_adapter": true, "reduction_factor": 4, "non_linearity": "gelu",
      "architecture": "bottleneck", "unknown": [1]}})");
  EXPECT_EQ(file.name, "");
  EXPECT_EQ(file.config.non_linearity, "gelu");
  EXPECT_FALSE(file.config.original_ln_before);
  EXPECT_TRUE(file.config.original_ln_after);
  EXPECT_EQ(file.config.scaling, 1.0);
  EXPECT_FALSE(file.config.has_invertible());
}

TEST_F(AdapterConfig, ReadsAConfigurationByName) {
  const auto file = read(
      R"({"model_type": "bert", "hidden_size": 8, "config": "seq_bn_inv[reduction_factor=2]"})");
  EXPECT_EQ(file.config.reduction_factor, 2);
  EXPECT_TRUE(file.config.has_invertible());
}

TEST_F(AdapterConfig, RefusesWhatIsNotComputedByFileAndKey) {
  const std::pair<json, const char*> cases[] = {
      {{{"architecture", "lora"}}, "expected \"architecture\" to be a bottleneck adapter"},
      {{{"architecture", "prefix_tuning"}}, "prefix tuning"},
      {{{"architecture", "union"}}, "unions"},
      {{{"phm_layer", true}}, "\"phm_layer\" to be false"},
      {{{"cross_adapter", true}}, "\"cross_adapter\" to be false"},
      {{{"inv_adapter", "glow"}}, "\"glow\" fails in AdapterHub itself"},
      {{{"inv_adapter", "other"}}, "\"inv_adapter\" to be \"nice\" or null"},
      {{{"inv_adapter_reduction_factor", 0}},
       "\"inv_adapter_reduction_factor\" to be a number of at least 0.001"},
      {{{"inv_adapter_reduction_factor", nullptr}}, "the key \"inv_adapter_reduction_factor\""},
      {{{"invertible_adapter", "nice"}}, "\"invertible_adapter\" to be an object"},
      {{{"invertible_adapter", {{"block_type", "glow"}}}},
       "invertible_adapter: expected \"block_type\""},
      {{{"reduction_factor", 0}}, "\"reduction_factor\" to be a number of at least 0.001"},
      {{{"reduction_factor", 1e-9}}, "\"reduction_factor\" to be a number of at least 0.001"},
      {{{"reduction_factor", "16"}}, "\"reduction_factor\" to be a number of at least 0.001"},
      {{{"reduction_factor", json::object()}}, "an object with a \"default\""},
      {{{"reduction_factor", {{"default", 8}, {"x", 2}}}}, "numbers of at least 0.001 by layer"},
      {{{"reduction_factor", {{"default", 8}, {"01", 2}}}}, "numbers of at least 0.001 by layer"},
      {{{"scaling", nullptr}}, "\"scaling\""},
      {{{"reduction_factor", nullptr}}, "the key \"reduction_factor\""},
      {{{"leave_out", 11}}, "a list of layers"},
      {{{"leave_out", {-1}}}, "a list of layers"},
      {{{"leave_out", {uint64_t{1} << 63}}}, "a list of layers"},
      {{{"leave_out", {UINT64_MAX}}}, "a list of layers"},
      {{{"residual_before_ln", "never"}}, "\"residual_before_ln\""},
      {{{"scaling", "own"}}, "\"scaling\""},
      {{{"dropout", 1.5}}, "\"dropout\" to be a probability from 0 to 1"},
      {{{"init_weights", "zero"}}, "\"init_weights\""},
      {{{"init_weights_seed", -3}}, "\"init_weights_seed\""},
      {{{"mh_adapter", 1}}, "\"mh_adapter\" to be true or false, but found 1"},
      {{{"non_linearity", 1}}, "\"non_linearity\" to be a string"},
  };
  for (const auto& [changes, words] : cases) {
    const auto message = error_on(file_text(changes));
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
    EXPECT_EQ(message.find(path_), 0u) << message;
  }
}

TEST_F(AdapterConfig, RefusesFilesThatAreNoConfiguration) {
  EXPECT_NE(error_on("").find("an empty file"), std::string::npos);
  EXPECT_NE(error_on("{").find("expected JSON"), std::string::npos);
  EXPECT_NE(error_on("[1]").find("a JSON object, but found [1]"), std::string::npos);
  EXPECT_NE(error_on("{}").find("the key \"model_type\""), std::string::npos);
  EXPECT_NE(error_on(R"({"a": 1, "a": 2})").find("\"a\" twice"), std::string::npos);
  EXPECT_NE(error_on(std::string(1'000'000, '[')).find("at most 64 brackets"), std::string::npos);
  EXPECT_NE(error_on("{\"model_type\":" + std::string(70, '[') + std::string(70, ']') + "}")
                .find("at most 64 brackets"),
            std::string::npos);
  EXPECT_NE(error_on(R"({"model_type": "bert", "hidden_size": 8.5})")
                .find("a whole number, but found 8.5"),
            std::string::npos);
  EXPECT_NE(error_on(R"({"model_type": "bert", "hidden_size": 0})").find("above 0"),
            std::string::npos);
  EXPECT_NE(error_on(R"({"model_type": "bert", "hidden_size": 8})").find("the key \"config\""),
            std::string::npos);
  EXPECT_NE(error_on(R"({"model_type": "bert", "hidden_size": 8, "config": 1})")
                .find("\"config\" to be an object"),
            std::string::npos);
}

TEST_F(AdapterConfig, SurvivesEveryCutAndEveryChangedByte) {
  expect_no_crash_on_damage(fixture("adapters/legacy_task/adapter_config.json"),
                            [](const std::string& path) { read_adapter_config(path); });
}

TEST(ConfigString, AcceptsSpacesAndTrailingCommas) {
  const auto config =
      parse_config_string("pfeiffer [ reduction_factor = 2 , leave_out = [ 10, 11, ], ]");
  EXPECT_EQ(config.reduction_factor, 2);
  EXPECT_EQ(config.leave_out, (std::vector<int64_t>{10, 11}));
}

TEST(ConfigString, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "but found \"\""},
      {"bottleneck", "expected pfeiffer (seq_bn)"},
      {"lora", "\"lora\": expected a bottleneck adapter, but found another method"},
      {"unipelt", "expected a bottleneck adapter"},
      {"compacter++", "hypercomplex layers (phm_layer)"},
      {"seq_bn|lora", "but found a union"},
      {"seq_bn[scaling=1e999]", "a number, but found \"1e999\""},
      {"seq_bn[inv_adapter='nice']", "the key \"inv_adapter_reduction_factor\""},
      {"seq_bn[", "a name at character 8"},
      {"seq_bn[reduction_factor]", "'=' at character 24"},
      {"seq_bn[reduction_factor=2", "',' or ']' at character 26"},
      {"seq_bn[reduction_factor=2]x", "nothing behind ']'"},
      {"seq_bn[reduction_factor=2x]", "',' or ']'"},
      {"seq_bn[reduction_factor=1.2.3]", "a number, but found \"1.2.3\""},
      {"seq_bn[reduction_factor=-2]", "\"reduction_factor\" to be a number of at least"},
      {"seq_bn[reduction_factor=2,reduction_factor=3]", "\"reduction_factor\" twice"},
      {"seq_bn[reduction=2]", "expected \"reduction\" to be left out"},
      {"seq_bn[non_linearity=gelu]", "(strings in quotes), but found \"gelu\""},
      {"seq_bn[non_linearity='gelu]", "a closing quote"},
      {"seq_bn[leave_out=[[[[[1]]]]]]", "fewer brackets"},
      {"seq_bn[reduction_factor={1:2}]", "a string in quotes as a key"},
      {"seq_bn[phm_layer=True]", "\"phm_layer\" to be false"},
  };
  for (const auto& [text, words] : cases) {
    const auto message = input_error_of([text = text] { parse_config_string(text); });
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
  }
}

}  // namespace adapter_config_test
}  // namespace madx::io
