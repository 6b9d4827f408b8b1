// --vocabulary text of the training programs, and mlm_loss, which measures what they trained.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "madx/io/adapterhub.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace vocabulary_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

const std::string kEnglish =
    "--encoder @/encoder --lm-head @/lm_head --lr 1e-2 --text @/en.txt --eval-text @/sw.txt "
    "--eval-every 20 --name en ";

ProgramResult run_program(const std::string& program, const std::string& command,
                          const ProgramOptions& options = {}) {
  return run_command(tiny_files(), program, command, options);
}

ProgramResult succeed(const std::string& program, const std::string& command) {
  auto result = run_program(program, command);
  EXPECT_EQ(result.status, 0) << program << " " << command << result;
  return result;
}

std::vector<json> metrics(const std::string& output) {
  std::vector<json> rows;
  std::ifstream file(tiny_files() / output + "/metrics.jsonl");
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

double best_loss(const std::string& output) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& row : metrics(output))
    if (row.contains("eval_loss")) best = std::min(best, row["eval_loss"].get<double>());
  return best;
}

/// What mlm_loss says of `flags`, with --json.
json measure(const std::string& flags) {
  const auto result = succeed("mlm_loss", "--encoder @/encoder --json " + flags);
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  return json::parse(result.out);
}

std::string adapter_bytes(const std::string& output) {
  return io::read_bytes(tiny_files() / output + "/pytorch_adapter.bin");
}

TEST(VocabularyOfText, IsSaidWhereverALossIs) {
  const auto result =
      succeed("train_lang_adapter", kEnglish + "--steps 40 --vocabulary text --output @/text/said");
  const std::string softmax = "softmax over [0-9]+ of 252 sub-words \\(--vocabulary text\\)";
  EXPECT_THAT(result.out, ContainsRegex("\n" + softmax +
                                        ": losses are not comparable with those of "
                                        "--vocabulary full\n"));
  EXPECT_THAT(result.out, ContainsRegex("\nwrote .*, best held-out loss [0-9.]+, " + softmax +
                                        ", peak memory "));
  EXPECT_THAT(result.err + result.out,
              ContainsRegex("step 20: held-out loss [0-9.]+, perplexity [0-9.]+ over [0-9]+ of "
                            "252 sub-words"));
  const auto rows = metrics("text/said");
  ASSERT_EQ(rows.size(), 4u);
  for (const auto& row : rows) EXPECT_EQ(row.at("vocabulary"), "text");
  EXPECT_THAT(io::read_bytes(tiny_files() / "text/said/loss.svg"),
              HasSubstr("(--vocabulary text)"));
  const auto state = json::parse(io::read_bytes(tiny_files() / "text/said/run.json"));
  EXPECT_EQ(state["training"]["settings"]["--vocabulary"], "text");
}

TEST(VocabularyInFull, IsTheDefaultAndSaysNothing) {
  const auto result =
      succeed("train_lang_adapter", kEnglish + "--steps 5 --output @/in_full/unasked");
  succeed("train_lang_adapter", kEnglish + "--steps 5 --vocabulary full --output @/in_full/asked");
  EXPECT_EQ(adapter_bytes("in_full/unasked"), adapter_bytes("in_full/asked"));
  EXPECT_THAT(result.out, Not(HasSubstr("softmax")));
  EXPECT_FALSE(metrics("in_full/unasked").back().contains("vocabulary"));
  EXPECT_THAT(io::read_bytes(tiny_files() / "in_full/unasked/loss.svg"),
              Not(HasSubstr("vocabulary")));
  const auto state = json::parse(io::read_bytes(tiny_files() / "in_full/unasked/run.json"));
  EXPECT_EQ(state["training"]["settings"]["--vocabulary"], "full");
}

TEST(VocabularyOfText, TrainsAnotherAdapterOnTheSameTokens) {
  for (const std::string flags : {"", "--full-length --max-length 12 "}) {
    const auto folder = flags.empty() ? std::string("lines/") : std::string("joined/");
    const auto command = kEnglish + "--steps 40 " + flags + "--output @/" + folder;
    succeed("train_lang_adapter", command + "text --vocabulary text");
    succeed("train_lang_adapter", command + "full");
    EXPECT_NE(adapter_bytes(folder + "text"), adapter_bytes(folder + "full"));
    const auto text = metrics(folder + "text"), full = metrics(folder + "full");
    ASSERT_EQ(text.size(), full.size());
    for (size_t i = 0; i < text.size(); ++i) {
      EXPECT_EQ(text[i]["tokens_seen"], full[i]["tokens_seen"]);
      EXPECT_LT(text[i]["loss"], full[i]["loss"]) << "over fewer sub-words";
    }
    EXPECT_LT(text.back()["loss"], text.front()["loss"]) << "it learns";
  }
}

TEST(VocabularyOfText, TrainsAHeadOverTheSubWordsOfItsTexts) {
  const std::string command = "--encoder @/encoder --text @/en.txt @/sw.txt --lr 1e-2 --steps 20 ";
  const auto result = succeed("train_lm_head", command + "--vocabulary text --output @/text/head");
  EXPECT_THAT(result.out, ContainsRegex("\nwrote .*, loss [0-9.]+, softmax over [0-9]+ of 252 "));
  const auto bias = io::read_head(tiny_files() / "text/head").tensors["3.bias"];
  const auto learned = bias.count_nonzero().item<int64_t>();
  EXPECT_GT(learned, 10);
  EXPECT_LT(learned, 252) << "entries that the texts lack stay";
  for (const auto& row : metrics("text/head")) EXPECT_EQ(row.at("vocabulary"), "text");
}

TEST(VocabularyOfText, ResumesToTheBytesOfAnUninterruptedRunAndOfNoOther) {
  const auto command = kEnglish + "--train-lm-head --steps 100 --vocabulary ";
  ProgramOptions interrupt;
  interrupt.signal_when_exists = tiny_files() / "text/cut.partial/metrics.jsonl";
  const auto stopped =
      run_program("train_lang_adapter", command + "text --output @/text/cut", interrupt);
  ASSERT_EQ(stopped.status, 130) << stopped;

  const auto refused =
      run_program("train_lang_adapter", command + "full --output @/text/cut --resume");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err, HasSubstr("the interrupted run had --vocabulary text, but this one has "
                                     "full; resume with the same flags, or start anew"));

  succeed("train_lang_adapter", command + "text --output @/text/cut --resume");
  succeed("train_lang_adapter", command + "text --output @/text/whole");
  EXPECT_EQ(adapter_bytes("text/cut"), adapter_bytes("text/whole"));
  const auto head = [](const std::string& output) {
    return io::read_bytes(tiny_files() / output + "/lm_head/pytorch_model_head.bin");
  };
  EXPECT_EQ(head("text/cut"), head("text/whole"));
  for (const auto& row : metrics("text/cut")) EXPECT_EQ(row.at("vocabulary"), "text");
}

TEST(MlmLoss, IsTheBestHeldOutLossOfTheAdaptersTraining) {
  const std::string measured = "--text @/sw.txt --adapter @/measured/";
  succeed("train_lang_adapter", kEnglish + "--steps 40 --output @/measured/full");
  const auto full = measure(measured + "full --lm-head @/lm_head");
  EXPECT_EQ(full["eval_loss"], best_loss("measured/full"));
  EXPECT_NEAR(full["perplexity"], std::exp(full["eval_loss"].get<double>()), 1e-9);
  EXPECT_GT(full["masked_tokens"], 10);
  EXPECT_EQ(full["vocabulary"], "full");
  EXPECT_EQ(full["sub_words"], 252);
  EXPECT_EQ(full["dtype"], "float32");

  // Trained over the text's sub-words: measured over them, and in full.
  succeed("train_lang_adapter", kEnglish + "--steps 40 --vocabulary text --output @/measured/text");
  const auto text = measure(measured +
                            "text --lm-head @/lm_head --vocabulary text "
                            "--train-text @/en.txt");
  EXPECT_EQ(text["eval_loss"], best_loss("measured/text"));
  EXPECT_EQ(text["vocabulary"], "text");
  EXPECT_LT(text["sub_words"], 252);
  EXPECT_EQ(text["masked_tokens"], full["masked_tokens"]) << "the same masks";
  const auto alone = measure(measured + "text --lm-head @/lm_head --vocabulary text");
  EXPECT_LT(alone["sub_words"], text["sub_words"]) << "of the held-out text alone";
  const auto compared = measure(measured + "text --lm-head @/lm_head");
  EXPECT_GT(compared["eval_loss"], text["eval_loss"]);
  EXPECT_NE(compared["eval_loss"], full["eval_loss"]);
}

TEST(MlmLoss, TakesTheHeadThatWasTrainedAlongAndFullLength) {
  const std::string flags = "--full-length --max-length 14 --batch-size 3 --mlm-probability 0.3 ";
  succeed("train_lang_adapter",
          kEnglish + flags + "--steps 40 --train-lm-head --output @/measured/along");
  EXPECT_EQ(measure(flags + "--text @/sw.txt --adapter @/measured/along")["eval_loss"],
            best_loss("measured/along"));
  EXPECT_NE(measure(flags + "--text @/sw.txt --adapter @/measured/along --lm-head "
                            "@/lm_head")["eval_loss"],
            best_loss("measured/along"));
}

TEST(MlmLoss, MeasuresAHeadOnTheEncoderAlone) {
  succeed("train_lm_head",
          "--encoder @/encoder --text @/en.txt @/sw.txt --eval-text @/sw.txt @/en.txt --lr 1e-2 "
          "--steps 20 --output @/measured/head");
  const auto result =
      succeed("mlm_loss", "--encoder @/encoder --text @/sw.txt @/en.txt --lm-head @/measured/head");
  EXPECT_THAT(result.out,
              MatchesRegex("encoder: .*\nadapter: none; head: .*/measured/head\nheld-out loss "
                           "[0-9.]+, perplexity [0-9.]+, [0-9]+ masked tokens, softmax over 252 "
                           "of 252 sub-words \\(--vocabulary full\\)\n"));
  EXPECT_EQ(measure("--text @/sw.txt @/en.txt --lm-head @/measured/head")["eval_loss"],
            best_loss("measured/head"));
}

TEST(MlmLoss, RefusesWhatItCannotMeasure) {
  const auto weights = tiny_files() / "nan_encoder/model.safetensors";
  std::filesystem::copy(tiny_files() / "encoder_with_head", tiny_files() / "nan_encoder");
  auto tensors = io::read_safetensors(weights);
  tensors["lm_head.dense.bias"].fill_(NAN);
  io::write_safetensors(weights, tensors);
  const std::pair<std::string, std::string> refused[] = {
      {"--encoder @/encoder", "--text is required"},
      {"--encoder @/encoder --text @/en.txt",
       "expected a masked-LM head in the encoder or by --lm-head, but there is none"},
      {"--encoder @/encoder_with_head --text @/en.txt --adapter @/encoder", "adapter_config.json"},
      {"--encoder @/encoder_with_head --text @/en.txt --vocabulary words",
       "--vocabulary: expected full or text, but found \"words\""},
      {"--encoder @/encoder_with_head --text @/en.txt --train-text @/sw.txt",
       "--train-text: expected --vocabulary text beside it, but found --vocabulary full"},
      {"--encoder @/encoder_with_head --text @/en.txt --max-length 200",
       "--max-length: expected 3 to 130 tokens"},
      {"--encoder @/encoder_with_head --text @/en.txt --batch-size 0",
       "--batch-size: expected a number above 0, but found 0"},
      {"--encoder @/encoder_with_head --text @/en.txt --mlm-probability 1e-9",
       "--text: expected text of which a token is masked, but"},
      {"--encoder @/nan_encoder --text @/en.txt",
       "@/nan_encoder: expected a finite loss, but found NaN"}};
  for (const auto& [command, message] : refused) {
    const auto result = run_program("mlm_loss", command);
    EXPECT_EQ(result.status, 2) << command << result;
    EXPECT_THAT(result.err, StartsWith("mlm_loss: "));
    EXPECT_THAT(result.err, HasSubstr(tiny_files().expand(message)));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

}  // namespace vocabulary_test
}  // namespace madx::apps
