#include "apps/experiment/report/experiment_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "experiment/experiment_sample.h"
#include "io/test_files.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace experiment_report_test {

using ::testing::HasSubstr;
using ::testing::Not;

int64_t count(const std::string& text, const std::string& part) {
  int64_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  if (from == std::string::npos) return "";
  return text.substr(from, text.find(end, from) - from);
}

std::string headline_of(const std::string& html) {
  return between(html, "<p class=\"headline\">", "</p>");
}

std::string section(const std::string& html, const std::string& id) {
  return between(html, "<section id=\"" + id + "\">", "</section>");
}

class ExperimentReport : public ::testing::Test {
 protected:
  std::string html() const { return experiment_report_html(sample_.results); }

  void add_three_rows() {
    sample_.add_row("xlm-r", 0.3);
    sample_.add_row("madx-lad-inv", 0.4);
    sample_.add_row("madx", 0.9);
  }

  void drop(const std::string& row, const std::string& language) {
    auto& scores = sample_.results.scores;
    scores.erase(std::remove_if(scores.begin(), scores.end(),
                                [&](const ExperimentScore& score) {
                                  return score.row == row && score.language == language;
                                }),
                 scores.end());
  }

  io::TemporaryFolder folder_;
  ExperimentSample sample_{folder_.path()};
};

TEST_F(ExperimentReport, SaysFirstWhichRowIsBestOnUnseenTargetsAndByHowMuch) {
  add_three_rows();
  double main = 0, baseline = 0;
  for (const auto& score : sample_.results.scores) {
    if (score.language != "qu") continue;
    if (score.row == "madx") main += score.f1 / 2;
    if (score.row == "madx-lad-inv") baseline += score.f1 / 2;
  }
  const std::string headline = headline_of(html());
  EXPECT_THAT(headline, HasSubstr("The best row is madx with " + fixed_text(main, 1)));
  EXPECT_THAT(headline, HasSubstr("one target language that the encoder has not seen"));
  EXPECT_THAT(headline, HasSubstr("differs from madx-lad-inv by +" +
                                  fixed_text(main - baseline, 1) + " points"));
  EXPECT_THAT(headline, HasSubstr("p = 0.002"));
  EXPECT_THAT(headline, HasSubstr("Row keep-source has no scores"));
}

TEST_F(ExperimentReport, SaysSoWhereThereIsNothingToSay) {
  EXPECT_THAT(headline_of(html()), HasSubstr("Nothing has been scored yet."));
  sample_.results.seeds = {1};
  sample_.add_row("xlm-r", 0.3);
  const std::string headline = headline_of(html());
  EXPECT_THAT(headline, HasSubstr("the only row"));
  EXPECT_THAT(headline, HasSubstr("Row madx has no scores."));
  EXPECT_THAT(headline, HasSubstr("All scores are from one seed"));
  EXPECT_THAT(section(html(), "limits"), HasSubstr("One seed: nothing here says"));
}

TEST_F(ExperimentReport, GivesNoDifferenceToARowThatLacksATarget) {
  add_three_rows();
  drop("madx-lad-inv", "qu");
  EXPECT_THAT(headline_of(html()),
              HasSubstr("madx-lad-inv has no seed with scores for all of them"));
}

TEST_F(ExperimentReport, ComparesOnlyTheSeedsThatBothRowsHave) {
  add_three_rows();
  auto& scores = sample_.results.scores;
  double baseline = 0, main = 0;
  for (auto& score : scores) {
    if (score.seed == 2 && score.row == "madx-lad-inv") score.f1 += 30;
    if (score.seed != 1 || score.language != "qu") continue;
    if (score.row == "madx") main = score.f1;
    if (score.row == "madx-lad-inv") baseline = score.f1;
  }
  scores.erase(std::remove_if(scores.begin(), scores.end(),
                              [](const ExperimentScore& score) {
                                return score.row == "madx" && score.seed == 2;
                              }),
               scores.end());
  EXPECT_THAT(
      headline_of(html()),
      HasSubstr("differs from madx-lad-inv by +" + fixed_text(main - baseline, 1) + " points (" +
                fixed_text(main, 1) + " and " + fixed_text(baseline, 1) + "; 1 of 2 seeds)"));
  EXPECT_EQ(count(section(html(), "scores"), "<small>(1 of 2 seeds)</small>"), 5);
}

TEST_F(ExperimentReport, ShowsNoTypesOnALanguageWhoseLabelsARowHasLearnedFrom) {
  sample_.add_row("madx", 0.1);
  sample_.add_row("multi-source", 0.1);
  for (auto& score : sample_.results.scores) {
    score.f1_by_type = {{"PER", 50.0}};
    if (score.row == "multi-source") score.source = "en+sw";
  }
  const auto types = section(html(), "types");
  EXPECT_EQ(count(types, ">madx<"), 3);
  EXPECT_EQ(count(types, ">multi-source<"), 2);  // not on sw
}

TEST_F(ExperimentReport, TestsNothingWithoutPredictions) {
  add_three_rows();
  for (auto& score : sample_.results.scores) score.predictions.clear();
  EXPECT_THAT(headline_of(html()),
              HasSubstr("not tested: on some targets, the two rows have no predictions"));
  EXPECT_THAT(html(), Not(HasSubstr("▲<")));
  EXPECT_THAT(section(html(), "scores"), HasSubstr("No difference is marked"));
  EXPECT_THAT(section(html(), "examples"), HasSubstr("No sentences to show"));
}

TEST_F(ExperimentReport, MarksWhatIsAboveAndBelowTheBaseline) {
  add_three_rows();
  sample_.add_row("houlsby", 0.02);
  const std::string scores = section(html(), "scores");
  const std::string main = between(scores, "<tr class=\"strong\">", "</tr>");
  EXPECT_EQ(count(main, "▲"), 5);  // three languages and two means
  EXPECT_EQ(count(main, "class=\"best\""), 5);
  EXPECT_THAT(main, HasSubstr("aria-label=\"above madx-lad-inv by "));
  EXPECT_EQ(count(between(scores, ">houlsby<", "</tr>"), "▼"), 5);
  EXPECT_EQ(count(between(scores, ">madx-lad-inv<", "</tr>"), "role=\"img\""), 0);
  EXPECT_THAT(scores, HasSubstr("paired bootstrap"));
}

TEST_F(ExperimentReport, ShowsMeanAndDeviationOfSeeds) {
  sample_.add_row("madx", 0.5);
  auto& scores = sample_.results.scores;
  for (auto& score : scores) score.f1 = score.seed == 1 ? 40 : 44;
  EXPECT_THAT(section(html(), "scores"), HasSubstr("42.0 <small>± 2.8</small>"));
}

TEST_F(ExperimentReport, GivesTheReasonOfAnAbsentCellOnceBelowTheTable) {
  add_three_rows();
  drop("madx", "sw");
  drop("xlm-r", "sw");
  sample_.results.gaps = {{"", "", "sw", "no test set of <sw>"}};
  const std::string scores = section(html(), "scores");
  EXPECT_EQ(count(scores, "– <sup>1</sup>"), 2);  // of the means
  EXPECT_EQ(count(scores, "– <sup>2</sup>"), 2);
  EXPECT_EQ(count(scores, "<sup>2</sup> no test set of &lt;sw&gt;"), 1);
  EXPECT_THAT(section(html(), "limits"), HasSubstr("2 of 9 cells have no score"));
}

TEST_F(ExperimentReport, PutsMeansOverPairsAndAHeatMapBeforeSeveralSources) {
  sample_.results.sources = {"en", "sw"};
  add_three_rows();
  const std::string scores = section(html(), "scores");
  for (const char* text : {"from en", "from sw", "all pairs", "unseen targets",
                           "F1 of madx minus that of madx-lad-inv</title>",
                           "<summary>Labels in en</summary>", "<summary>Labels in sw</summary>"})
    EXPECT_THAT(scores, HasSubstr(text));
  EXPECT_LT(scores.find("all pairs"), scores.find("<summary>"));
}

TEST_F(ExperimentReport, ShowsScoresByTypeOfEachLanguage) {
  add_three_rows();
  const std::string types = section(html(), "types");
  for (const char* text : {">LOC<", ">ORG<", ">PER<", "<summary>qu</summary>"})
    EXPECT_THAT(types, HasSubstr(text));
}

TEST_F(ExperimentReport, DrawsAChartOfBarsALanguageAndOfF1ByTokens) {
  add_three_rows();
  EXPECT_EQ(count(section(html(), "bars"), "<svg"), 3);
  EXPECT_EQ(section(html(), "learning"), "");
  sample_.results.curve = {
      {"en", "qu", 1, 1000, 20}, {"en", "qu", 2, 1000, 24}, {"en", "qu", 1, 9000, 41}};
  const std::string learning = section(html(), "learning");
  EXPECT_EQ(count(learning, "<circle"), 2);  // seeds of one place are one point
  EXPECT_EQ(count(learning, "stroke-dasharray"), 1);
  EXPECT_THAT(learning, HasSubstr("Dashed: F1 of madx-lad-inv"));
}

TEST_F(ExperimentReport, DrawsLossesAgainstTokens) {
  ExperimentTraining training;
  training.kind = "language adapter";
  training.language = "qu";
  training.steps = 100;
  training.tokens = 5000;
  training.curve.resize(2);
  training.curve[0].step = 50;
  training.curve[0].loss = 3;
  training.curve[1].step = 100;
  training.curve[1].loss = 2;
  sample_.results.trainings = {training};
  EXPECT_THAT(section(html(), "learning"), HasSubstr("Training loss of language adapters"));
  EXPECT_THAT(section(html(), "learning"), HasSubstr(">5000<"));
  sample_.results.trainings[0].curve[1].eval_loss = 2.5;
  EXPECT_THAT(section(html(), "learning"), HasSubstr("Held-out loss of language adapters"));
}

TEST_F(ExperimentReport, SetsSizesOfAdaptersBesideAFullModel) {
  ExperimentTraining adapter, full;
  adapter.kind = "language adapter";
  adapter.language = "qu";
  adapter.seconds = 7200;
  adapter.tokens = 14400;
  adapter.size = 10 << 20;
  adapter.command = "train_lang_adapter --text a<b.txt";
  full.kind = "fine-tuning";
  full.row = "xlm-r";
  full.language = "en";
  full.size = 1000 << 20;
  sample_.results.trainings = {adapter, full};
  const std::string costs = section(html(), "costs");
  for (const char* text : {">2.00<", ">14.4 k<", "<td>2</td>", ">10 MiB<", ">1.00 %<", ">1000 MiB<",
                           "train_lang_adapter --text a&lt;b.txt", ">fine-tuning<"})
    EXPECT_THAT(costs, HasSubstr(text));
}

TEST_F(ExperimentReport, ShowsSentencesThatOneRowHasRightBothWays) {
  sample_.add_row("madx-lad-inv", 0.4);
  sample_.add_row("madx", 0.6);
  const std::string examples = section(html(), "examples");
  for (const char* text : {"madx right, madx-lad-inv wrong", "madx-lad-inv right, madx wrong",
                           "<summary>qu</summary>", "title=\"wrong boundary\"", "&lt;b&gt;&amp;"})
    EXPECT_THAT(examples, HasSubstr(text));
  const std::string one = between(examples, "<summary>qu</summary>", "</details>");
  EXPECT_LE(count(one, "class=\"example\""), 20);
  EXPECT_GT(count(one, "class=\"example\""), 4);
}

TEST_F(ExperimentReport, RefusesPredictionsForAnotherTestSet) {
  add_three_rows();
  sample_.sentences = 50;
  sample_.add_row("houlsby", 0.5);
  EXPECT_THAT(io::input_error_of([&] { html(); }),
              HasSubstr("has, but found another one; score rows houlsby and madx-lad-inv on"));
}

TEST_F(ExperimentReport, RefusesAFileOfPredictionsThatIsNotThere) {
  add_three_rows();
  sample_.results.scores.back().predictions = folder_ / "none.conll";
  EXPECT_THAT(io::input_error_of([&] { html(); }), HasSubstr("none.conll"));
}

TEST_F(ExperimentReport, IsOnePageThatNeedsNoOtherFileAndNoScript) {
  sample_.results.sources = {"en", "sw"};
  add_three_rows();
  std::string page = html();
  const std::string name_space = "http://www.w3.org/2000/svg";  // a name, never fetched
  for (size_t at; (at = page.find(name_space)) != std::string::npos;)
    page.erase(at, name_space.size());
  for (const char* outside : {"http:", "https:", "src=", "url(", "@import", "<script", "<link"})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  EXPECT_EQ(count(page, "<svg"), count(page, "role=\"img\" font-family"));
  EXPECT_EQ(count(page, "<table"), count(page, "<caption>"));
  EXPECT_FALSE(std::regex_search(page, std::regex("<th(>| class)")));  // each has its scope
}

TEST_F(ExperimentReport, EscapesWhateverComesFromOutside) {
  sample_.results.name = "<x1>";
  sample_.results.encoder = "<x2>";
  sample_.results.command_line = "<x3>";
  sample_.results.languages = {"<x4>", "sw"};
  sample_.results.sources = {"<x5>"};
  sample_.results.unseen = {"<x4>"};
  sample_.add_row("<x6>", 0.5);
  sample_.add_row("madx-lad-inv", 0.3);
  sample_.add_row("madx", 0.5);
  for (auto& score : sample_.results.scores) score.f1_by_type["<x7>"] = 1;
  sample_.results.gaps = {{"", "", "", "<x8>"}};
  sample_.results.rows.push_back("<x9>");
  ExperimentTraining training;
  training.kind = training.row = training.language = training.command = "<x0>";
  sample_.results.trainings = {training};
  sample_.results.curve = {{"<x5>", "<x4>", 1, 10, 5}};
  const std::string page = html();
  EXPECT_FALSE(std::regex_search(page, std::regex("<x[0-9]>")));
  EXPECT_THAT(page, HasSubstr("&lt;x9&gt;"));
}

TEST_F(ExperimentReport, IsTheSameEachTimeAndIsWrittenAsAFile) {
  add_three_rows();
  write_experiment_report(folder_ / "report.html", sample_.results);
  EXPECT_EQ(io::read_bytes(folder_ / "report.html"), html());
  EXPECT_THROW(write_experiment_report(folder_ / "no/report.html", sample_.results), InputError);
}

}  // namespace experiment_report_test
}  // namespace madx::apps
