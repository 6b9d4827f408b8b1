// adapt_encoder: all weights learn by masked LM, but for what is frozen, and what comes out is an
// encoder with its head.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "madx/io/encoder_files.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace adapt_encoder_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;

const std::string kAdapt =
    "--encoder @/encoder_with_head --text @/en.txt @/sw.txt --lr 1e-2 --output @/adapted/";

ProgramResult adapt(const std::string& command, const ProgramOptions& options = {}) {
  return run_command(tiny_files(), "adapt_encoder", command, options);
}

void expect_done(const ProgramResult& result) { EXPECT_EQ(result.status, 0) << result; }

std::string output(const std::string& name) { return tiny_files() / "adapted/" + name; }

std::string weights(const std::string& name) {
  return io::read_bytes(output(name) + "/model.safetensors");
}

json measure(const std::string& flags) {
  const auto result = run_command(tiny_files(), "mlm_loss", "--json " + flags);
  EXPECT_EQ(result.status, 0) << result;
  return json::parse(result.out);
}

std::vector<double> losses(const std::string& name) {
  std::vector<double> all;
  std::ifstream file(output(name) + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) all.push_back(json::parse(line).at("loss"));
  return all;
}

double best_loss(const std::string& name) {
  double best = std::numeric_limits<double>::infinity();
  std::ifstream file(output(name) + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto row = json::parse(line);
    if (row.contains("eval_loss")) best = std::min(best, row["eval_loss"].get<double>());
  }
  return best;
}

/// The tensors of an output that are not those of the encoder it began with, by Hugging Face's
/// names without the model's prefix.
std::set<std::string> changed(const std::string& name) {
  std::set<std::string> names;
  const auto before = io::read_safetensors(tiny_files() / "encoder_with_head/model.safetensors");
  for (const auto& item : io::read_safetensors(output(name) + "/model.safetensors")) {
    auto key = item.key();
    if (key.compare(0, 8, "roberta.") == 0) key = key.substr(8);
    EXPECT_TRUE(before.contains(key)) << key;
    if (!at::equal(item.value(), before[key])) names.insert(key);
  }
  return names;
}

/// All tensors, but for those with one of these beginnings.
std::set<std::string> all_but(const std::vector<std::string>& beginnings) {
  std::set<std::string> names;
  const auto tensors = io::read_safetensors(tiny_files() / "encoder_with_head/model.safetensors");
  for (const auto& item : tensors) {
    const auto begins = [&](const std::string& with) {
      return item.key().compare(0, with.size(), with) == 0;
    };
    if (std::none_of(beginnings.begin(), beginnings.end(), begins)) names.insert(item.key());
  }
  return names;
}

TEST(AdaptEncoder, TrainsEveryWeightToALowerLoss) {
  const std::string held_out = "--text @/sw.txt @/en.txt ";
  const auto result =
      adapt(kAdapt + "all --steps 60 --eval-every 20 --eval-text @/sw.txt @/en.txt");
  expect_done(result);
  EXPECT_THAT(result.out, HasSubstr("encoder: xlm-roberta, 2 layers x 16, vocabulary 252, with "
                                    "masked-LM head"));
  EXPECT_THAT(result.out, ContainsRegex("\nwrote .*/adapted/all: 60 steps, .*, best held-out loss "
                                        "[0-9.]+, peak memory "));
  EXPECT_EQ(changed("all"), all_but({}));
  const auto before = measure("--encoder @/encoder_with_head " + held_out);
  const auto after = measure("--encoder @/adapted/all " + held_out);
  EXPECT_NEAR(after["eval_loss"].get<double>(), best_loss("all"), 1e-5) << "as it was logged";
  EXPECT_LT(after["eval_loss"].get<double>(), before["eval_loss"].get<double>() - 0.5);
  EXPECT_EQ(after["masked_tokens"], before["masked_tokens"]);
}

TEST(AdaptEncoder, WritesADirectoryThatTheOtherProgramsTakeAsTheirEncoder) {
  expect_done(adapt(kAdapt + "taken --steps 3"));
  const std::set<std::string> expected = {"config.json",   "model.safetensors",
                                          "metrics.jsonl", "sentencepiece.bpe.model",
                                          "loss.svg",      "run.json"};
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(output("taken")))
    names.insert(entry.path().filename());
  EXPECT_EQ(names, expected);
  const auto config = json::parse(io::read_bytes(output("taken") + "/config.json"));
  EXPECT_EQ(config["architectures"], json::array({"XLMRobertaForMaskedLM"}));
  const auto trained = run_command(tiny_files(), "train_lang_adapter",
                                   "--encoder @/adapted/taken --text @/sw.txt --steps 2 --output "
                                   "@/adapted/adapters/sw");
  EXPECT_EQ(trained.status, 0) << trained;  // with the head that is in it
  expect_done(adapt("--encoder @/adapted/taken --text @/sw.txt --steps 2 --output @/adapted/on"));
}

TEST(AdaptEncoder, LeavesWhatIsFrozenBitForBit) {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"--freeze-embeddings", {"embeddings."}},
      {"--freeze-layers 1", {"encoder.layer.0."}},
      {"--freeze-layers 1 --freeze-embeddings", {"embeddings.", "encoder.layer.0."}},
      {"--freeze-layers 2 --freeze-embeddings", {"embeddings.", "encoder."}}};
  int number = 0;
  for (const auto& [flags, frozen] : cases) {
    const auto name = "frozen" + std::to_string(number++);
    expect_done(adapt(kAdapt + name + " --steps 3 --weight-decay 0.1 " + flags));
    EXPECT_EQ(changed(name), all_but(frozen)) << flags;
  }
}

/// The mean squared difference between hidden states of an output and of what it began with.
double distance(const std::string& encoder) {
  const auto states = [&](const std::string& path, const std::string& to) {
    const auto result = run_command(tiny_files(), "hidden_states",
                                    "--text @/sw.txt --output @/" + to + " --encoder " + path);
    EXPECT_EQ(result.status, 0) << result;
    return io::read_safetensors(tiny_files() / to);
  };
  const auto before = states("@/encoder_with_head", "states_before.safetensors");
  const auto after = states(encoder, "states_after.safetensors");
  double sum = 0;
  for (const auto& item : before)
    sum +=
        at::mse_loss(after[item.key()].to(at::kFloat), item.value().to(at::kFloat)).item<double>();
  return sum / static_cast<double>(before.size());
}

TEST(AdaptEncoder, StaysNearTheEncoderThatItWas) {
  expect_done(adapt(kAdapt + "free --steps 30"));
  expect_done(adapt(kAdapt + "near --steps 30 --stay-near 100"));
  EXPECT_LT(distance("@/adapted/near"), 0.5 * distance("@/adapted/free"));
  const auto refused = adapt(kAdapt + "refused --stay-near nan");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err,
              HasSubstr("--stay-near: expected a weight of at least 0, but found nan"));
}

TEST(AdaptEncoder, StartsFromAHeadThatIsGiven) {
  const std::string command =
      "--encoder @/encoder --text @/en.txt --lr 1e-2 --steps 3 --output @/adapted/";
  expect_done(adapt(command + "given --lm-head @/lm_head"));
  EXPECT_FALSE(io::load_encoder(output("given")).head.is_empty());
  const auto refused = adapt(command + "refused");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err,
              HasSubstr(tiny_files().expand("adapt_encoder: @/encoder: expected a masked-LM head "
                                            "in the encoder or by --lm-head, but there is none")));
  EXPECT_FALSE(fs::exists(output("refused")));
}

TEST(AdaptEncoder, HasASoftmaxOverTheTextsSubWordsWhereAskedFor) {
  const auto result = adapt(kAdapt + "text --steps 5 --vocabulary text");
  expect_done(result);
  EXPECT_THAT(result.out, ContainsRegex("\nsoftmax over [0-9]+ of 252 sub-words "
                                        "\\(--vocabulary text\\): losses are not comparable"));
  const auto bias = io::load_encoder(output("text")).head->bias;
  EXPECT_GT(bias.count_nonzero().item<int64_t>(), 10);
  EXPECT_LT(bias.count_nonzero().item<int64_t>(), 252) << "entries that the texts lack stay";
  expect_done(adapt(kAdapt + "full --steps 5"));
  EXPECT_NE(weights("text"), weights("full"));
}

TEST(AdaptEncoder, TakesTheFlagsOfTraining) {
  expect_done(adapt(kAdapt +
                    "flags --steps 4 --full-length --max-length 20 --gradient-accumulation 2 "
                    "--batch-tokens 100 --no-encoder-dropout --warmup-steps 1 --weight-decay 0.01 "
                    "--mlm-probability 0.3 --gradient-checkpointing --save-every 2 --log-every 1"));
  EXPECT_TRUE(fs::exists(output("flags") + "/checkpoint/state.json")) << "asked for";
  expect_done(adapt(kAdapt +
                    "flags_kept --steps 4 --full-length --max-length 20 --gradient-accumulation 2 "
                    "--batch-tokens 100 --no-encoder-dropout --warmup-steps 1 --weight-decay 0.01 "
                    "--mlm-probability 0.3 --log-every 1"));
  // Gradients of a layer's input are added up in another order: not the same bits. Weights are not
  // compared, since Adam makes steps of rounding where a gradient is 0, as a key's bias has it.
  const auto recomputed = losses("flags"), kept = losses("flags_kept");
  ASSERT_EQ(recomputed.size(), 4u);
  for (size_t step = 0; step < recomputed.size(); ++step)
    EXPECT_NEAR(recomputed[step], kept.at(step), 1e-4) << "with or without gradient checkpointing";
}

TEST(AdaptEncoder, ResumesTheSameRecipeAlone) {
  const auto command = kAdapt + "cut --freeze-layers 1 --steps 100";
  ProgramOptions interrupt;
  interrupt.signal_when_exists = tiny_files() / "adapted/cut.partial/metrics.jsonl";
  const auto stopped = adapt(command, interrupt);
  ASSERT_EQ(stopped.status, 130) << stopped;
  const auto with = [&](const std::string& flags) {
    return kAdapt + "cut --steps 100 --resume " + flags;
  };
  const std::pair<std::string, std::string> refused[] = {
      {with("--freeze-layers 0"), "--freeze-layers 1, but this one has 0"},
      {with("--freeze-layers 1 --freeze-embeddings"),
       "--freeze-embeddings not given, but this one has given"},
      {with("--freeze-layers 1 --vocabulary text"), "--vocabulary full, but this one has text"},
      {with("--freeze-layers 1 --lm-head @/lm_head"), "--lm-head nothing, but this one has "}};
  for (const auto& [other, words] : refused) {
    const auto result = adapt(other);
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr("the interrupted run had " + words));
  }
  expect_done(adapt(command + " --resume"));
  expect_done(adapt(kAdapt + "uncut --freeze-layers 1 --steps 100"));
  EXPECT_EQ(weights("cut"), weights("uncut"));
}

TEST(MlmLoss, SavesWhatItMeasured) {
  const auto loss = measure(
      "--encoder @/encoder_with_head --text @/sw.txt --batch-size 5 "
      "--save-batches @/batches.safetensors");
  const auto batches = io::read_safetensors(tiny_files() / "batches.safetensors");
  int64_t masked = 0, count = 0;
  for (; batches.contains("targets." + std::to_string(count)); ++count) {
    const auto number = "." + std::to_string(count);
    const auto offsets = batches["offsets" + number];
    EXPECT_EQ(offsets[-1].item<int64_t>(), batches["input_ids" + number].size(0));
    EXPECT_EQ(batches["places" + number].sizes(), batches["targets" + number].sizes());
    masked += batches["targets" + number].size(0);
  }
  EXPECT_EQ(batches.size(), static_cast<size_t>(4 * count));
  EXPECT_GT(count, 1);
  EXPECT_EQ(masked, loss["masked_tokens"]);
}

}  // namespace adapt_encoder_test
}  // namespace madx::apps
