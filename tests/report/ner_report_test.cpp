#include "apps/report/ner_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "madx/core/error.h"

namespace madx::apps {
namespace ner_report_test {

using ::testing::HasSubstr;
using ::testing::Not;

using Words = std::vector<std::string>;

NerReport report_on(std::vector<NerPredictions> predictions) {
  NerReport report;
  report.results.setup = "madx";
  report.results.source = "en";
  report.results.seed = 42;
  report.encoder = "models/encoder.pt";
  report.adapters = {{"sw", "adapters/sw"}};
  report.command_line = "zero_shot_ner --source en";
  report.predictions = std::move(predictions);
  for (const NerPredictions& of_language : report.predictions) {
    std::vector<Words> gold;
    for (const TaggedSentence& sentence : of_language.gold) gold.push_back(sentence.tags);
    report.results.runs.push_back(
        {"madx", of_language.language, span_f1(gold, of_language.predicted)});
  }
  return report;
}

NerReport report_on(const Words& tokens, const Words& gold, const Words& predicted) {
  return report_on({{"sw", {{tokens, gold}}, {predicted}}});
}

int64_t count(const std::string& text, const std::string& part) {
  int64_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// How the only sentence is marked: its chips.
std::string chips(const std::string& html) {
  const size_t begin = html.find("<div class=\"chips\">");
  return html.substr(begin, html.find("</div>", begin) - begin);
}

TEST(NerReport, SaysWhatWasRun) {
  NerReport report = report_on({"Kigali"}, {"B-LOC"}, {"B-LOC"});
  report.results.train_seconds = 93.44;
  report.results.best_dev_f1 = 88.1234;
  const std::string html = ner_report_html(report);
  for (const char* fact :
       {"<dd>madx</dd>", "<dd>en</dd>", "<dd>42</dd>", ">models/encoder.pt<", ">adapters/sw<",
        "<dd>93.4 seconds</dd>", "<dd>88.12 %</dd>", ">zero_shot_ner --source en<"}) {
    EXPECT_THAT(html, HasSubstr(fact));
  }
}

TEST(NerReport, IsOnePageThatNeedsNoOtherFile) {
  NerReport report = report_on({"Kigali"}, {"B-LOC"}, {"B-LOC"});
  report.training.resize(3);
  std::string html = ner_report_html(report);
  const std::string name_space = "http://www.w3.org/2000/svg";  // a name, never fetched
  for (size_t at; (at = html.find(name_space)) != std::string::npos;)
    html.erase(at, name_space.size());
  for (const char* outside : {"http:", "https:", "src=", "url(", "@import", "<script", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(NerReport, ShowsTheLossOnlyWhereSomethingWasTrained) {
  NerReport report = report_on({"Kigali"}, {"B-LOC"}, {"B-LOC"});
  EXPECT_THAT(ner_report_html(report), Not(HasSubstr("id=\"training\"")));
  report.training.resize(3);
  EXPECT_THAT(ner_report_html(report), HasSubstr("id=\"training\""));
}

TEST(NerReport, PutsOtherSetupsBesideItsOwn) {
  NerReport report = report_on({"Kigali"}, {"B-LOC"}, {"B-LOC"});
  EXPECT_THAT(ner_report_html(report), Not(HasSubstr("F1 of all setups")));
  NerScores scores;
  scores.micro.f1 = 51.25;
  report.results.runs.push_back({"no-lang", "sw", scores});
  const std::string html = ner_report_html(report);
  EXPECT_THAT(html, HasSubstr("F1 of all setups"));
  EXPECT_THAT(html, HasSubstr("<td>51.25</td>"));
}

TEST(NerReport, CallsAnEntityThatIsNotPredictedMissed) {
  const auto html = ner_report_html(report_on({"Kigali"}, {"B-LOC"}, {"O"}));
  EXPECT_THAT(chips(html), HasSubstr(">missed<"));
  EXPECT_THAT(
      html,
      HasSubstr("<mark class=\"e1 wrong\" title=\"missed\">Kigali <b dir=\"ltr\">LOC</b></mark>"));
}

TEST(NerReport, CallsAPredictionWithoutAnEntitySpurious) {
  const auto html = ner_report_html(report_on({"Kigali"}, {"O"}, {"B-LOC"}));
  EXPECT_THAT(chips(html), HasSubstr(">spurious<"));
}

TEST(NerReport, CallsTheRightTokensWithAnotherTypeAWrongType) {
  const auto html = ner_report_html(report_on({"Kigali"}, {"B-LOC"}, {"B-ORG"}));
  EXPECT_EQ(chips(html), "<div class=\"chips\"><span class=\"chip wrong\">wrong type</span>");
}

TEST(NerReport, CallsAnOverlapAWrongBoundary) {
  const auto html = ner_report_html(
      report_on({"Dar", "es", "Salaam"}, {"B-LOC", "I-LOC", "I-LOC"}, {"O", "O", "B-LOC"}));
  EXPECT_EQ(chips(html), "<div class=\"chips\"><span class=\"chip wrong\">wrong boundary</span>");
}

TEST(NerReport, ShowsACorrectSentenceOnce) {
  const auto html = ner_report_html(report_on({"Kigali", "leo"}, {"B-LOC", "O"}, {"S-LOC", "O"}));
  EXPECT_THAT(chips(html), HasSubstr(">correct<"));
  EXPECT_EQ(count(html, "<mark"), 1);
}

TEST(NerReport, CountsTokensByGoldAndPredictedType) {
  const auto html =
      ner_report_html(report_on({"Paul", "Kagame", "Kigali", "leo"},
                                {"B-PER", "I-PER", "B-LOC", "O"}, {"B-PER", "O", "B-LOC", "O"}));
  const size_t begin = html.find("<table class=\"matrix\">");
  std::string matrix = html.substr(html.find("<tr>", begin),
                                   html.find("</table>", begin) - html.find("<tr>", begin));
  matrix = std::regex_replace(matrix, std::regex("<[^>]*>"), " ");
  matrix = std::regex_replace(matrix, std::regex("\\s+"), " ");
  EXPECT_EQ(matrix, " LOC PER O LOC 1 0 0 PER 0 1 1 O 0 0 1 ");
}

TEST(NerReport, ShowsFortySentencesWrongOnesFirst) {
  NerPredictions predictions{"sw", {}, {}};
  for (int i = 0; i < 60; ++i) {
    predictions.gold.push_back({{"token" + std::to_string(i)}, {i < 10 ? "O" : "B-LOC"}});
    predictions.predicted.push_back({i == 59 || i < 10 ? "O" : "B-LOC"});
  }
  const auto html = ner_report_html(report_on({predictions}));
  EXPECT_EQ(count(html, "class=\"example\""), 40);
  EXPECT_LT(html.find("token59<"), html.find("token10<"));
  EXPECT_THAT(html, Not(HasSubstr("token0<")));  // nothing to find in it, and nothing found
  EXPECT_THAT(html, HasSubstr("1 of 60 sentences"));
}

TEST(NerReport, LetsTheTextChooseItsDirection) {
  const auto html = ner_report_html(report_on({"القاهرة"}, {"B-LOC"}, {"B-LOC"}));
  EXPECT_THAT(
      html,
      HasSubstr(
          "<p dir=\"auto\"><mark class=\"e1\" title=\"correct\">القاهرة <b dir=\"ltr\">LOC</b>"));
}

TEST(NerReport, EscapesWhateverComesFromOutside) {
  NerReport report = report_on({"<i>"}, {"B-<b>"}, {"B-<u>"});
  report.results.setup = "<s1>";
  report.results.source = "<s2>";
  report.encoder = "<s3>";
  report.adapters = {{"<s4>", "<s5>"}};
  report.command_line = "<s6> & \"x\"";
  report.predictions[0].language = "<s7>\"";
  report.results.runs[0].setup = "<s1>";
  report.results.runs[0].language = "<s8>";
  const auto html = ner_report_html(report);
  for (const char* raw :
       {"<i>", "<b>", "<u>", "<s1>", "<s2>", "<s3>", "<s4>", "<s5>", "<s6>", "<s7>", "<s8>"}) {
    EXPECT_THAT(html, Not(HasSubstr(raw)));
  }
  EXPECT_THAT(html, HasSubstr("id=\"language-&lt;s7&gt;&quot;\""));
}

TEST(NerReport, TakesATestSetWithoutEntitiesAndARunWithoutTestSets) {
  EXPECT_THAT(ner_report_html(report_on({"leo"}, {"O"}, {"O"})), HasSubstr("0 of 1 sentences"));
  EXPECT_THAT(ner_report_html(report_on(std::vector<NerPredictions>{})), HasSubstr("</html>"));
}

TEST(NerReport, RefusesPredictionsOfAnotherLength) {
  NerReport report = report_on({"a", "b"}, {"O", "O"}, {"O", "O"});
  report.predictions[0].predicted[0].pop_back();
  EXPECT_THROW(ner_report_html(report), std::invalid_argument);
  report.predictions[0].predicted.clear();
  EXPECT_THROW(ner_report_html(report), std::invalid_argument);
}

TEST(NerReport, IsWrittenAsAFile) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "madx_report_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const NerReport report = report_on({"Kigali"}, {"B-LOC"}, {"B-LOC"});
  write_ner_report(folder + "/report.html", report);
  std::ostringstream text;
  text << std::ifstream(folder + "/report.html").rdbuf();
  EXPECT_EQ(text.str(), ner_report_html(report));
  EXPECT_THROW(write_ner_report(folder + "/no/report.html", report), InputError);
  fs::remove_all(folder);
}

}  // namespace ner_report_test
}  // namespace madx::apps
