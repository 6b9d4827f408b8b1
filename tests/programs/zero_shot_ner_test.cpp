// zero_shot_ner as a process: every setup, what it writes, and that its figures are those of its
// predictions.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "madx/data/raw_text.h"
#include "madx/eval/span_f1.h"
#include "madx/io/adapterhub.h"
#include "madx/io/encoder_files.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace zero_shot_ner_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr auto kLanguages =
    "--encoder @/encoder --source en --language en=@/adapters/en --language sw=@/adapters/sw ";
constexpr auto kTraining = "--train @/train.conll --lr 3e-2 --steps 10 --test sw=@/sw.conll ";

ProgramResult run_ner(const std::string& command) {
  const auto result = run_command(tiny_files(), "zero_shot_ner", kLanguages + command);
  EXPECT_EQ(result.status, 0) << result;
  return result;
}

using Rows = std::vector<std::vector<std::string>>;

/// Tab separated columns of a file, sentence by sentence.
std::vector<Rows> read_columns(const std::string& path) {
  std::vector<Rows> sentences(1);
  std::istringstream file(io::read_bytes(path));
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      sentences.emplace_back();
      continue;
    }
    std::vector<std::string> columns;
    std::istringstream words(line);
    for (std::string word; std::getline(words, word, '\t');) columns.push_back(word);
    sentences.back().push_back(columns);
  }
  EXPECT_TRUE(sentences.back().empty()) << path << " ends in a blank line";
  sentences.pop_back();
  return sentences;
}

std::vector<std::vector<std::string>> column(const std::vector<Rows>& sentences, size_t which) {
  std::vector<std::vector<std::string>> column;
  for (const auto& sentence : sentences) {
    column.emplace_back();
    for (const auto& row : sentence) column.back().push_back(row.at(which));
  }
  return column;
}

void expect_scores(const json& found, const SpanScores& expected) {
  EXPECT_NEAR(found.at("precision"), expected.precision, 1e-4);
  EXPECT_NEAR(found.at("recall"), expected.recall, 1e-4);
  EXPECT_NEAR(found.at("f1"), expected.f1, 1e-4);
  EXPECT_EQ(found.at("entities"), expected.entities);
}

TEST(ZeroShotNer, PredictsEveryTokenInItsOrder) {
  const auto read_tokens = [](const std::string& language) {
    const auto sentences = read_columns(tiny_files() / "ner/predictions/" + language + ".conll");
    for (const auto& sentence : sentences) {
      for (const auto& row : sentence) EXPECT_EQ(row.size(), 3U);
    }
    return std::pair(column(sentences, 0), column(sentences, 1));
  };
  const auto [english, english_tags] = read_tokens("en");
  EXPECT_EQ(english, (Rows{{"Anna", "walks", "New", "Nairobi", "."},
                           {"John", "walks", "New", "Nairobi", "."}}));
  const auto [swahili, swahili_tags] = read_tokens("sw");
  EXPECT_EQ(swahili, (Rows{{"Maria", "anaona", "Nairobi"}})) << "WikiANN's prefix is gone";
  EXPECT_EQ(swahili_tags, (Rows{{"B-PER", "O", "B-LOC"}}));
}

TEST(ZeroShotNer, WritesTheScoresOfItsPredictions) {
  const auto results = json::parse(io::read_bytes(tiny_files() / "ner/results.json"));
  EXPECT_EQ(results.at("setup"), "madx");
  EXPECT_EQ(results.at("source"), "en");
  EXPECT_EQ(results.at("seed"), 42);
  EXPECT_GT(results.at("train").at("seconds"), 0);
  EXPECT_GT(results.at("train").at("best_dev_f1"), 0);
  ASSERT_EQ(results.at("languages").size(), 2U);
  for (const std::string language : {"en", "sw"}) {
    SCOPED_TRACE(language);
    const auto sentences = read_columns(tiny_files() / "ner/predictions/" + language + ".conll");
    const auto expected = span_f1(column(sentences, 1), column(sentences, 2));
    const auto& found = results["languages"][language];
    expect_scores(found, expected.micro);
    EXPECT_EQ(found.at("sentences"), sentences.size());
    ASSERT_EQ(found.at("per_type").size(), expected.per_type.size());
    for (const auto& [type, scores] : expected.per_type) {
      expect_scores(found["per_type"].at(type), scores);
    }
  }
  EXPECT_GT(results["languages"]["en"]["f1"], 0) << "zeros show nothing";
}

TEST(ZeroShotNer, WritesReportCurveAndTaskAdapter) {
  const auto output = tiny_files() / "ner";
  EXPECT_THAT(io::read_bytes(output + "/report.html"), HasSubstr("</html>"));
  EXPECT_THAT(io::read_bytes(output + "/loss.svg"), HasSubstr("<svg"));
  EXPECT_THAT(io::read_bytes(output + "/metrics.jsonl"), HasSubstr("\"dev_f1\""));
  EXPECT_EQ(io::read_adapter(output + "/task_adapter").config.reduction_factor, 2);
  EXPECT_EQ(io::read_head(output + "/task_adapter").labels,
            (std::vector<std::string>{"O", "B-LOC", "I-LOC", "B-PER", "I-PER"}));
  EXPECT_FALSE(fs::exists(output + ".partial"));
}

TEST(ZeroShotNer, PrintsATable) {
  const auto result = run_ner(
      "--task-adapter @/ner/task_adapter --test en=@/en.conll "
      "--test sw=@/sw.conll --output @/ner_table");
  EXPECT_THAT(result.out, HasSubstr("en (source)"));
  EXPECT_THAT(result.out, HasSubstr("mean of targets"));
  EXPECT_EQ(result.err, "");
}

TEST(ZeroShotNer, RunsTheOtherSetups) {
  for (const std::string setup : {"no-inv", "no-lang", "finetune"}) {
    SCOPED_TRACE(setup);
    run_ner(kTraining + ("--setup " + setup) + " --output @/setups/" + setup);
    const auto output = tiny_files() / "setups/" + setup;
    EXPECT_EQ(json::parse(io::read_bytes(output + "/results.json")).at("setup"), setup);
    EXPECT_TRUE(fs::exists(output + "/predictions/sw.conll"));
    EXPECT_EQ(fs::exists(output + "/task_adapter"), setup != "finetune");
  }
  const auto adapter = [](const std::string& directory) {
    return io::read_bytes(tiny_files() / directory + "/task_adapter/pytorch_adapter.bin");
  };
  EXPECT_NE(adapter("setups/no-inv"), adapter("setups/no-lang"));
  const auto finetuned = io::load_encoder(tiny_files() / "setups/finetune/finetuned");
  const auto before = io::load_encoder(tiny_files() / "encoder");
  EXPECT_FALSE(at::equal(finetuned.encoder->word_embeddings(), before.encoder->word_embeddings()));
}

TEST(ZeroShotNer, TagsAsBeforeWithWhatWasFineTuned) {
  run_ner(kTraining + std::string("--setup finetune --output @/setups/tuned"));
  const std::string tuned = "@/setups/tuned/finetuned";
  const auto result = run_command(tiny_files(), "zero_shot_ner",
                                  "--encoder " + tuned + " --task-adapter " + tuned +
                                      " --setup finetune --source en --test sw=@/sw.conll "
                                      "--output @/setups/tested");
  ASSERT_EQ(result.status, 0) << result;
  const auto predictions = [](const std::string& run) {
    return io::read_bytes(tiny_files() / ("setups/" + run + "/predictions/sw.conll"));
  };
  EXPECT_EQ(predictions("tuned"), predictions("tested"));
}

TEST(ZeroShotNer, TagsAsBeforeWithALoadedTaskAdapter) {
  run_ner(
      "--task-adapter @/ner/task_adapter --test en=@/en.conll --test sw=@/sw.conll "
      "--output @/loaded");
  for (const std::string language : {"en", "sw"}) {
    const auto file = "/predictions/" + language + ".conll";
    EXPECT_EQ(io::read_bytes(tiny_files() / "loaded" + file),
              io::read_bytes(tiny_files() / "ner" + file));
  }
  const auto results = json::parse(io::read_bytes(tiny_files() / "loaded/results.json"));
  EXPECT_TRUE(results.at("train").at("seconds").is_null()) << "nothing was trained";
  EXPECT_FALSE(fs::exists(tiny_files() / "loaded/task_adapter"));
}

TEST(ZeroShotNer, TagsRawTextWithoutATestSet) {
  run_ner("--task-adapter @/ner/task_adapter --text sw=@/sw.txt --output @/tagged");
  const auto sentences = read_columns(tiny_files() / "tagged/tagged/sw.conll");
  EXPECT_EQ(column(sentences, 0), read_raw_sentences(tiny_files() / "sw.txt"));
  for (const auto& sentence : sentences) {
    for (const auto& row : sentence) {
      ASSERT_EQ(row.size(), 2U);
      EXPECT_TRUE(is_tag(row[1])) << row[1];
    }
  }
  EXPECT_FALSE(fs::exists(tiny_files() / "tagged/results.json"));
}

TEST(ZeroShotNer, TagsSentencesLongerThanTheLimit) {
  run_ner(
      "--task-adapter @/ner/task_adapter --test en=@/en.conll --max-length 6 "
      "--output @/windows");
  const auto before = read_columns(tiny_files() / "ner/predictions/en.conll");
  const auto windows = read_columns(tiny_files() / "windows/predictions/en.conll");
  EXPECT_EQ(column(windows, 0), column(before, 0)) << "every token is there";
}

TEST(ZeroShotNer, GivesTheSameTaskAdapterForTheSameSeed) {
  const auto train = [](const std::string& run) {
    run_ner(kTraining + ("--output @/ner_seeds/" + run));
    const auto output = tiny_files() / "ner_seeds/" + run.substr(0, run.find(' '));
    return io::read_bytes(output + "/task_adapter/pytorch_adapter.bin") +
           io::read_bytes(output + "/task_adapter/pytorch_model_head.bin");
  };
  const auto first = train("first --seed 3");
  EXPECT_EQ(first, train("second --seed 3"));
  EXPECT_NE(first, train("third --seed 4"));
}

}  // namespace zero_shot_ner_test
}  // namespace madx::apps
