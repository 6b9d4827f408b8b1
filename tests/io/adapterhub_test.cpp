#include "madx/io/adapterhub.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "madx/io/torch_file.h"
#include "test_files.h"

namespace madx::io {
namespace adapterhub_test {

namespace fs = std::filesystem;

void expect_equal(const TensorMap& found, const TensorMap& expected) {
  ASSERT_EQ(found.keys(), expected.keys());
  for (const auto& item : expected) {
    EXPECT_TRUE(at::equal(found[item.key()], item.value())) << item.key();
  }
}

// A copy of a directory of the fixtures that a test may change.
class AdapterHubTest : public ::testing::Test {
 protected:
  std::string copy_of(const std::string& name) {
    const auto copy = folder_ / "copy";
    fs::remove_all(copy);
    fs::copy(fixture(name), copy);
    return copy;
  }
  std::string empty(const std::string& name) {
    fs::create_directory(folder_ / name);
    return folder_ / name;
  }
  // Replaces the tensors of a copied directory.
  std::string with_tensors(const std::string& name, const std::string& file,
                           const std::vector<std::string>& keys) {
    const auto copy = copy_of(name);
    TensorMap tensors;
    for (const auto& key : keys) tensors.insert(key, at::ones({2}));
    write_torch_file(copy + "/" + file, tensors);
    return copy;
  }
  static void change_json(const std::string& path, const nlohmann::json& changes) {
    auto file = nlohmann::json::parse(read_bytes(path));
    file.merge_patch(changes);
    write_bytes(path, file.dump());
  }

  TemporaryFolder folder_;
};

TEST_F(AdapterHubTest, ReadsAnAdapterThatPythonSaved) {
  const auto adapter = read_adapter(fixture("adapters/sw"));
  EXPECT_EQ(adapter.name, "sw");
  EXPECT_EQ(adapter.config.reduction_factor, 2);
  EXPECT_EQ(adapter.model.model_type, "xlm-roberta");
  EXPECT_EQ(adapter.model.model_class, "XLMRobertaAdapterModel");
  EXPECT_EQ(adapter.model.hidden_size, 8);
  const std::pair<const char*, std::vector<int64_t>> expected[] = {
      {"encoder.layer.0.output.adapter_down.0.weight", {4, 8}},
      {"encoder.layer.0.output.adapter_down.0.bias", {4}},
      {"encoder.layer.0.output.adapter_up.weight", {8, 4}},
      {"encoder.layer.0.output.adapter_up.bias", {8}},
      {"encoder.layer.1.output.adapter_down.0.weight", {4, 8}},
      {"encoder.layer.1.output.adapter_down.0.bias", {4}},
      {"encoder.layer.1.output.adapter_up.weight", {8, 4}},
      {"encoder.layer.1.output.adapter_up.bias", {8}},
      {"invertible.F.0.weight", {2, 4}},
      {"invertible.F.0.bias", {2}},
      {"invertible.F.2.weight", {4, 2}},
      {"invertible.F.2.bias", {4}},
      {"invertible.G.0.weight", {2, 4}},
      {"invertible.G.0.bias", {2}},
      {"invertible.G.2.weight", {4, 2}},
      {"invertible.G.2.bias", {4}}};
  ASSERT_EQ(adapter.tensors.size(), std::size(expected));
  for (size_t t = 0; t < std::size(expected); ++t) {
    const auto& [key, sizes] = expected[t];
    EXPECT_EQ(adapter.tensors.keys()[t], key);
    EXPECT_TRUE(at::equal(adapter.tensors[t].value(), known_values(static_cast<int64_t>(t), sizes)))
        << key;
  }
}

TEST_F(AdapterHubTest, ReadsSafetensorsAndKeysWithoutPrefixAlike) {
  const auto bare = read_adapter(fixture("adapters/sw_bare_safetensors"));
  EXPECT_EQ(bare.name, "sw");
  EXPECT_EQ(bare.model.model_class, "XLMRobertaModel");
  // Values count tensors in the order of the model, which safetensors does not keep.
  const auto bin = read_adapter(fixture("adapters/sw"));
  for (const auto& item : bin.tensors)
    EXPECT_TRUE(at::equal(bare.tensors[item.key()], item.value()));
  EXPECT_EQ(bare.tensors.size(), bin.tensors.size());
}

TEST_F(AdapterHubTest, PrefersTheFileThatAdapterHubReadsByDefault) {
  const auto copy = copy_of("adapters/sw_bare_safetensors");
  TensorMap other;
  other.insert("encoder.layer.0.output.adapters.other.adapter_up.bias", at::ones({8}));
  write_torch_file(copy + "/pytorch_adapter.bin", other);
  EXPECT_EQ(read_adapter(copy).name, "other");
}

TEST_F(AdapterHubTest, ReadsTheKeysOfTheFirstVersions) {
  const auto today = read_adapter(fixture("adapters/bert_qu"));
  const auto legacy = read_adapter(fixture("adapters/legacy_lang"));
  EXPECT_EQ(legacy.name, "qu");
  EXPECT_TRUE(legacy.config.has_invertible());
  expect_equal(legacy.tensors, today.tensors);
}

TEST_F(AdapterHubTest, DropsTheInvertibleAdapterThatATaskAdapterOnlyDeclares) {
  const auto task = read_adapter(fixture("adapters/legacy_task"));
  EXPECT_FALSE(task.config.has_invertible());
  EXPECT_EQ(task.tensors.size(), 8u);
  const auto copy = copy_of("adapters/legacy_task");
  change_json(copy + "/adapter_config.json", {{"type", "text_lang"}});
  EXPECT_TRUE(read_adapter(copy).config.has_invertible())
      << "a language adapter misses its weights";
}

TEST_F(AdapterHubTest, WritesTheFilesThatPythonWrites) {
  for (const auto* name : {"sw", "ner", "norms", "par", "bert_qu"}) {
    const auto directory = empty(name);
    const auto original = fixture(std::string("adapters/") + name);
    write_adapter(directory, read_adapter(original));
    EXPECT_EQ(read_bytes(directory + "/adapter_config.json"),
              read_bytes(original + "/adapter_config.json"));
    expect_equal(read_torch_file(directory + "/pytorch_adapter.bin"),
                 read_torch_file(original + "/pytorch_adapter.bin"));
    EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 2);
  }
}

TEST_F(AdapterHubTest, WritesSafetensorsThatHoldTheSame) {
  for (const auto* name : {"sw", "norms", "bert_qu", "legacy_lang"}) {
    const auto adapter = read_adapter(fixture(std::string("adapters/") + name));
    const auto directory = empty(name);
    write_adapter(directory, adapter, TensorFormat::kSafetensors);
    EXPECT_TRUE(fs::exists(directory + "/adapter.safetensors"));
    EXPECT_FALSE(fs::exists(directory + "/pytorch_adapter.bin"));
    const auto again = read_adapter(directory);
    EXPECT_EQ(again.name, adapter.name);
    expect_equal(again.tensors, adapter.tensors);
  }
  for (const auto* name : {"ner", "sw"}) {
    const auto head = read_head(fixture(std::string("heads/") + name));
    const auto directory = empty(std::string("head_") + name);
    write_head(directory, head, TensorFormat::kSafetensors);
    EXPECT_TRUE(fs::exists(directory + "/model_head.safetensors"));
    expect_equal(read_head(directory).tensors, head.tensors);
  }
}

TEST_F(AdapterHubTest, LeavesOutLayersBesideThoseThatTheFileLeavesOut) {
  auto adapter = read_adapter(fixture("adapters/norms"));  // leaves out layer 0 itself
  leave_out_layers(adapter, {1, 0});
  EXPECT_EQ(adapter.config.leave_out, (std::vector<int64_t>{0, 1}));
  EXPECT_TRUE(adapter.tensors.is_empty());
  auto language = read_adapter(fixture("adapters/sw"));
  leave_out_layers(language, {1});
  EXPECT_EQ(language.tensors.size(), 12u) << "layer 0 and the invertible adapter stay";
  EXPECT_FALSE(language.tensors.contains("encoder.layer.1.output.adapter_up.bias"));
}

TEST_F(AdapterHubTest, WritesTheSettingsOfAHeadThatItDoesNotUse) {
  const auto copy = copy_of("heads/ner");
  change_json(copy + "/head_config.json",
              {{"config", {{"dropout_prob", 0.5}, {"activation_function", "relu"}}}});
  const auto directory = empty("again");
  write_head(directory, read_head(copy));
  const auto config = nlohmann::json::parse(read_bytes(directory + "/head_config.json"));
  EXPECT_EQ(config.at("config").at("dropout_prob"), 0.5);
  EXPECT_EQ(config.at("config").at("activation_function"), "relu");
}

TEST_F(AdapterHubTest, SortsTensorsAsAdapterHubDoes) {
  auto adapter = read_adapter(fixture("adapters/bert_qu"));
  const auto keys = adapter.tensors.keys();
  TensorMap reversed;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key)
    reversed.insert(*key, adapter.tensors[*key]);
  adapter.tensors = reversed;
  write_adapter(empty("x"), adapter);
  expect_equal(read_torch_file(folder_ / "x/pytorch_adapter.bin"),
               read_torch_file(fixture("adapters/bert_qu/pytorch_adapter.bin")));
}

TEST_F(AdapterHubTest, TakesTheNameFromTheKeysWhateverItsCharacters) {
  const auto copy = with_tensors(
      "adapters/sw", "pytorch_adapter.bin",
      {"roberta.encoder.layer.11.output.adapters.sw/wiki@ukp v1.2 \u00e9.adapter_up.bias",
       "invertible_adapters.sw/wiki@ukp v1.2 \u00e9.F.0.bias"});
  const auto adapter = read_adapter(copy);
  EXPECT_EQ(adapter.name, "sw/wiki@ukp v1.2 \u00e9");
  EXPECT_EQ(
      adapter.tensors.keys(),
      (std::vector<std::string>{"encoder.layer.11.output.adapter_up.bias", "invertible.F.0.bias"}));
}

TEST_F(AdapterHubTest, RefusesKeysOfAnythingElseByName) {
  const std::string good = "roberta.encoder.layer.0.output.adapters.sw.adapter_up.bias";
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "found none"},
      {{good, "roberta.encoder.layer.1.output.adapters.en.adapter_up.bias"},
       "those of \"sw\" and \"en\""},
      {{good, "encoder.layer.0.output.adapters.sw.adapter_up.bias"}, "under two names"},
      {{"roberta.encoder.layer.0.attention.self.loras.sw.lora_A"}, "self.loras.sw.lora_A"},
      {{"roberta.encoder.layer.0.output.adapters.sw.adapter_up.W"}, "adapter_up.W"},
      {{"roberta.encoder.layer.0.output.adapters.adapter_up.bias"}, "adapters.adapter_up.bias"},
      {{"roberta.encoder.layer.x.output.adapters.sw.adapter_up.bias"}, "layer.x"},
      {{"roberta.encoder.layer.00.output.adapters.sw.adapter_up.bias"}, "layer.00"},
      {{"roberta.encoder.layer.99999999999999999999.output.adapters.sw.adapter_up.bias"},
       "layer.9999"},
      {{"roberta.invertible_adapters.sw.s1.0.weight"}, "sw.s1.0.weight"},
      {{"roberta.encoder.layer.0.output.adapter_fusion_layer.a,b.key.bias"},
       "adapter_fusion_layer"},
  };
  for (const auto& [keys, words] : cases) {
    const auto copy = with_tensors("adapters/sw", "pytorch_adapter.bin", keys);
    const auto message = input_error_of([&] { read_adapter(copy); });
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
    EXPECT_EQ(message.find(copy), 0u) << message;
  }
}

TEST_F(AdapterHubTest, SaysWhatADirectoryLacks) {
  EXPECT_NE(input_error_of([&] { read_adapter(folder_ / "none"); }).find("found nothing"),
            std::string::npos);
  EXPECT_NE(input_error_of([&] {
              read_adapter(empty("x"));
            }).find("adapter_config.json: expected a file"),
            std::string::npos);
  const auto copy = copy_of("adapters/sw");
  fs::remove(copy + "/pytorch_adapter.bin");
  EXPECT_NE(input_error_of([&] {
              read_adapter(copy);
            }).find("pytorch_adapter.bin or adapter.safetensors, but found neither"),
            std::string::npos);
  EXPECT_NE(input_error_of([&] {
              write_adapter(folder_ / "none", read_adapter(fixture("adapters/sw")));
            }).find("found nothing"),
            std::string::npos);
}

TEST_F(AdapterHubTest, RefusesToWriteWhatPythonCannotLoad) {
  const auto directory = empty("x");
  auto adapter = read_adapter(fixture("adapters/sw"));
  for (const auto* name : {"", "v1.2", "train", "to"}) {
    adapter.name = name;
    EXPECT_NE(
        input_error_of([&] { write_adapter(directory, adapter); }).find("choose another name"),
        std::string::npos);
  }
  adapter.name = "caf\xe9";
  EXPECT_NE(input_error_of([&] { write_adapter(directory, adapter); }).find("UTF-8"),
            std::string::npos);
  adapter.name = "sw";
  adapter.model.model_type = "gpt2";
  EXPECT_NE(input_error_of([&] { write_adapter(directory, adapter); }).find("\"gpt2\""),
            std::string::npos);
  adapter.model.model_type = "bert";
  adapter.tensors.insert("encoder.layer.0.output.other", at::ones({1}));
  EXPECT_NE(input_error_of([&] { write_adapter(directory, adapter); }).find("output.other"),
            std::string::npos);
  EXPECT_TRUE(fs::is_empty(directory)) << "nothing half-written";
}

TEST_F(AdapterHubTest, ReadsTaggingHeads) {
  for (const auto* name : {"ner", "ner_safetensors", "static_ner"}) {
    const auto head = read_head(fixture(std::string("heads/") + name));
    EXPECT_EQ(head.name, name == std::string("static_ner") ? "" : "ner");
    EXPECT_EQ(head.head_type, "tagging");
    EXPECT_EQ(head.labels, (std::vector<std::string>{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}));
    EXPECT_EQ(head.tensors.size(), 2u);
    EXPECT_TRUE(at::equal(head.tensors["1.weight"], known_values(0, {5, 8})));
    EXPECT_TRUE(at::equal(head.tensors["1.bias"], known_values(1, {5})));
  }
}

TEST_F(AdapterHubTest, ReadsMaskedLmHeadsWithoutTheTiedEmbedding) {
  const auto flexible = read_head(fixture("heads/sw"));
  EXPECT_EQ(flexible.name, "sw");
  EXPECT_EQ(flexible.head_type, "masked_lm");
  EXPECT_EQ(flexible.vocab_size, 20);
  EXPECT_EQ(flexible.tensors.keys(),
            (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias", "3.bias"}));
  EXPECT_TRUE(at::equal(flexible.tensors["0.weight"], known_values(0, {8, 8})));
  EXPECT_TRUE(at::equal(flexible.tensors["3.bias"], known_values(5, {20})));

  const auto fixed = read_head(fixture("heads/static_mlm"));
  EXPECT_EQ(fixed.name, "");
  EXPECT_EQ(fixed.vocab_size, 20);
  EXPECT_TRUE(at::equal(fixed.tensors["0.weight"], known_values(1, {8, 8})));
  EXPECT_TRUE(at::equal(fixed.tensors["2.bias"], known_values(4, {8})));
  EXPECT_EQ(fixed.tensors["3.bias"].numel(), 20);
  EXPECT_FALSE(fixed.tensors.contains("3.weight"));
}

TEST_F(AdapterHubTest, WritesTheHeadsThatPythonWrites) {
  for (const auto* name : {"ner", "sw"}) {
    const auto directory = empty(name);
    const auto original = fixture(std::string("heads/") + name);
    EXPECT_FALSE(has_head(directory));
    const auto head = read_head(original);
    write_head(directory, head);
    EXPECT_TRUE(has_head(directory));
    EXPECT_EQ(read_bytes(directory + "/head_config.json"),
              read_bytes(original + "/head_config.json"));
    expect_equal(read_head(directory).tensors, head.tensors);
    const auto written = read_torch_file(directory + "/pytorch_model_head.bin");
    const auto theirs = read_torch_file(original + "/pytorch_model_head.bin");
    for (const auto& item : written)
      EXPECT_TRUE(at::equal(item.value(), theirs[item.key()])) << item.key();
  }
}

TEST_F(AdapterHubTest, RefusesOtherHeadsByFileAndKey) {
  const std::string json_name = "/head_config.json";
  const std::tuple<const char*, nlohmann::json, const char*> cases[] = {
      {"ner", {{"config", {{"head_type", "question_answering"}}}}, "\"head_type\""},
      {"ner", {{"config", {{"layers", 2}}}}, "\"layers\" to be 1, but found 2"},
      {"ner", {{"config", {{"label2id", {{"O", 7}}}}}}, "ids 0, 1, 2"},
      {"ner", {{"config", {{"label2id", {{"O", 1}}}}}}, "ids 0, 1, 2"},
      {"ner", {{"config", {{"label2id", {{"O", "0"}}}}}}, "a whole number"},
      {"ner", {{"config", {{"label2id", nullptr}}}}, "the key \"label2id\""},
      {"ner", {{"config", {{"num_labels", 6}}}}, "number of labels in label2id, 5"},
      {"sw",
       {{"config", {{"activation_function", "relu"}}}},
       "\"activation_function\" to be \"gelu\""},
      {"sw", {{"config", {{"embedding_size", 4}}}}, "\"embedding_size\" to be 8"},
      {"sw", {{"config", {{"shift_labels", true}}}}, "\"shift_labels\""},
      {"sw", {{"config", {{"vocab_size", 21}}}}, "vocab_size 21, but found 20"},
      {"sw",
       {{"config", {{"head_type", "tagging"}, {"layers", 1}, {"label2id", {{"O", 0}}}}}},
       "heads.sw.0.weight"},
      {"static_ner", {{"model_class", "XLMRobertaForQuestionAnswering"}}, "\"model_class\""},
      {"static_ner", {{"model_class", "XLMRobertaForMaskedLM"}}, "classifier.weight"},
  };
  for (const auto& [name, changes, words] : cases) {
    const auto copy = copy_of(std::string("heads/") + name);
    change_json(copy + json_name, changes);
    const auto message = input_error_of([&] { read_head(copy); });
    EXPECT_NE(message.find(words), std::string::npos)
        << "expected: " << words << "\nfound: " << message;
    EXPECT_EQ(message.find(copy), 0u) << message;
  }
  const auto copy = copy_of("heads/classification");
  change_json(copy + json_name, {{"config", {{"head_type", "multiple_choice"}}}});
  const auto message = input_error_of([&] { read_head(copy); });
  EXPECT_NE(message.find("but found \"multiple_choice\""), std::string::npos) << message;
}

TEST_F(AdapterHubTest, ReadsAndWritesAClassificationHeadAsPythonDoes) {
  const auto head = read_head(fixture("heads/classification"));
  EXPECT_EQ(head.head_type, "classification");
  EXPECT_EQ(head.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  const auto directory = empty("head");
  write_head(directory, head);
  EXPECT_EQ(read_bytes(directory + "/head_config.json"),
            read_bytes(fixture("heads/classification") + "/head_config.json"));
  const auto again = read_head(directory);
  for (const auto* key : {"1.weight", "1.bias", "4.weight", "4.bias"})
    EXPECT_TRUE(at::equal(again.tensors[key], head.tensors[key])) << key;
}

TEST_F(AdapterHubTest, RefusesHeadsWithMissingOrMixedTensors) {
  const auto missing = with_tensors("heads/ner", "pytorch_model_head.bin", {"heads.ner.1.weight"});
  EXPECT_NE(input_error_of([&] { read_head(missing); }).find("the tensor 1.bias, but found none"),
            std::string::npos);
  const auto mixed = with_tensors("heads/ner", "pytorch_model_head.bin",
                                  {"heads.ner.1.weight", "heads.pos.1.bias"});
  EXPECT_NE(input_error_of([&] { read_head(mixed); }).find("those of \"ner\" and \"pos\""),
            std::string::npos);
}

// Directories for check_written.py, which loads them in Python.
TEST_F(AdapterHubTest, WritesDirectoriesForPythonToCheck) {
  const char* const output = std::getenv("MADX_ADAPTERHUB_OUTPUT");
  if (output == nullptr) GTEST_SKIP() << "MADX_ADAPTERHUB_OUTPUT names no directory to write into";
  for (const auto* name : {"sw", "ner", "norms", "par", "bert_qu", "legacy_lang", "legacy_task",
                           "sw_bare_safetensors"}) {
    auto adapter = read_adapter(fixture(std::string("adapters/") + name));
    adapter.name = name;
    const auto directory = std::string(output) + "/adapters/" + name;
    fs::create_directories(directory);
    write_adapter(directory, adapter);
  }
  for (const auto* name : {"ner", "sw", "static_ner", "static_mlm"}) {
    auto head = read_head(fixture(std::string("heads/") + name));
    head.name = name;
    head.model.model_class = "XLMRobertaAdapterModel";
    const auto directory = std::string(output) + "/heads/" + name;
    fs::create_directories(directory);
    write_head(directory, head);
  }
  fs::create_directories(std::string(output) + "/files");
  write_torch_file(std::string(output) + "/files/dtypes.bin",
                   read_torch_file(fixture("files/dtypes.bin")));
}

}  // namespace adapterhub_test
}  // namespace madx::io
