#include "apps/report/ner_results.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "madx/core/error.h"

namespace madx::apps {
namespace ner_results_test {

namespace fs = std::filesystem;

NerScores scores(double precision, double recall, double f1, int64_t entities) {
  NerScores scores;
  scores.micro = {precision, recall, f1, entities, 0, 0};
  scores.sentences = 500;
  scores.per_type["PER"] = {80, 70, 74.666666, 12, 0, 0};
  scores.per_type["LOC"] = {50, 25, 33.333333, 8, 0, 0};
  return scores;
}

NerResults one_setup() {
  NerResults results;
  results.setup = "madx";
  results.source = "en";
  results.seed = 7;
  results.runs = {{"madx", "en", scores(88.1, 87, 87.5465, 1210)},
                  {"madx", "sw", scores(60, 58.125, 59.0476, 980)}};
  results.train_seconds = 12.5;
  results.best_dev_f1 = 86.123456;
  return results;
}

NerResults several_setups() {
  NerResults results = one_setup();
  results.runs.push_back({"madx", "rw", scores(0, 0, 50, 1)});
  results.runs.push_back({"no-lang", "en", scores(0, 0, 87, 1)});
  results.runs.push_back({"no-lang", "sw", scores(0, 0, 51, 1)});
  return results;
}

class ResultsJson : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "madx_results_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = (folder_ / "results.json").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  fs::path folder_;
  std::string path_;
};

TEST(NerTable, KnowsEachOfSeveralSources) {
  auto results = several_setups();
  results.source = "en+sw";
  const auto table = ner_table(results);
  EXPECT_NE(table.find("en (source)"), std::string::npos) << table;
  EXPECT_NE(table.find("sw (source)"), std::string::npos) << table;
  EXPECT_EQ(table.find("rw (source)"), std::string::npos) << table;
  EXPECT_TRUE(is_source(results, "en") && is_source(results, "sw"));
  for (const std::string other : {"rw", "e", "n+s", "w", ""})
    EXPECT_FALSE(is_source(results, other)) << other;
}

TEST(NerTable, ShowsEveryFigureOfASingleSetup) {
  EXPECT_EQ(ner_table(one_setup()),
            "language         precision  recall     F1  entities  sentences\n"
            "en (source)          88.10   87.00  87.55      1210        500\n"
            "sw                   60.00   58.12  59.05       980        500\n"
            "mean of targets                     59.05\n");
}

TEST(NerTable, PutsSetupsSideBySideAndMarksWhatWasNotRun) {
  EXPECT_EQ(ner_table(several_setups()),
            "F1                madx  no-lang\n"
            "en (source)      87.55    87.00\n"
            "sw               59.05    51.00\n"
            "rw               50.00        -\n"
            "mean of targets  54.52        -\n");
}

TEST(NerTable, AlignsNamesOfAnyScript) {
  NerResults results = one_setup();
  results.runs[1].language = "東京";
  results.runs[0].language = "Yorùbá";
  results.source = "";
  EXPECT_EQ(ner_table(results).substr(0, ner_table(results).find("mean")),
            "language         precision  recall     F1  entities  sentences\n"
            "Yorùbá               88.10   87.00  87.55      1210        500\n"
            "東京                 60.00   58.12  59.05       980        500\n");
}

TEST_F(ResultsJson, HasTheKeysInTheirOrderAndFourDecimals) {
  NerResults results = one_setup();
  results.runs.erase(results.runs.begin());
  write_results_json(path_, results);
  EXPECT_EQ(text(), R"({
  "setup": "madx",
  "source": "en",
  "seed": 7,
  "languages": {
    "sw": {
      "precision": 60.0,
      "recall": 58.125,
      "f1": 59.0476,
      "entities": 980,
      "sentences": 500,
      "per_type": {
        "LOC": {
          "precision": 50.0,
          "recall": 25.0,
          "f1": 33.3333,
          "entities": 8
        },
        "PER": {
          "precision": 80.0,
          "recall": 70.0,
          "f1": 74.6667,
          "entities": 12
        }
      }
    }
  },
  "train": {
    "seconds": 12.5,
    "best_dev_f1": 86.1235
  }
}
)");
}

TEST_F(ResultsJson, HoldsTheLanguagesOfItsOwnSetupOnly) {
  NerResults results = several_setups();
  results.setup = "no-lang";
  write_results_json(path_, results);
  const NerResults read = read_results_json(path_);
  ASSERT_EQ(read.runs.size(), 2u);
  EXPECT_EQ(read.runs[1].scores.micro.f1, 51);
}

TEST_F(ResultsJson, WritesNullForWhatIsUnsetAndReadsItBack) {
  NerResults results = one_setup();
  results.train_seconds.reset();
  results.best_dev_f1.reset();
  write_results_json(path_, results);
  EXPECT_NE(text().find("\"seconds\": null,\n    \"best_dev_f1\": null"), std::string::npos);
  const NerResults read = read_results_json(path_);
  EXPECT_FALSE(read.train_seconds || read.best_dev_f1);
  EXPECT_EQ(read.seed, 7u);
  EXPECT_EQ(read.runs.at(0).language, "en");
  EXPECT_EQ(read.runs.at(1).scores.per_type.at("PER").entities, 12);
  EXPECT_EQ(ner_table(read), ner_table(results));
}

TEST_F(ResultsJson, RefusesAnotherFile) {
  EXPECT_THROW(read_results_json(path_), InputError);
  for (const char* other : {"", "[]", "{\"setup\": 1}"}) {
    std::ofstream(path_) << other;
    EXPECT_THROW(read_results_json(path_), InputError) << other;
  }
}

}  // namespace ner_results_test
}  // namespace madx::apps
