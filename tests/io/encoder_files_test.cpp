#include "madx/io/encoder_files.h"

#include <gmock/gmock.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "../models/tiny_encoder.h"
#include "../support.h"
#include "io/encoder_weights.h"
#include "madx/io/encoder_names.h"
#include "madx/io/safetensors.h"
#include "madx/io/torch_file.h"

namespace madx::io {
namespace encoder_files_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kTorchScript = MADX_FIXTURES "/torchscript/";
const std::string kTokenizers = MADX_FIXTURES "/tokenizer/";

std::string load_error(const std::string& path) {
  return input_error_of([&] { load_encoder(path); });
}

/// Hidden states of what load_encoder gives, and of Hugging Face, at the tokens that are no
/// padding.
void expect_equals_hugging_face(LoadedEncoder& loaded, const std::string& name) {
  const auto expected = read_safetensors(kTorchScript + name + ".safetensors");
  const auto mask = expected["attention_mask"].to(at::kBool);
  std::vector<std::vector<int64_t>> sequences;
  for (int64_t row = 0; row < mask.size(0); ++row) {
    const auto ids = expected["input_ids"][row].index({mask[row]}).contiguous();
    sequences.emplace_back(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel());
  }
  const at::NoGradGuard no_grad;
  const auto hidden = loaded.encoder->forward(pack(sequences));
  expect_close(hidden, expected["last_hidden_state"].index({mask}), 1e-5, 1e-4);
  EXPECT_EQ(loaded.head.is_empty(), !expected.contains("logits"));
  if (loaded.head.is_empty()) return;
  expect_close(loaded.head->logits(hidden, loaded.encoder->word_embeddings(), nullptr),
               expected["logits"].index({mask}), 1e-5, 1e-4);
}

class EncoderFilesTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }  // the models are too small for more

  /// A Hugging Face directory of random weights with a masked-LM head.
  std::string hugging_face(const std::string& name, EncoderConfig config = tiny_config(),
                           const std::string& tokenizer = "xlmr/sentencepiece.bpe.model") const {
    const bool bert = config.model_type == "bert";
    TensorMap weights;
    for (const auto& item : random_weights(config)) {
      weights.insert((bert ? "bert." : "roberta.") + item.key(), item.value());
    }
    const std::string head = bert ? "cls.predictions.transform." : "lm_head.";
    const std::string norm = head + (bert ? "LayerNorm" : "layer_norm");
    weights.insert(head + "dense.weight", at::randn({config.hidden_size, config.hidden_size}));
    weights.insert(head + "dense.bias", at::randn({config.hidden_size}));
    weights.insert(norm + ".weight", at::randn({config.hidden_size}));
    weights.insert(norm + ".bias", at::randn({config.hidden_size}));
    weights.insert(bert ? "cls.predictions.bias" : "lm_head.bias", at::randn({config.vocab_size}));
    const auto directory = folder_ / name;
    fs::create_directories(directory);
    write_safetensors(directory + "/model.safetensors", weights);
    write_config(directory, {{"model_type", config.model_type},
                             {"vocab_size", config.vocab_size},
                             {"hidden_size", config.hidden_size},
                             {"num_hidden_layers", config.num_hidden_layers},
                             {"num_attention_heads", config.num_attention_heads},
                             {"intermediate_size", config.intermediate_size},
                             {"max_position_embeddings", config.max_position_embeddings},
                             {"type_vocab_size", config.type_vocab_size},
                             {"pad_token_id", config.pad_token_id},
                             {"layer_norm_eps", config.layer_norm_eps}});
    fs::copy(kTokenizers + tokenizer, directory, fs::copy_options::overwrite_existing);
    return directory;
  }
  static EncoderConfig bert_config() {
    auto config = tiny_config();
    config.model_type = "bert";
    config.pad_token_id = 0;
    config.type_vocab_size = 2;
    return config;
  }
  /// A copy of the TorchScript directory of the fixtures that a test may change.
  std::string archive_directory() const {
    const auto copy = folder_ / "xlmr_bare_dict";
    fs::remove_all(copy);
    fs::copy(kTorchScript + "xlmr_bare_dict", copy);
    return copy;
  }
  static void write_config(const std::string& directory, const json& config) {
    write_bytes(directory + "/config.json", config.dump());
  }
  static std::string change_config(const std::string& directory, const json& changes) {
    auto config = json::parse(std::ifstream(directory + "/config.json"));
    config.update(changes);
    write_config(directory, config);
    return directory;
  }
  /// Adds these tensors to the directory's, or takes those away that are undefined.
  static void change_weights(const std::string& directory,
                             const std::vector<std::pair<std::string, at::Tensor>>& changes) {
    TensorMap weights;
    for (const auto& item : read_safetensors(directory + "/model.safetensors"))
      weights.insert(item.key(), item.value().clone());
    for (const auto& [key, tensor] : changes) {
      if (weights.contains(key)) weights.erase(key);
      if (tensor.defined()) weights.insert(key, tensor);
    }
    write_safetensors(directory + "/model.safetensors", weights);
  }
  /// Replaces the forward of the copied directory's archive by one around it.
  std::string with_forward(const std::string& source) const {
    const auto directory = archive_directory();
    const auto path = directory + "/encoder.pt";
    const auto inner = torch::jit::load(path);
    torch::jit::Module outer("Outer");
    outer.register_module("roberta", inner);
    outer.define(source);
    outer.save(path);
    return directory;
  }

  TemporaryFolder folder_;
};

TEST_F(EncoderFilesTest, LoadsArchivesThatPythonTracedAndAgreesWithHuggingFace) {
  for (const std::string name :
       {"xlmr_mlm", "xlmr_bare", "xlmr_mlm_dict", "bert_mlm", "xlmr_bare_dict"}) {
    SCOPED_TRACE(name);
    const bool directory = name == "xlmr_bare_dict";
    auto loaded = load_encoder(kTorchScript + name + (directory ? "" : ".pt"));
    ASSERT_TRUE(loaded.archive_difference);
    EXPECT_LT(*loaded.archive_difference, 1e-5);
    EXPECT_EQ(loaded.tokenizer->vocab_size(), loaded.encoder->config().vocab_size);
    EXPECT_EQ(loaded.encoder->config().model_type, name == "bert_mlm" ? "bert" : "xlm-roberta");
    for (const auto& weight : loaded.encoder->parameters()) EXPECT_FALSE(weight.requires_grad());
    expect_equals_hugging_face(loaded, name);
  }
}

TEST_F(EncoderFilesTest, FindsConfigAndTokenizerBesideAnArchiveWithoutExtraFiles) {
  auto loaded = load_encoder(kTorchScript + "xlmr_bare_dict/encoder.pt");
  expect_equals_hugging_face(loaded, "xlmr_bare_dict");
}

TEST_F(EncoderFilesTest, LoadsHuggingFaceDirectories) {
  const auto loaded = load_encoder(hugging_face("xlmr"));
  EXPECT_FALSE(loaded.archive_difference);
  EXPECT_FALSE(loaded.head.is_empty());
  EXPECT_FALSE(loaded.head->bias.requires_grad());
  expect_close(loaded.encoder->forward(pack({{0, 7, 9, 2}})),
               tiny_encoder()->forward(pack({{0, 7, 9, 2}})), 0);
}

TEST_F(EncoderFilesTest, GivesFurtherArgumentsOfAnArchiveZeros) {
  const auto directory = with_forward(R"(
def forward(self, input_ids, attention_mask, token_type_ids):
    hidden = self.roberta.forward(input_ids, attention_mask)["last_hidden_state"]
    return hidden + token_type_ids.unsqueeze(-1)
)");
  EXPECT_LT(*load_encoder(directory).archive_difference, 1e-5);
}

TEST_F(EncoderFilesTest, TellsAnArchivesArgumentsApartByTheirNames) {
  const std::string call = "return self.roberta.forward(input_ids, mask)[\"last_hidden_state\"]";
  // With positions of its own, less by the second token's, or by 2: they are neither zeros nor ids.
  const std::string positions =
      " + (position_ids[:, 1:2] - 3).unsqueeze(-1) + (position_ids[:, :1] - 2).unsqueeze(-1)\n";
  for (const auto& source : {
           "def forward(self, input_ids):\n    mask = torch.ones_like(input_ids)\n    " + call +
               "\n",
           "def forward(self, input_ids, mask, position_ids):\n    " + call + positions,
           "def forward(self, input_ids, position_ids, mask):\n    " + call + positions,
           "def forward(self, input_ids, token_type_ids, mask, position_ids):\n    " + call +
               " + token_type_ids.unsqueeze(-1)" + positions,
           "def forward(self, input_ids, mask: Optional[Tensor], head_mask: Optional[Tensor]):\n"
           "    assert mask is not None and head_mask is None\n    " +
               call + "\n",
           "def forward(self, input_ids, mask, scale: float=1.0):\n    " + call + " * scale\n",
       }) {
    SCOPED_TRACE(source);
    EXPECT_LT(*load_encoder(with_forward(source)).archive_difference, 1e-5);
  }
}

TEST_F(EncoderFilesTest, SaysWhichArgumentsOfAnArchiveItDoesNotKnow) {
  const auto error = load_error(with_forward(R"(
def forward(self, input_ids, attention_mask, token_type_ids, position_ids, c):
    hidden = self.roberta.forward(input_ids, attention_mask)["last_hidden_state"]
    return hidden * c.unsqueeze(-1)
)"));
  EXPECT_THAT(error, AllOf(HasSubstr("as forward(input_ids, attention_mask, token_type_ids, "
                                     "position_ids, c) gives it"),
                           HasSubstr("it was given nothing but zeros for c")));
  EXPECT_THAT(error, Not(HasSubstr("config.json does not fit")));
}

TEST_F(EncoderFilesTest, FindsHiddenStatesInWhateverAnArchiveReturns) {
  for (const std::string result :
       {"hidden", "(mask, hidden)", "[hidden, hidden]", "{\"ids\": mask, \"states\": hidden}",
        "((mask, hidden), mask)"}) {
    const auto source = R"(
def forward(self, input_ids, mask):
    hidden = self.roberta.forward(input_ids, mask)["last_hidden_state"]
    return )" + result + "\n";
    EXPECT_LT(*load_encoder(with_forward(source)).archive_difference, 1e-5) << result;
  }
}

TEST_F(EncoderFilesTest, FindsTheWeightsUnderAnyPrefix) {
  auto expected = load_encoder(hugging_face("plain"));
  const auto file = read_safetensors(folder_ / "plain/model.safetensors");
  // Of the encoder, and of the head beside it.
  const std::pair<std::string, std::string> prefixes[] = {
      {"", ""},
      {"model.", ""},
      {"encoder.", ""},
      {"bert.", ""},
      {"xlm_roberta.", ""},
      {"model.roberta.", "model."},
      {"module.", ""},
      {"module.model.encoder.", "module.model."}};
  for (const auto& [encoder, head] : prefixes) {
    SCOPED_TRACE(encoder);
    TensorMap weights;
    for (const auto& item : file) {
      const std::string old = "roberta.";
      const bool is_encoder = item.key().compare(0, old.size(), old) == 0;
      weights.insert(is_encoder ? encoder + item.key().substr(old.size()) : head + item.key(),
                     item.value().clone());
    }
    const auto directory = hugging_face("prefixed");
    write_safetensors(directory + "/model.safetensors", weights);
    const auto loaded = load_encoder(directory);
    EXPECT_FALSE(loaded.head.is_empty());
    expect_close(loaded.encoder->forward(pack({{0, 7, 9, 2}})),
                 expected.encoder->forward(pack({{0, 7, 9, 2}})), 0);
  }
  const auto wrapped = archive_directory();
  torch::jit::Module outer("Outer");
  outer.register_module("model", torch::jit::load(wrapped + "/encoder.pt"));
  outer.define(R"(
def forward(self, input_ids, mask):
    return self.model.forward(input_ids, mask)
)");
  outer.save(wrapped + "/encoder.pt");
  auto loaded = load_encoder(wrapped);
  expect_equals_hugging_face(loaded, "xlmr_bare_dict");
}

TEST_F(EncoderFilesTest, RefusesAFileOfTwoEncoders) {
  const auto directory = hugging_face("xlmr");
  const auto file = read_safetensors(directory + "/model.safetensors");
  const std::string words = "embeddings.word_embeddings.weight";
  for (const bool same : {true, false}) {
    TensorMap weights;
    for (const auto& item : file) weights.insert(item.key(), item.value().clone());
    weights.insert("teacher." + words, file["roberta." + words] + (same ? 0.0 : 1.0));
    write_safetensors(folder_ / "two.safetensors", weights);
    fs::copy(folder_ / "two.safetensors", directory + "/model.safetensors",
             fs::copy_options::overwrite_existing);
    if (same) {
      EXPECT_EQ(load_error(directory), "") << "one under two names";
    } else {
      EXPECT_THAT(load_error(directory),
                  AllOf(HasSubstr("expected the weights of one encoder, but found those of two, "
                                  "\"roberta.embeddings"),
                        HasSubstr("\"teacher.embeddings")));
    }
  }
}

TEST_F(EncoderFilesTest, ReadsWeightsOfEveryFloatingTypeAsFloat32) {
  const auto directory = hugging_face("xlmr");
  const auto file = read_safetensors(directory + "/model.safetensors");
  const at::ScalarType types[] = {at::kHalf, at::kBFloat16, at::kDouble, at::kFloat};
  // The last round has all types in one file.
  for (size_t round = 0; round < 5; ++round) {
    TensorMap weights, rounded;
    size_t index = 0;
    for (const auto& item : file) {
      const auto type = types[round < 4 ? round : index++ % 4];
      weights.insert(item.key(), item.value().to(type));
      rounded.insert(item.key(), item.value().to(type).to(at::kFloat));
    }
    write_safetensors(directory + "/model.safetensors", rounded);
    const auto expected = load_encoder(directory);
    const auto hidden = expected.encoder->forward(pack({{0, 7, 9, 2}}));
    for (const bool pickled : {false, true}) {
      fs::remove(directory + "/model.safetensors");
      if (pickled) {
        write_torch_file(directory + "/pytorch_model.bin", weights);
      } else {
        write_safetensors(directory + "/model.safetensors", weights);
      }
      auto loaded = load_encoder(directory);
      EXPECT_TRUE(at::equal(loaded.encoder->forward(pack({{0, 7, 9, 2}})), hidden)) << round;
      for (const auto& weight : loaded.encoder->parameters())
        EXPECT_EQ(weight.scalar_type(), at::kFloat);
      EXPECT_TRUE(at::equal(loaded.head->bias, expected.head->bias));
      EXPECT_EQ(loaded.head->bias.scalar_type(), at::kFloat);
      fs::remove(directory + "/pytorch_model.bin");
    }
    write_safetensors(directory + "/model.safetensors", file);
  }
}

TEST_F(EncoderFilesTest, RefusesWeightsThatAreNoFloatingNumbersByName) {
  const auto directory = hugging_face("xlmr");
  const auto file = read_safetensors(directory + "/model.safetensors");
  const std::string key = "roberta.encoder.layer.1.output.dense.weight";
  const auto error_in = [&](at::ScalarType type) {
    TensorMap weights;
    for (const auto& item : file)
      weights.insert(item.key(), item.key() == key ? item.value().to(type) : item.value().clone());
    const auto copy = hugging_face("other");
    fs::remove(copy + "/model.safetensors");
    write_torch_file(copy + "/pytorch_model.bin", weights);
    return load_error(copy);
  };
  for (const auto& [type, name] : {std::pair<at::ScalarType, const char*>{at::kChar, "int8"},
                                   {at::kLong, "int64"},
                                   {at::kByte, "uint8"}}) {
    EXPECT_THAT(error_in(type),
                AllOf(HasSubstr("pytorch_model.bin: " + key + ": expected a weight in float32, "),
                      HasSubstr("but found one in " + std::string(name))));
  }
}

TEST_F(EncoderFilesTest, ReadsArchivesThatComputeInEveryFloatingType) {
  const auto directory = hugging_face("xlmr");
  export_encoder(directory, folder_ / "whole.pt");
  auto expected = load_encoder(directory);
  for (const auto& [type, most] : {std::pair<at::ScalarType, double>{at::kHalf, 2e-2},
                                   {at::kBFloat16, 0.15},
                                   {at::kDouble, 1e-4}}) {
    torch::jit::ExtraFilesMap files = {{"config.json", ""}, {"sentencepiece.bpe.model", ""}};
    auto archive = torch::jit::load(folder_ / "whole.pt", at::kCPU, files);
    archive.to(type);
    archive.save(folder_ / "typed.pt", files);
    auto loaded = load_encoder(folder_ / "typed.pt");
    EXPECT_EQ(loaded.archive_type, type == at::kDouble ? at::kFloat : type);
    EXPECT_LE(*loaded.archive_difference, most);
    const auto rounded = expected.encoder->word_embeddings().to(type).to(at::kFloat);
    EXPECT_TRUE(at::equal(loaded.encoder->word_embeddings(), rounded));
    EXPECT_EQ(loaded.encoder->dtype(), at::kFloat);

    auto config = json::parse(files["config.json"]);
    config["num_attention_heads"] = 4;
    files["config.json"] = config.dump();
    archive.save(folder_ / "typed.pt", files);
    const auto error = load_error(folder_ / "typed.pt");
    EXPECT_THAT(error, HasSubstr("config.json does not fit these weights"));
    if (type != at::kDouble) {
      EXPECT_THAT(error, HasSubstr("is accepted of an archive that computes in " +
                                   std::string(type == at::kHalf ? "float16" : "bfloat16")));
    }
  }
}

TEST_F(EncoderFilesTest, RefusesAnArchiveWithoutWeightsOrForward) {
  const auto directory = archive_directory();
  torch::jit::freeze(torch::jit::load(directory + "/encoder.pt")).save(directory + "/encoder.pt");
  EXPECT_THAT(load_error(directory), HasSubstr("expected an archive with weights, but found none: "
                                               "torch.jit.freeze"));
  torch::jit::Module outer("Outer");
  outer.register_module("roberta", torch::jit::load(archive_directory() + "/encoder.pt"));
  outer.save(directory + "/encoder.pt");
  EXPECT_THAT(load_error(directory),
              HasSubstr("expected an archive with a forward(input_ids, attention_mask)"));
}

TEST_F(EncoderFilesTest, RefusesAnArchiveWhoseForwardDisagrees) {
  EXPECT_THAT(load_error(with_forward(R"(
def forward(self, input_ids, attention_mask):
    return self.roberta.forward(input_ids, attention_mask)["last_hidden_state"] + 0.01
)")),
              AllOf(HasSubstr("the archive's own forward and the encoder that config.json "
                              "describes differ by 0.01"),
                    HasSubstr("(at most 0.0001 is accepted)")));
  EXPECT_THAT(load_error(with_forward(R"(
def forward(self, input_ids, attention_mask):
    return self.roberta.forward(input_ids, attention_mask)["last_hidden_state"] / 0.0
)")),
              HasSubstr("expected finite numbers of the archive's own forward on a small batch"));
  EXPECT_THAT(load_error(with_forward(R"(
def forward(self, input_ids, attention_mask):
    assert False, "no"
    return input_ids
)")),
              HasSubstr("the archive's own forward(input_ids, attention_mask) failed"));
  EXPECT_THAT(load_error(with_forward(R"(
def forward(self, input_ids, attention_mask):
    return input_ids
)")),
              HasSubstr("expected the archive's forward to return hidden states or logits"));
  for (const std::string change : {".transpose(0, 1)", "[:, :1]", "[:, :, :5]"}) {
    const auto source = R"(
def forward(self, input_ids, attention_mask):
    return self.roberta.forward(input_ids, attention_mask)["last_hidden_state"])" +
                        change + "\n";
    EXPECT_THAT(load_error(with_forward(source)),
                HasSubstr("expected the archive's forward to return hidden states"))
        << change;
  }
}

TEST_F(EncoderFilesTest, RefusesAConfigThatDoesNotFitTheWeights) {
  const auto archive_error = [&](const json& changes) {
    return load_error(change_config(archive_directory(), changes));
  };
  const auto directory_error = [&](const json& changes) {
    return load_error(change_config(hugging_face("xlmr"), changes));
  };
  for (const auto& error :
       {archive_error({{"hidden_size", 18}}), directory_error({{"hidden_size", 18}})}) {
    EXPECT_THAT(
        error,
        HasSubstr(
            "expected \"embeddings.word_embeddings.weight\" of shape [252, 18] by config.json, "
            "but found [252, 12]; config and weights are not of one model"));
  }
  for (const auto& error :
       {archive_error({{"num_hidden_layers", 3}}), directory_error({{"num_hidden_layers", 3}})}) {
    EXPECT_THAT(error, AllOf(HasSubstr("expected a weight \"encoder.layer.2."),
                             HasSubstr("but there is none")));
  }
  for (const auto& error :
       {archive_error({{"num_hidden_layers", 1}}), directory_error({{"num_hidden_layers", 1}})}) {
    EXPECT_THAT(error, HasSubstr("expected 1 layers by config.json, but found more"));
  }
  for (const json& changes : {json{{"max_position_embeddings", 22}},
                              {{"type_vocab_size", 2}},
                              {{"intermediate_size", 24}}}) {
    EXPECT_THAT(archive_error(changes), HasSubstr("by config.json, but found [")) << changes;
    EXPECT_THAT(directory_error(changes), HasSubstr("by config.json, but found [")) << changes;
  }
}

TEST_F(EncoderFilesTest, RefusesAConfigWhoseEquationsAreNotTheArchives) {
  for (const json& changes : {json{{"num_attention_heads", 4}}, {{"layer_norm_eps", 0.1}}}) {
    const auto directory = change_config(archive_directory(), changes);
    EXPECT_THAT(
        load_error(directory),
        AllOf(StartsWith(directory +
                         "/encoder.pt: the archive's own forward and the encoder that config.json"),
              HasSubstr("config.json does not fit these weights")))
        << changes;
  }
}

TEST_F(EncoderFilesTest, NamesTheKeyOfAConfigThatItCannotBuild) {
  const auto error_of = [&](const json& changes) {
    return load_error(change_config(archive_directory(), changes));
  };
  EXPECT_THAT(error_of({{"hidden_act", "relu"}}),
              HasSubstr("config.json: expected \"hidden_act\" to be \"gelu\", but found \"relu\""));
  EXPECT_THAT(error_of({{"position_embedding_type", "relative_key"}}),
              HasSubstr("expected \"position_embedding_type\""));
  EXPECT_THAT(error_of({{"model_type", "gpt2"}}),
              HasSubstr("expected \"model_type\" to be \"xlm-roberta\" or \"bert\""));
  EXPECT_THAT(error_of({{"hidden_size", "12"}}),
              HasSubstr("expected \"hidden_size\" to be a positive whole number"));
  EXPECT_THAT(error_of({{"num_hidden_layers", 0}}), HasSubstr("but found 0"));
  EXPECT_THAT(error_of({{"num_attention_heads", 5}}),
              HasSubstr("to be a multiple of \"num_attention_heads\""));
  EXPECT_THAT(error_of({{"layer_norm_eps", -1}}),
              HasSubstr("expected \"layer_norm_eps\" to be a number in [0, 1)"));
  EXPECT_THAT(error_of({{"pad_token_id", 252}}),
              HasSubstr("expected \"pad_token_id\" to be an id below 252"));
  EXPECT_THAT(error_of({{"max_position_embeddings", 4}}),
              HasSubstr("to leave room for 3 tokens, but found 4"));
  const auto directory = archive_directory();
  write_bytes(directory + "/config.json", "{");
  EXPECT_THAT(load_error(directory), HasSubstr("config.json: expected JSON"));
  fs::remove(directory + "/config.json");
  EXPECT_THAT(load_error(directory), HasSubstr("config.json: expected a readable file"));
  fs::create_directory(directory + "/config.json");
  EXPECT_THAT(load_error(directory), HasSubstr("config.json: expected a readable file, but found "
                                               "a directory"));
  if (!fs::exists("/proc/self/mem")) return;  // a file that fails when it is read
  fs::remove(directory + "/config.json");
  fs::create_symlink("/proc/self/mem", directory + "/config.json");
  try {
    load_encoder(directory);
    FAIL() << "expected MachineError";
  } catch (const MachineError& error) {
    EXPECT_THAT(error.what(), HasSubstr("config.json: expected to read the file, but found: "));
  }
}

TEST_F(EncoderFilesTest, SaysWhichFileIsMissingOrCutShort) {
  EXPECT_THAT(load_error(folder_ / "none"),
              HasSubstr("none: expected an encoder's directory or .pt file, but there is none"));
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(load_error(folder_ / "empty"),
              HasSubstr("expected encoder.pt (TorchScript) or model.safetensors"));
  std::ostringstream content;
  content << std::ifstream(kTorchScript + "xlmr_mlm.pt", std::ios::binary).rdbuf();
  const auto bytes = content.str();
  for (const auto size :
       {size_t{0}, size_t{1}, size_t{100}, bytes.size() / 2, bytes.size() - 60, bytes.size() - 1}) {
    write_bytes(folder_ / "cut.pt", bytes.substr(0, size));
    EXPECT_THAT(load_error(folder_ / "cut.pt"),
                AllOf(StartsWith(folder_ / "cut.pt" + ": expected a TorchScript archive"),
                      HasSubstr("is the file complete?")))
        << size;
  }
  write_bytes(folder_ / "text.pt", "no archive at all");
  EXPECT_THAT(load_error(folder_ / "text.pt"), HasSubstr("expected a TorchScript archive"));
}

TEST_F(EncoderFilesTest, RefusesATokenizerThatIsMissingOrOfAnotherModel) {
  const auto directory = archive_directory();
  fs::copy(kTokenizers + "bert_cased/vocab.txt", directory);
  EXPECT_THAT(load_error(directory), HasSubstr("but found both"));
  fs::remove(directory + "/vocab.txt");
  fs::remove(directory + "/sentencepiece.bpe.model");
  EXPECT_THAT(load_error(directory),
              AllOf(HasSubstr("sentencepiece.bpe.model"), HasSubstr("but found neither")));
  auto config = tiny_config();
  config.vocab_size = 200;
  EXPECT_THAT(
      load_error(hugging_face("small", config)),
      HasSubstr("expected a tokenizer of at most 200 ids, the encoder's vocabulary, but "
                "sentencepiece.bpe.model has 252; tokenizer and weights are not of one model"));
}

TEST_F(EncoderFilesTest, ExportsADirectoryAsOneArchive) {
  for (const auto& config : {tiny_config(), bert_config()}) {
    SCOPED_TRACE(config.model_type);
    const bool bert = config.model_type == "bert";
    const auto directory = hugging_face(
        config.model_type, config, bert ? "bert_cased/vocab.txt" : "xlmr/sentencepiece.bpe.model");
    if (bert) write_bytes(directory + "/tokenizer_config.json", R"({"do_lower_case": false})");
    const auto path = folder_ / config.model_type + ".pt";
    export_encoder(directory, path);
    auto before = load_encoder(directory), after = load_encoder(path);
    EXPECT_LT(*after.archive_difference, 1e-5);
    const auto expected = before.encoder->named_parameters();
    for (const auto& item : after.encoder->named_parameters()) {
      EXPECT_TRUE(at::equal(item.value(), expected[item.key()])) << item.key();
    }
    ASSERT_FALSE(after.head.is_empty());
    const auto head = before.head->named_parameters();
    for (const auto& item : after.head->named_parameters())
      EXPECT_TRUE(at::equal(item.value(), head[item.key()]));
    const std::string text = "The River is wide. Kila asubuhi.";
    EXPECT_EQ(after.tokenizer->encode(text), before.tokenizer->encode(text));
    EXPECT_FALSE(fs::exists(path + ".partial"));
  }
}

TEST_F(EncoderFilesTest, RefusesAnAddedTokenThatTheEncoderDoesNotEmbed) {
  const auto directory = hugging_face("xlmr");
  write_bytes(directory + "/added_tokens.json", R"({"Mombasa": 252})");
  EXPECT_THAT(load_error(directory),
              HasSubstr("expected a tokenizer of at most 252 ids, the encoder's vocabulary, but "
                        "sentencepiece.bpe.model with added_tokens.json has 253"));
}

TEST_F(EncoderFilesTest, RefusesAPaddingIdThatIsNotTheTokenizers) {
  const auto directory = hugging_face("xlmr");
  auto config = json::parse(read_bytes(directory + "/config.json"));
  config["pad_token_id"] = 0;
  write_bytes(directory + "/config.json", config.dump());
  EXPECT_THAT(load_error(directory),
              HasSubstr("expected \"pad_token_id\" in config.json to be the tokenizer's, 1, but "
                        "found 0; tokenizer and config.json are not of one model"));
}

TEST_F(EncoderFilesTest, WritesAllFilesOfATokenizer) {
  auto config = tiny_config();
  config.vocab_size = 254;
  const std::string text = "Mombasa is near the river Mombasa";
  for (const std::string tokenizer : {"xlmr/sentencepiece.bpe.model", "xlmr_json/tokenizer.json"}) {
    SCOPED_TRACE(tokenizer);
    const auto directory =
        hugging_face(tokenizer.substr(0, tokenizer.find('/')), config, tokenizer);
    write_bytes(directory + "/added_tokens.json", R"({"Mombasa": 252})");
    auto loaded = load_encoder(directory);
    const auto ids = loaded.tokenizer->encode(text);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 252), 2);

    const auto archive = folder_ / "added.pt", saved = folder_ / "saved";
    export_encoder(directory, archive);
    EXPECT_EQ(load_encoder(archive).tokenizer->encode(text), ids);
    fs::remove_all(saved);
    fs::create_directories(saved);
    save_encoder(loaded.encoder, *load_encoder(archive).origin, saved);
    EXPECT_EQ(load_encoder(saved).tokenizer->encode(text), ids);
    EXPECT_TRUE(fs::exists(saved + "/added_tokens.json"));
  }
}

TEST_F(EncoderFilesTest, ExportsAHeadWhoseBiasIsTheDecoders) {
  const auto directory = hugging_face("decoder");
  TensorMap weights;
  for (const auto& item : read_safetensors(directory + "/model.safetensors")) {
    weights.insert(item.key() == "lm_head.bias" ? "lm_head.decoder.bias" : item.key(),
                   item.value().clone());
  }
  write_safetensors(directory + "/model.safetensors", weights);
  export_encoder(directory, folder_ / "decoder.pt");
  EXPECT_TRUE(at::equal(load_encoder(folder_ / "decoder.pt").head->bias,
                        load_encoder(directory).head->bias));
}

TEST_F(EncoderFilesTest, ExportsAnArchiveAgain) {
  export_encoder(kTorchScript + "xlmr_mlm.pt", folder_ / "again.pt");
  auto loaded = load_encoder(folder_ / "again.pt");
  expect_equals_hugging_face(loaded, "xlmr_mlm");
}

/// A directory whose file has an output layer of its own, which config.json does not tie.
class OwnOutputTest : public EncoderFilesTest {
 protected:
  std::string untied(const std::string& name, const EncoderConfig& config = tiny_config()) {
    const bool bert = config.model_type == "bert";
    const auto directory =
        hugging_face(name, config, bert ? "bert_cased/vocab.txt" : "xlmr/sentencepiece.bpe.model");
    change_weights(directory, {{config.output_layer_key(), own_}});
    return change_config(directory, {{"tie_word_embeddings", false}});
  }
  static at::Tensor logits(LoadedEncoder& loaded) {
    const at::NoGradGuard no_grad;
    return loaded.head->logits(loaded.encoder->forward(pack({{0, 7, 9, 2}})),
                               loaded.encoder->output_embeddings(), nullptr);
  }

  at::Tensor own_ = at::arange(252 * 12, at::kFloat).sin().reshape({252, 12});
};

TEST_F(OwnOutputTest, IsTheOutputLayerOfMaskedLm) {
  auto loaded = load_encoder(untied("untied"));
  EXPECT_TRUE(loaded.encoder->has_own_output());
  EXPECT_TRUE(at::equal(loaded.encoder->output_embeddings(), own_));
  EXPECT_FALSE(at::equal(loaded.encoder->word_embeddings(), own_));
  EXPECT_FALSE(loaded.encoder->output_embeddings().requires_grad());
  const auto x = loaded.head->transform(loaded.encoder->forward(pack({{0, 7, 9, 2}})), nullptr);
  expect_close(logits(loaded), at::linear(x, own_, loaded.head->bias), 1e-6);

  // An invertible adapter's inverse stands before it, too.
  AdapterStack adapters(12, 2);
  adapters->add("sw", named_config("pfeiffer+inv"));
  adapters->activate({"sw"});
  const auto batch = pack({{0, 7, 9, 2}});
  const auto hidden = loaded.encoder->forward(batch, *adapters);
  const auto targets = at::tensor({7, 8, 9, 10}, at::kLong);
  const auto through = loaded.head->transform(hidden, *adapters, batch);
  expect_close(
      loaded.head->loss(hidden, loaded.encoder->output_embeddings(), targets, *adapters, batch),
      at::cross_entropy_loss(at::linear(through, own_, loaded.head->bias), targets), 1e-5);
  EXPECT_FALSE(at::equal(through, loaded.head->transform(hidden, nullptr)));
}

TEST_F(OwnOutputTest, StaysAsItIsWhileTheEncoderLearns) {
  auto loaded = load_encoder(untied("untied"));
  loaded.encoder->unfreeze();
  for (const auto& weight : loaded.encoder->parameters())
    EXPECT_NE(weight.data_ptr(), loaded.encoder->output_embeddings().data_ptr());
  EXPECT_FALSE(loaded.encoder->output_embeddings().requires_grad());
}

TEST_F(OwnOutputTest, IsTheInputEmbeddingWhereConfigTiesThemOrBothAreEqual) {
  const auto tied = change_config(untied("tied"), {{"tie_word_embeddings", true}});
  EXPECT_FALSE(load_encoder(tied).encoder->has_own_output()) << "as Python ties them";
  const auto equal = untied("equal");
  const auto words = load_encoder(equal).encoder->word_embeddings();
  change_weights(equal, {{"lm_head.decoder.weight", words.clone()}});
  EXPECT_FALSE(load_encoder(equal).encoder->has_own_output());
}

TEST_F(OwnOutputTest, IsMissedWhereConfigWantsOne) {
  const auto directory = untied("untied");
  change_weights(directory, {{"lm_head.decoder.weight", at::Tensor()}});
  EXPECT_THAT(load_error(directory),
              AllOf(HasSubstr("expected a weight \"lm_head.decoder.weight\" of shape [252, 12], as "
                              "config.json says \"tie_word_embeddings\": false"),
                    HasSubstr("but there is none")));
  change_weights(directory, {{"lm_head.decoder.weight", own_.narrow(0, 0, 250)}});
  EXPECT_THAT(load_error(directory), HasSubstr("of shape [252, 12] by config.json"));
}

TEST_F(OwnOutputTest, GoesAlongInExportsAndSavedEncoders) {
  for (const auto& config : {tiny_config(), bert_config()}) {
    SCOPED_TRACE(config.model_type);
    const bool bert = config.model_type == "bert";
    auto of = config;
    if (bert) own_ = own_.narrow(0, 0, of.vocab_size);
    const auto directory = untied("untied_" + config.model_type, of);
    auto expected = load_encoder(directory);
    EXPECT_TRUE(expected.encoder->has_own_output());
    const auto archive = folder_ / config.model_type + ".pt";
    export_encoder(directory, archive);
    auto exported = load_encoder(archive);
    expect_close(logits(exported), logits(expected), 1e-6);
    const auto saved = folder_ / "saved_" + config.model_type;
    for (const auto& like : {directory, archive}) {
      fs::remove_all(saved);
      fs::create_directories(saved);
      save_encoder(expected.encoder, *load_encoder(like).origin, saved);
      auto again = load_encoder(saved);
      expect_close(logits(again), logits(expected), 0);
    }
  }
}

TEST_F(OwnOutputTest, IsKeptWhereItOnceWasTheInputEmbedding) {
  const auto like = untied("equal"), saved = folder_ / "saved";
  auto loaded = load_encoder(like);
  const auto before = loaded.encoder->word_embeddings().clone();
  change_weights(like, {{"lm_head.decoder.weight", before}});
  loaded = load_encoder(like);
  {
    const at::NoGradGuard no_grad;
    for (auto& weight : loaded.encoder->parameters()) weight.mul_(0.5);
  }
  fs::create_directories(saved);
  save_encoder(loaded.encoder, *loaded.origin, saved);
  EXPECT_TRUE(at::equal(load_encoder(saved).encoder->output_embeddings(), before));
}

TEST_F(OwnOutputTest, OfAnArchiveIsWhatTheArchiveRuns) {
  const auto directory = untied("untied");
  auto expected = load_encoder(directory);
  export_encoder(directory, folder_ / "whole.pt");
  torch::jit::ExtraFilesMap files = {{"config.json", ""}, {"sentencepiece.bpe.model", ""}};
  const auto inner = torch::jit::load(folder_ / "whole.pt", at::kCPU, files);
  torch::jit::Module outer("Outer");
  outer.register_module("model", inner);
  outer.define(R"(
def forward(self, input_ids, attention_mask):
    h = self.model.forward(input_ids, attention_mask)
    head = self.model.lm_head
    h = torch.gelu(torch.linear(h, head.dense.weight, head.dense.bias))
    h = torch.layer_norm(h, [12], head.layer_norm.weight, head.layer_norm.bias, 1e-5)
    return torch.linear(h, head.decoder.weight, head.bias)
)");
  for (const bool tied : {false, true}) {
    auto config = json::parse(files["config.json"]);
    config["tie_word_embeddings"] = tied;
    files["config.json"] = config.dump();
    outer.save(folder_ / "logits.pt", files);
    auto loaded = load_encoder(folder_ / "logits.pt");
    EXPECT_LT(*loaded.archive_difference, 1e-5);
    expect_close(logits(loaded), logits(expected), 1e-5);
  }
}

// As transformers 4.57 loads them: RoBERTa's bias becomes the decoder's, BERT's decoder takes the
// bias.
TEST_F(OwnOutputTest, HasTheBiasThatPythonTakesOfTwo) {
  for (const auto& config : {tiny_config(), bert_config()}) {
    const bool bert = config.model_type == "bert";
    const std::string head = bert ? "cls.predictions." : "lm_head.";
    const auto directory =
        hugging_face("bias_" + config.model_type, config,
                     bert ? "bert_cased/vocab.txt" : "xlmr/sentencepiece.bpe.model");
    const auto one = at::ones({config.vocab_size}), two = one * 2;
    change_weights(directory, {{head + "bias", one}, {head + "decoder.bias", two}});
    EXPECT_TRUE(at::equal(load_encoder(directory).head->bias, bert ? one : two));
    change_weights(directory, {{head + "bias", at::Tensor()}});
    EXPECT_TRUE(at::equal(load_encoder(directory).head->bias, two));
  }
}

TEST_F(EncoderFilesTest, LeavesNothingWhereTheArchiveCannotBeWritten) {
  const auto directory = hugging_face("xlmr");
  EXPECT_ANY_THROW(export_encoder(directory, folder_ / "no/such/encoder.pt"));
  EXPECT_FALSE(fs::exists(folder_ / "no"));
}

TEST_F(EncoderFilesTest, ComparesAnExportBeforeItTakesItsName) {
  const auto directory = hugging_face("xlmr"), path = folder_ / "export/encoder.pt";
  fs::create_directory(folder_ / "export");
  write_bytes(path, "a good one");
  const std::string key = "roberta.embeddings.LayerNorm.weight";
  const auto weight = read_safetensors(directory + "/model.safetensors")[key].clone();
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL}) {
    auto damaged = weight.clone();
    damaged[0] = value;
    change_weights(directory, {{key, damaged}});
    EXPECT_THAT(input_error_of([&] { export_encoder(directory, path); }),
                AllOf(StartsWith(path + ": expected finite numbers of the encoder"),
                      HasSubstr("the weights are not finite")));
    EXPECT_EQ(read_bytes(path), "a good one");
  }
  change_weights(directory, {{key, weight}});
  const auto loaded = export_encoder(directory, path);
  EXPECT_LT(loaded.archive_difference.value(), 1e-5);
  EXPECT_NE(read_bytes(path), "a good one");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "export"), fs::directory_iterator()), 1);
}

TEST_F(EncoderFilesTest, SavesAnEncoderWhoseWeightsChanged) {
  const auto like = change_config(hugging_face("xlmr"), {{"torch_dtype", "float16"}}),
             directory = folder_ / "changed";
  auto encoder = load_encoder(like).encoder;
  {
    const at::NoGradGuard no_grad;
    for (auto& weight : encoder->parameters()) weight.mul_(0.9);
  }
  fs::create_directories(directory);
  save_encoder(encoder, *load_encoder(like).origin, directory);
  const auto loaded = load_encoder(directory);
  const auto expected = encoder->named_parameters();
  for (const auto& item : loaded.encoder->named_parameters()) {
    EXPECT_TRUE(at::equal(item.value(), expected[item.key()])) << item.key();
  }
  EXPECT_EQ(loaded.tokenizer->vocab_size(), 252);
  EXPECT_TRUE(at::equal(loaded.head->dense->weight, load_encoder(like).head->dense->weight));
  const auto config = json::parse(std::ifstream(directory + "/config.json"));
  EXPECT_EQ(config["torch_dtype"], "float32") << "in which Python would load it";
}

// What is rounded from a mapped file leaves memory page by page; what was written since may not.
TEST_F(EncoderFilesTest, AnotherEncoderOfItsWeightsLeavesALoadedOneAsItIs) {
  auto config = tiny_config();
  config.hidden_size = 64;
  config.num_attention_heads = 2;
  config.intermediate_size = 256;
  const auto loaded = load_encoder(hugging_face("wide", config));
  const auto weights = hugging_face_weights(loaded.encoder);
  {
    const torch::NoGradGuard no_grad;
    for (const auto& item : weights) item.value().fill_(0.5);
  }
  make_encoder(config, weights, "its weights", WeightForm::kBfloat16);
  for (const auto& item : weights)
    EXPECT_TRUE(item.value().eq(0.5).all().item<bool>()) << item.key();
}

}  // namespace encoder_files_test
}  // namespace madx::io
