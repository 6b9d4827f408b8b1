#include "madx/io/adapter_files.h"

#include <gmock/gmock.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>

#include "../support.h"
#include "madx/io/torch_file.h"

namespace madx::io {
namespace adapter_files_test {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kWeights = "/pytorch_adapter.bin";
constexpr const char* kHeadWeights = "/pytorch_model_head.bin";

template <class Holder>
void randomise(const Holder& module) {
  const at::NoGradGuard no_grad;
  for (auto weight : module->parameters()) weight.normal_(0, 0.3);
}

void expect_same_weights(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto ours = a.named_parameters(), theirs = b.named_parameters();
  ASSERT_EQ(ours.keys(), theirs.keys());
  for (const auto& item : ours)
    EXPECT_TRUE(at::equal(item.value(), theirs[item.key()])) << item.key();
}

class AdapterFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(16);
    model_.model_name = "tiny";
    model_.hidden_size = 12;
  }

  std::string new_directory(const std::string& name) const {
    fs::create_directories(folder_ / name);
    return folder_ / name;
  }
  /// A language adapter of random weights, saved.
  std::string saved(const std::string& name = "sw",
                    BottleneckConfig config = named_config("pfeiffer+inv")) const {
    AdapterStack adapters(12, 2);
    randomise(adapters->add(name, config));
    const auto directory = new_directory("saved_" + name);
    save_adapter(adapters, name, model_, directory);
    return directory;
  }
  /// Changes the tensors of a file that torch.save wrote.
  template <class Change>
  static void change_tensors(const std::string& path, Change change) {
    TensorMap changed;
    for (const auto& item : read_torch_file(path)) change(changed, item.key(), item.value());
    fs::remove(path);
    write_torch_file(path, changed);
  }
  static std::string load_error(const std::string& directory, int64_t hidden = 12,
                                int64_t layers = 2) {
    AdapterStack adapters(hidden, layers);
    const auto error = input_error_of([&] { load_adapter(adapters, directory); });
    EXPECT_TRUE(adapters->names().empty());
    return error;
  }

  TemporaryFolder folder_;
  ModelInfo model_;
};

TEST_F(AdapterFilesTest, SavesLoadsAndSavesTheSameBytes) {
  auto normed = named_config("pfeiffer");
  normed.ln_before = normed.ln_after = true;
  normed.scaling_kind = ScalingKind::kChannel;
  normed.leave_out = {1};
  auto empty = named_config("pfeiffer");
  empty.leave_out = {0, 1};
  int number = 0;
  for (const auto& config : {named_config("pfeiffer+inv"), named_config("houlsby"),
                             named_config("scaled_parallel"), normed, empty}) {
    const auto name = "a" + std::to_string(number++);
    const auto first = saved(name, config);
    AdapterStack adapters(12, 2);
    EXPECT_EQ(load_adapter(adapters, first), name);
    const auto second = new_directory("again_" + name);
    save_adapter(adapters, name, model_, second);
    for (const auto& entry : fs::directory_iterator(first)) {
      const auto file = "/" + entry.path().filename().string();
      EXPECT_EQ(read_bytes(second + file), read_bytes(first + file)) << file;
    }
  }
}

TEST_F(AdapterFilesTest, TakesTheNameGivenOrTheDirectorysOwn) {
  const auto directory = saved("sw");
  AdapterStack adapters(12, 2);
  EXPECT_EQ(load_adapter(adapters, directory), "sw");
  EXPECT_EQ(load_adapter(adapters, directory, "swahili"), "swahili");
  expect_same_weights(*adapters->get("sw"), *adapters->get("swahili"));
  EXPECT_NE(adapters->get("swahili")->invertible(), nullptr);
}

TEST_F(AdapterFilesTest, LoadsInTheModeOfItsStack) {
  const auto directory = saved();
  AdapterStack adapters(12, 2);
  adapters->eval();
  load_adapter(adapters, directory);
  EXPECT_FALSE(adapters->get("sw")->is_training());
}

TEST_F(AdapterFilesTest, RefusesAnAdapterOfAnotherEncoder) {
  const auto directory = saved();
  EXPECT_EQ(load_error(directory, /*hidden=*/16),
            directory +
                ": expected an adapter of hidden size 16, the encoder's, but found 12; "
                "it was trained for another encoder");
  EXPECT_THAT(
      load_error(directory, 12, /*layers=*/3),
      HasSubstr("expected a tensor \"encoder.layer.2.output.adapter_down.0.weight\" of shape"));
  EXPECT_THAT(load_error(directory, 12, /*layers=*/1),
              HasSubstr("expected no tensor \"encoder.layer.1.output.adapter_down.0.weight\""));
  auto config = named_config("pfeiffer");
  config.leave_out = {1};
  EXPECT_THAT(load_error(saved("left", config), 12, /*layers=*/1),
              HasSubstr("expected leave_out below 1, the encoder's number of layers, but found 1"));
}

TEST_F(AdapterFilesTest, NamesTheTensorThatIsMissingExtraOrMisshapen) {
  const auto up = [](const std::string& key) {
    return key.find("layer.1.output") != std::string::npos &&
           key.find("adapter_up.weight") != std::string::npos;
  };
  auto directory = saved();
  change_tensors(directory + kWeights,
                 [&](TensorMap& to, const std::string& key, const at::Tensor& value) {
                   if (!up(key)) to.insert(key, value);
                 });
  EXPECT_EQ(load_error(directory),
            directory +
                ": expected a tensor \"encoder.layer.1.output.adapter_up.weight\" of shape "
                "[12, 1] by the configuration, but there is none; are both files of one adapter?");

  directory = saved();
  change_tensors(directory + kWeights,
                 [&](TensorMap& to, const std::string& key, const at::Tensor& value) {
                   to.insert(key, up(key) ? value.repeat({1, 2}) : value);
                 });
  EXPECT_THAT(load_error(directory),
              HasSubstr("expected \"encoder.layer.1.output.adapter_up.weight\" of shape [12, 1], "
                        "but found [12, 2]"));

  directory = saved();
  change_tensors(directory + kWeights,
                 [&](TensorMap& to, const std::string& key, const at::Tensor& value) {
                   to.insert(key, value);
                   auto other = key;
                   if (up(key)) to.insert(other.replace(key.find("layer.1"), 7, "layer.5"), value);
                 });
  EXPECT_THAT(load_error(directory),
              HasSubstr("expected no tensor \"encoder.layer.5.output.adapter_up.weight\" by the "
                        "configuration, but found one of shape [12, 1]"));
}

TEST_F(AdapterFilesTest, LoadsNoTensorsWhereAllLayersAreLeftOut) {
  auto config = named_config("pfeiffer");
  config.leave_out = {0, 1};
  const auto directory = saved("none", config);
  EXPECT_THAT(load_error(directory, 12, 3), HasSubstr("layer.2."));  // of which it has none
  AdapterStack adapters(12, 2);
  EXPECT_EQ(load_adapter(adapters, directory), "none");
  EXPECT_TRUE(adapters->get("none")->parameters().empty());
}

TEST_F(AdapterFilesTest, LeavesOutLayersAtLoad) {
  const auto directory = saved("sw");
  AdapterStack adapters(12, 2);
  load_adapter(adapters, directory, "", {1});
  const auto& set = adapters->get("sw");
  EXPECT_EQ(set->options.config().leave_out, std::vector<int64_t>{1});
  EXPECT_NE(set->at(0, Site::kOutput), nullptr);
  EXPECT_EQ(set->at(1, Site::kOutput), nullptr);
  EXPECT_NE(set->invertible(), nullptr);
  EXPECT_THAT(input_error_of([&] { load_adapter(adapters, directory, "x", {7}); }),
              HasSubstr("expected leave_out below 2"));
}

TEST_F(AdapterFilesTest, RefusesSizesOfTheConfigurationBeforeItMakesModulesOfThem) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, nlohmann::json>>{
           {"reduction_factor", 0.001},
           {"reduction_factor", {{"default", 0.001}}},
           {"inv_adapter_reduction_factor", 0.001}}) {
    const auto directory = saved();
    const auto path = directory + "/adapter_config.json";
    auto file = nlohmann::json::parse(read_bytes(path));
    file["config"][key] = value;
    write_bytes(path, file.dump());
    EXPECT_THAT(load_error(directory), AllOf(HasSubstr("of shape ["), HasSubstr("999, ")));
  }
  const auto partial = saved();
  const auto path = partial + "/adapter_config.json";
  auto file = nlohmann::json::parse(read_bytes(path));
  file["config"]["reduction_factor"] = {{"0", 16}};
  write_bytes(path, file.dump());
  EXPECT_THAT(load_error(partial), AllOf(HasSubstr(path), HasSubstr("above 0 for layer 1")));
}

TEST_F(AdapterFilesTest, NamesTheConfigurationThatItCannotBuild) {
  const auto directory = saved();
  const auto path = directory + "/adapter_config.json";
  auto file = nlohmann::json::parse(read_bytes(path));
  file["config"]["original_ln_before"] = false;
  file["config"]["residual_before_ln"] = "post_add";
  write_bytes(path, file.dump());
  EXPECT_THAT(load_error(directory),
              AllOf(HasSubstr(path), HasSubstr("residual_before_ln: expected true or false")));
}

TEST_F(AdapterFilesTest, KeepsATaggingHeadAndItsLabels) {
  TaggingHead head(TaggingHeadOptions(12, {"O", "B-PER", "I-PER"}));
  randomise(head);
  const auto directory = new_directory("ner");
  save_tagging_head(head, "ner", model_, directory);
  const auto loaded = load_tagging_head(directory);
  EXPECT_EQ(loaded->options.labels(), head->options.labels());
  EXPECT_EQ(loaded->options.hidden_size(), 12);
  expect_same_weights(*loaded, *head);
  const auto again = new_directory("ner_again");
  save_tagging_head(loaded, "ner", model_, again);
  EXPECT_EQ(read_bytes(again + kHeadWeights), read_bytes(directory + kHeadWeights));
  EXPECT_EQ(read_bytes(again + "/head_config.json"), read_bytes(directory + "/head_config.json"));
  EXPECT_THAT(
      input_error_of([&] { load_mlm_head(directory, {}); }),
      HasSubstr("/head_config.json: expected a head of type \"masked_lm\", but found \"tagging\""));
}

TEST_F(AdapterFilesTest, KeepsDropoutOfAHead) {
  const auto same_after = [&](double dropout, double default_dropout) {
    const auto tagging = new_directory("tagging");
    const auto classes = new_directory("classes");
    save_tagging_head(TaggingHead(TaggingHeadOptions(12, {"O", "B-X"}).dropout(dropout)), "ner",
                      model_, tagging);
    save_classification_head(
        ClassificationHead(ClassificationHeadOptions(12, {"no", "yes"}).dropout(dropout)), "nli",
        model_, classes);
    const auto read = load_tagging_head(tagging, default_dropout)->options.dropout();
    EXPECT_EQ(load_classification_head(classes, default_dropout)->options.dropout(), read);
    for (const auto& directory : {tagging, classes}) std::filesystem::remove_all(directory);
    return read;
  };
  EXPECT_EQ(same_after(0.3, 0.2), 0.3);
  EXPECT_EQ(same_after(0, 0.2), 0);
  EXPECT_EQ(same_after(0.1, 0.2), 0.2) << "the usual one is written as null: the encoder's";

  const auto directory = new_directory("wrong");
  save_tagging_head(TaggingHead(TaggingHeadOptions(12, {"O", "B-X"})), "ner", model_, directory);
  auto file = nlohmann::json::parse(read_bytes(directory + "/head_config.json"));
  file["config"]["dropout_prob"] = 1.5;
  write_bytes(directory + "/head_config.json", file.dump());
  EXPECT_THAT(input_error_of([&] { load_tagging_head(directory); }),
              HasSubstr("\"dropout_prob\" to be null or a probability from 0 to 1, but found 1.5"));
}

TEST_F(AdapterFilesTest, KeepsAMaskedLmHead) {
  EncoderConfig config;
  config.hidden_size = 12;
  config.vocab_size = 30;
  config.layer_norm_eps = 1e-12;
  MlmHead head(MlmHeadOptions(12, 30));
  randomise(head);
  const auto directory = new_directory("mlm");
  save_mlm_head(head, "mlm", model_, directory);
  const auto loaded = load_mlm_head(directory, config);
  expect_same_weights(*loaded, *head);
  EXPECT_EQ(loaded->options.layer_norm_eps(), 1e-12) << "the encoder's";
  EXPECT_THAT(input_error_of([&] { load_tagging_head(directory); }),
              HasSubstr("expected a head of type \"tagging\", but found \"masked_lm\""));

  auto other = config;
  other.hidden_size = 16;
  EXPECT_THAT(
      input_error_of([&] { load_mlm_head(directory, other); }),
      HasSubstr("expected a masked-LM head of hidden size 16, the encoder's, but found 12"));
  other = config;
  other.vocab_size = 31;
  EXPECT_THAT(input_error_of([&] { load_mlm_head(directory, other); }),
              HasSubstr("expected \"3.bias\" of shape [31], but found [30]"));
}

TEST_F(AdapterFilesTest, NamesTheEncoderAsAdapterHubDoes) {
  EncoderConfig config;
  config.hidden_size = 12;
  EXPECT_EQ(model_info(config).model_class, "XLMRobertaAdapterModel");
  EXPECT_EQ(model_info(config).hidden_size, 12);
  config.model_type = "bert";
  EXPECT_EQ(model_info(config).model_type, "bert");
  EXPECT_EQ(model_info(config).model_class, "BertAdapterModel");
}

}  // namespace adapter_files_test
}  // namespace madx::io
