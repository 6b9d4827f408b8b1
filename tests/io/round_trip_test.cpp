// What is saved is loaded again and computes the same: by this library here, and by Python's
// `adapters` in tests/python/round_trip, which sets MADX_ROUND_TRIP_OUTPUT to the directory in
// which these tests leave their files.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "io/test_files.h"
#include "madx/io/adapter_config.h"
#include "madx/io/adapter_files.h"
#include "madx/io/composition_files.h"
#include "madx/io/safetensors.h"
#include "models/tiny_encoder.h"

namespace madx::io {
namespace round_trip_test {

namespace fs = std::filesystem;

const std::vector<std::string> kTags = {"O", "B-PER", "I-PER"};

/// One way to put adapters together: what is made and saved, and how it is activated.
struct Case {
  std::string name;
  std::vector<std::pair<std::string, std::string>> adapters;  // name, configuration string
  std::string composition;
  std::string head = "";  // of the tagging head, in the directory of the adapter of its name
  bool as_setup = false;  // one setup instead of directories
  bool as_safetensors = false;
  bool masked_lm = false;  // the head is one for masked LM
};

const Case kCases[] = {
    {"language_adapter", {{"la", "seq_bn_inv[reduction_factor=2]"}}, "Stack(la)"},
    {"language_adapter_with_head",
     {{"la", "seq_bn_inv[reduction_factor=4]"}},
     "Stack(la)",
     "la",
     /*as_setup=*/false,
     /*as_safetensors=*/false,
     /*masked_lm=*/true},
    {"task_adapter_with_head",
     {{"la", "seq_bn_inv[reduction_factor=2]"}, {"ta", "seq_bn[reduction_factor=4]"}},
     "Stack(la, ta)",
     "ta"},
    {"houlsby",
     {{"la", "double_seq_bn_inv[reduction_factor=2]"}, {"ta", "double_seq_bn[reduction_factor=3]"}},
     "Stack(la, ta)"},
    {"parallel", {{"a", "par_bn[reduction_factor=4]"}}, "Stack(a)"},
    {"scaled_parallel", {{"a", "scaled_par_bn[reduction_factor=4]"}}, "Stack(a)"},
    {"layer_norms",
     {{"a",
       "seq_bn[ln_before=True,ln_after=True,adapter_residual_before_ln=True,scaling='channel',"
       "reduction_factor={'0':2,'1':6},residual_before_ln='post_add',non_linearity='gelu']"}},
     "Stack(a)"},
    {"gated", {{"a", "seq_bn[use_gating=True,leave_out=[1],reduction_factor=3]"}}, "Stack(a)"},
    {"safetensors",
     {{"la", "pfeiffer+inv[reduction_factor=2]"}, {"ta", "seq_bn"}},
     "Stack(la, ta)",
     "ta",
     /*as_setup=*/false,
     /*as_safetensors=*/true},
    {"fusion",
     {{"la", "seq_bn_inv[reduction_factor=2]"},
      {"a", "seq_bn[reduction_factor=3]"},
      {"b", "seq_bn"}},
     "Stack(la, Fuse(a, b))"},
    {"setup",
     {{"la", "seq_bn_inv[reduction_factor=2]"},
      {"a", "seq_bn[reduction_factor=3]"},
      {"b", "seq_bn"}},
     "Stack(la, Fuse(a, b))",
     "a",
     /*as_setup=*/true},
};

struct Outputs {
  at::Tensor hidden;  // (rows, hidden)
  at::Tensor logits;  // (rows, labels or vocabulary); undefined without a head
};

struct Heads {
  TaggingHead tagging{nullptr};
  MlmHead masked_lm{nullptr};
};

class RoundTrip : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (const char* const output = std::getenv("MADX_ROUND_TRIP_OUTPUT")) root_ = output;
    encoder_directory_ = root_ + "/encoder";
    if (fs::exists(encoder_directory_)) return;
    fs::create_directories(encoder_directory_);
    write_safetensors(encoder_directory_ + "/model.safetensors", random_weights(tiny_config()),
                      {{"format", "pt"}});
    const auto& config = tiny_config();
    const nlohmann::json json = {{"architectures", {"XLMRobertaModel"}},
                                 {"model_type", config.model_type},
                                 {"vocab_size", config.vocab_size},
                                 {"hidden_size", config.hidden_size},
                                 {"num_hidden_layers", config.num_hidden_layers},
                                 {"num_attention_heads", config.num_attention_heads},
                                 {"intermediate_size", config.intermediate_size},
                                 {"max_position_embeddings", config.max_position_embeddings},
                                 {"type_vocab_size", config.type_vocab_size},
                                 {"layer_norm_eps", config.layer_norm_eps},
                                 {"pad_token_id", config.pad_token_id}};
    write_bytes(encoder_directory_ + "/config.json", json.dump(2));
  }

  Outputs compute(AdapterStack& adapters, const Composition& composition, Heads heads) const {
    torch::NoGradGuard no_grad;
    adapters->activate(composition);
    adapters->eval();
    auto encoder = tiny_encoder();
    const auto batch = pack({ids_});
    Outputs outputs;
    outputs.hidden = encoder->forward(batch, *adapters);
    if (!heads.tagging.is_empty()) {
      heads.tagging->eval();
      outputs.logits = heads.tagging->forward(outputs.hidden);
    }
    if (!heads.masked_lm.is_empty()) {
      outputs.logits =
          heads.masked_lm->logits(outputs.hidden, encoder->word_embeddings(), *adapters, batch);
    }
    return outputs;
  }

  TemporaryFolder folder_;
  std::string root_ = folder_.path();
  std::string encoder_directory_;
  std::vector<int64_t> ids_ = {0, 17, 4, 99, 250, 31, 2};
};

void randomise(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto weight : module.parameters()) weight.normal_(0, 0.3);
}

AdapterStack random_adapters(const Case& made) {
  AdapterStack adapters(tiny_config().hidden_size, tiny_config().num_hidden_layers);
  for (const auto& [name, config] : made.adapters) {
    adapters->add(name, parse_config_string(config));
  }
  for (const auto& child : parse_composition(made.composition).children) {
    if (child.kind == Composition::Kind::kFuse) adapters->add_fusion(Fuse{"a", "b"});
  }
  randomise(*adapters);
  return adapters;
}

TEST_P(RoundTrip, ComputesTheSameAfterSavingAndLoading) {
  const auto& made = GetParam();
  torch::manual_seed(5);
  auto adapters = random_adapters(made);
  const auto composition = parse_composition(made.composition);
  const auto model = model_info(tiny_config());
  const auto format = made.as_safetensors ? TensorFormat::kSafetensors : TensorFormat::kTorch;
  Heads heads;
  if (!made.head.empty() && made.masked_lm) {
    heads.masked_lm = MlmHead(MlmHeadOptions(model.hidden_size, tiny_config().vocab_size));
    randomise(*heads.masked_lm);
  } else if (!made.head.empty()) {
    heads.tagging = TaggingHead(TaggingHeadOptions(model.hidden_size, kTags));
    randomise(*heads.tagging);
  }

  const auto output = root_ + "/" + made.name;
  fs::remove_all(output);
  fs::create_directories(output);
  nlohmann::json load = nlohmann::json::array();
  if (made.as_setup) {
    save_adapter_setup(adapters, composition, model, output, made.head, format);
    load.push_back({"setup", ""});
  } else {
    for (const auto& name : adapters->names()) {
      fs::create_directory(output + "/" + name);
      save_adapter(adapters, name, model, output + "/" + name, format);
      load.push_back({"adapter", name});
    }
    for (const auto& name : adapters->fusion_names()) {
      fs::create_directory(output + "/" + name);
      save_fusion(adapters, name, model, output + "/" + name, format);
      load.push_back({"fusion", name});
    }
  }
  const auto head_directory = output + "/" + made.head;
  if (!heads.tagging.is_empty()) {
    save_tagging_head(heads.tagging, made.head, model, head_directory, format);
  }
  if (!heads.masked_lm.is_empty()) {
    save_mlm_head(heads.masked_lm, made.head, model, head_directory, format);
  }

  const auto expected = compute(adapters, composition, heads);
  TensorMap tensors;
  tensors.insert("input_ids", at::tensor(ids_, at::kLong));
  tensors.insert("hidden", expected.hidden);
  if (expected.logits.defined()) tensors.insert("logits", expected.logits);
  write_safetensors(output + "/expected.safetensors", tensors);
  write_bytes(output + "/round_trip.json",
              nlohmann::json({{"load", load},
                              {"composition", made.composition},
                              {"head", made.head},
                              {"use_safetensors", made.as_safetensors}})
                  .dump(2));

  AdapterStack again(model.hidden_size, tiny_config().num_hidden_layers);
  Composition loaded = composition;
  for (const auto& item : load) {
    const auto path = output + "/" + item[1].get<std::string>();
    if (item[0] == "setup") loaded = load_adapter_setup(again, path);
    if (item[0] == "adapter") load_adapter(again, path);
    if (item[0] == "fusion") load_fusion(again, path);
  }
  EXPECT_EQ(loaded, composition);
  Heads loaded_heads;
  if (!heads.tagging.is_empty()) loaded_heads.tagging = load_tagging_head(head_directory);
  if (!heads.masked_lm.is_empty()) {
    loaded_heads.masked_lm = load_mlm_head(head_directory, tiny_config());
  }
  const auto found = compute(again, loaded, loaded_heads);
  EXPECT_TRUE(at::equal(found.hidden, expected.hidden));
  if (expected.logits.defined()) {
    EXPECT_TRUE(at::equal(found.logits, expected.logits));
  }
  again->deactivate();
  torch::NoGradGuard no_grad;
  EXPECT_GT(
      (tiny_encoder()->forward(pack({ids_}), *again) - expected.hidden).abs().max().item<float>(),
      0.01)
      << "the adapters change something";
}

INSTANTIATE_TEST_SUITE_P(Saved, RoundTrip, testing::ValuesIn(kCases),
                         [](const auto& made) { return made.param.name; });

}  // namespace round_trip_test
}  // namespace madx::io
