#include "apps/run/metrics_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "madx/core/error.h"

namespace madx::apps {
namespace metrics_log_test {

namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

MetricsRow row_at(int64_t step) {
  MetricsRow row;
  row.step = step;
  row.loss = 10.0 / static_cast<double>(step + 1);
  row.lr = 1e-4;
  row.tokens_per_second = 812.5;
  return row;
}

class MetricsLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "madx_metrics_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = (folder_ / "metrics.jsonl").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path_, std::ios::binary).rdbuf();
    return text.str();
  }
  void set_text(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  fs::path folder_;
  std::string path_;
};

TEST_F(MetricsLogTest, WritesOneObjectALineInAFixedOrder) {
  MetricsLog log(path_, MetricsLog::Mode::kFresh);
  MetricsRow row = row_at(9);
  row.eval_loss = 2.5;
  row.perplexity = 12.25;
  row.extra = {{"gradient_norm", 0.75}, {"dev_f1", 61.5}};
  log.write(row_at(0));
  log.write(row);
  EXPECT_EQ(text(),
            "{\"step\":0,\"loss\":10.0,\"lr\":0.0001,\"tokens_per_second\":812.5}\n"
            "{\"step\":9,\"loss\":1.0,\"lr\":0.0001,\"tokens_per_second\":812.5,\"eval_loss\":2.5,"
            "\"perplexity\":12.25,\"dev_f1\":61.5,\"gradient_norm\":0.75}\n");
}

TEST_F(MetricsLogTest, ReadsBackEveryFieldExactly) {
  MetricsRow row = row_at(3);
  row.loss = 0.1 + 0.2;
  row.eval_loss = 1.0 / 3;
  row.perplexity = std::exp(1.0 / 3);
  row.extra["dev_f1"] = 61.23456789;
  row.labels["vocabulary"] = "text";
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row);
  const auto rows = read_metrics(path_);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].step, 3);
  EXPECT_EQ(rows[0].loss, row.loss);
  EXPECT_EQ(rows[0].lr, row.lr);
  EXPECT_EQ(rows[0].tokens_per_second, row.tokens_per_second);
  EXPECT_EQ(rows[0].eval_loss, row.eval_loss);
  EXPECT_EQ(rows[0].perplexity, row.perplexity);
  EXPECT_EQ(rows[0].extra, row.extra);
  EXPECT_EQ(rows[0].labels, row.labels);
}

TEST_F(MetricsLogTest, WritesNaNAndInfinityAsNull) {
  MetricsRow row = row_at(1);
  row.loss = kNaN;
  row.eval_loss = kInfinity;
  row.extra["x"] = -kInfinity;
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row);
  EXPECT_EQ(
      text(),
      "{\"step\":1,\"loss\":null,\"lr\":0.0001,\"tokens_per_second\":812.5,\"eval_loss\":null,"
      "\"x\":null}\n");
  const auto rows = read_metrics(path_);
  EXPECT_TRUE(std::isnan(rows.at(0).loss));
  ASSERT_TRUE(rows.at(0).eval_loss.has_value());
  EXPECT_TRUE(std::isnan(*rows.at(0).eval_loss));
}

TEST_F(MetricsLogTest, IsReadableWhileTheRunGoesOn) {
  MetricsLog log(path_, MetricsLog::Mode::kFresh);
  log.write(row_at(1));
  EXPECT_EQ(read_metrics(path_).size(), 1u);
  log.write(row_at(2));
  EXPECT_EQ(read_metrics(path_).size(), 2u);
}

TEST_F(MetricsLogTest, EmptiesAnOlderFileUnlessAppending) {
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row_at(1));
  MetricsLog(path_, MetricsLog::Mode::kAppend).write(row_at(2));
  EXPECT_EQ(read_metrics(path_).size(), 2u);
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row_at(3));
  EXPECT_EQ(read_metrics(path_).size(), 1u);
}

TEST_F(MetricsLogTest, AppendsToAFileThatIsNotThereYet) {
  MetricsLog(path_, MetricsLog::Mode::kAppend).write(row_at(1));
  EXPECT_EQ(read_metrics(path_).size(), 1u);
}

TEST_F(MetricsLogTest, AnInterruptedAndResumedRunLeavesTheFileOfAnUninterruptedOne) {
  {
    MetricsLog log(path_, MetricsLog::Mode::kFresh);
    for (int64_t step = 0; step < 10; ++step) log.write(row_at(step));
  }
  const std::string uninterrupted = text();
  {
    MetricsLog log(path_, MetricsLog::Mode::kFresh);
    for (int64_t step = 0; step < 7; ++step) log.write(row_at(step));
  }
  std::ofstream(path_, std::ios::app) << "{\"step\":7,\"lo";  // the power went here
  MetricsLog log(path_, MetricsLog::Mode::kAppend);
  log.truncate_after(4);
  EXPECT_EQ(read_metrics(path_).back().step, 4);
  for (int64_t step = 5; step < 10; ++step) log.write(row_at(step));
  EXPECT_EQ(text(), uninterrupted);
}

TEST_F(MetricsLogTest, CutsALastLineWithoutItsNewlineBeforeAppending) {
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row_at(1));
  const std::string whole = text();
  set_text(whole + "{\"step\":2,\"lo");
  EXPECT_EQ(read_metrics(path_).size(), 1u);
  MetricsLog log(path_, MetricsLog::Mode::kAppend);
  EXPECT_EQ(text(), whole);
  log.write(row_at(2));
  EXPECT_EQ(read_metrics(path_).size(), 2u);
}

TEST_F(MetricsLogTest, NamesTheLineThatIsNotARow) {
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row_at(1));
  for (const char* line : {"not json\n", "{\"step\":1}\n", "[]\n", "{\"step\":\"1\"}\n", "\n"}) {
    set_text(text().substr(0, text().find('\n') + 1) + line);
    try {
      read_metrics(path_);
      FAIL() << "expected InputError for " << line;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(path_ + ":2: expected"), std::string::npos)
          << error.what();
    }
  }
}

TEST_F(MetricsLogTest, WritesLabelsAsText) {
  MetricsRow row = row_at(9);
  row.extra["dev_f1"] = 61.5;
  row.labels["vocabulary"] = "text";
  MetricsLog(path_, MetricsLog::Mode::kFresh).write(row);
  EXPECT_EQ(text(),
            "{\"step\":9,\"loss\":1.0,\"lr\":0.0001,\"tokens_per_second\":812.5,\"dev_f1\":61.5,"
            "\"vocabulary\":\"text\"}\n");
}

TEST_F(MetricsLogTest, RefusesAnExtraKeyOrALabelThatIsAField) {
  MetricsLog log(path_, MetricsLog::Mode::kFresh);
  MetricsRow row = row_at(1), labelled = row_at(1);
  row.extra["loss"] = 1;
  labelled.labels["loss"] = "1";
  EXPECT_THROW(log.write(row), std::invalid_argument);
  EXPECT_THROW(log.write(labelled), std::invalid_argument);
}

TEST_F(MetricsLogTest, CallsAMissingFileOrFolderTheUsersMistake) {
  EXPECT_THROW(read_metrics(path_), InputError);
  EXPECT_THROW(MetricsLog((folder_ / "no" / "x.jsonl").string(), MetricsLog::Mode::kFresh),
               InputError);
}

TEST_F(MetricsLogTest, CallsAFullDiskAFailureOfTheMachine) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  MetricsLog log("/dev/full", MetricsLog::Mode::kFresh);
  EXPECT_THROW(log.write(row_at(1)), MachineError);
}

}  // namespace metrics_log_test
}  // namespace madx::apps
