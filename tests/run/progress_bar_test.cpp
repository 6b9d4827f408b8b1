#include "apps/run/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <vector>

#include "apps/report/terminal.h"

namespace madx::apps {
namespace progress_bar_test {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ProgressBarTest : public ::testing::Test {
 protected:
  ProgressOptions options(ProgressStyle style) {
    ProgressOptions options;
    options.style = style;
    options.colour = false;
    options.out = &out_;
    options.seconds = [this] { return now_; };
    options.width = [this] { return width_; };
    return options;
  }

  // What was drawn in place, one element a drawing.
  std::vector<std::string> drawings() const {
    std::vector<std::string> lines;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line, '\r');) {
      if (!line.empty()) lines.push_back(line.substr(0, line.find("\x1b[K")));
    }
    return lines;
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  std::ostringstream out_;
  double now_ = 100;
  int64_t width_ = 100;
};

TEST_F(ProgressBarTest, DrawsLabelBarCountStatusAndTimeLeft) {
  ProgressBar bar("train sw", 1000, options(ProgressStyle::kBar));
  for (int i = 1; i <= 420; ++i) {
    now_ += 0.25;
    bar.update(i, training_status(5.3123, 811.6));
  }
  EXPECT_EQ(
      drawings().back(),
      "train sw  [############------------------] 420/1000  loss 5.312  812 tok/s  2:25 left");
}

TEST_F(ProgressBarTest, RedrawsAtMostTenTimesASecond) {
  ProgressBar bar("tokenize", 100000, options(ProgressStyle::kBar));
  for (int i = 1; i <= 20000; ++i) {
    now_ += 1e-4;
    bar.update(i);
  }
  EXPECT_GE(drawings().size(), 18u);
  EXPECT_LE(drawings().size(), 21u);
}

TEST_F(ProgressBarTest, NeverFillsTheLastColumnOfANarrowTerminal) {
  ProgressBar bar("train sw", 1000, options(ProgressStyle::kBar));
  for (width_ = 100; width_ > 0; --width_) {
    now_ += 1;
    bar.update(101 - width_, "loss 5.31  812 tok/s");
    EXPECT_LT(display_width(drawings().empty() ? "" : drawings().back()), width_);
  }
}

TEST_F(ProgressBarTest, TimeLeftFollowsAChangeOfSpeed) {
  ProgressBar bar("train", 2000, options(ProgressStyle::kBar));
  int done = 0;
  for (; done < 100; ++done) bar.update(done, ""), now_ += 1;
  EXPECT_THAT(drawings().back(), EndsWith("31:41 left"));
  for (; done < 1900; ++done) bar.update(done, ""), now_ += 0.1;
  // A hundred and one steps are left at 0.1 s each; the slow start is as good as forgotten.
  EXPECT_THAT(drawings().back(), ::testing::MatchesRegex(".*0:1[0-9] left"));
}

TEST_F(ProgressBarTest, TimeLeftCountsPausesForEvaluation) {
  ProgressBar bar("train", 1000, options(ProgressStyle::kBar));
  for (int done = 1; done <= 500; ++done) {
    now_ += done % 10 == 0
                ? 6
                : 1;  // each tenth step is followed by 5 seconds of evaluation: 1.5 s a step
    bar.update(done);
  }
  EXPECT_THAT(drawings().back(), ::testing::MatchesRegex(".*1[23]:.. left"));  // 12:30
}

TEST_F(ProgressBarTest, SaysNothingOfTimeBeforeItKnows) {
  ProgressBar bar("train", 1000, options(ProgressStyle::kBar));
  now_ += 0.5;
  bar.update(1);
  EXPECT_THAT(out_.str(), Not(HasSubstr("left")));
}

TEST_F(ProgressBarTest, StepsOfAnEarlierRunDoNotCountInTheSpeed) {
  auto resumed = options(ProgressStyle::kBar);
  resumed.first = 900;
  ProgressBar bar("train", 1000, resumed);
  EXPECT_THAT(drawings().back(), HasSubstr("900/1000"));
  for (int done = 901; done <= 950; ++done) now_ += 1, bar.update(done);
  EXPECT_THAT(drawings().back(), EndsWith("0:50 left"));
}

TEST_F(ProgressBarTest, EndsTheLineWithTheLastStateAndTheTimeTaken) {
  {
    ProgressBar bar("train", 10, options(ProgressStyle::kBar));
    now_ += 3723;
    bar.update(10, "loss 1");
  }
  EXPECT_EQ(drawings().back(),
            "train  [##############################] 10/10  loss 1  took 1:02:03");
  EXPECT_THAT(out_.str(), EndsWith("\n"));
}

TEST_F(ProgressBarTest, EndsTheLineWhenAnExceptionPasses) {
  try {
    ProgressBar bar("train", 10, options(ProgressStyle::kBar));
    bar.update(4);
    now_ += 7;
    throw std::runtime_error("disk full");
  } catch (const std::runtime_error&) {
  }
  EXPECT_THAT(out_.str(), HasSubstr("4/10  stopped after 0:07"));
  EXPECT_THAT(out_.str(), EndsWith("\n"));
}

// Standard error may be closed while a run goes on.
class BrokenBuffer : public std::streambuf {
  int overflow(int) override { throw std::runtime_error("closed"); }
};

TEST_F(ProgressBarTest, DestructorSurvivesAStreamThatThrows) {
  BrokenBuffer buffer;
  std::ostream broken(&buffer);
  broken.exceptions(std::ios::badbit);
  auto lines = options(ProgressStyle::kLines);
  lines.out = &broken;
  EXPECT_NO_THROW(ProgressBar("train", 10, lines));
}

TEST_F(ProgressBarTest, FinishesOnce) {
  ProgressBar bar("train", 2, options(ProgressStyle::kLines));
  bar.update(2);
  bar.finish();
  bar.finish();
  bar.update(2);
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(ProgressBarTest, PrintsPlainLinesEveryFiveSecondsWithoutATerminal) {
  {
    ProgressBar bar("train sw", 60, options(ProgressStyle::kLines));
    for (int done = 1; done <= 60; ++done) {
      now_ += 0.5;
      bar.update(done, "loss 2");
    }
  }
  ASSERT_EQ(lines().size(), 6u);
  EXPECT_EQ(lines().front(), "train sw  10/60  loss 2  0:25 left");
  EXPECT_EQ(lines().back(), "train sw  60/60  loss 2  took 0:30");
  EXPECT_EQ(out_.str().find_first_of("\r\x1b"), std::string::npos);
}

TEST_F(ProgressBarTest, PrintsALineAtEachLoggingIntervalWhenGivenOne) {
  auto logged = options(ProgressStyle::kLines);
  logged.line_every = 20;
  {
    ProgressBar bar("train", 50, logged);
    for (int done = 1; done <= 50; ++done) bar.update(done);
  }
  ASSERT_EQ(lines().size(), 3u);
  EXPECT_THAT(lines()[0], HasSubstr("20/50"));
  EXPECT_THAT(lines()[1], HasSubstr("40/50"));
  EXPECT_THAT(lines()[2], HasSubstr("50/50"));
}

TEST_F(ProgressBarTest, SilentShowsNotesOnly) {
  ProgressBar bar("train", 10, options(ProgressStyle::kSilent));
  now_ += 60;
  bar.update(10, "loss 1");
  bar.note("checkpoint saved");
  bar.finish();
  EXPECT_EQ(out_.str(), "checkpoint saved\n");
}

TEST_F(ProgressBarTest, PutsANoteAboveTheBar) {
  ProgressBar bar("train", 10, options(ProgressStyle::kBar));
  bar.note("eval loss 3.2");
  EXPECT_THAT(out_.str(), HasSubstr("\r\x1b[Keval loss 3.2\n\rtrain  ["));
}

TEST_F(ProgressBarTest, ColoursOnlyWhenAskedTo) {
  auto coloured = options(ProgressStyle::kBar);
  { ProgressBar bar("train", 10, coloured); }
  EXPECT_EQ(out_.str().find("\x1b[32m"), std::string::npos);
  coloured.colour = true;
  { ProgressBar bar("train", 10, coloured); }
  EXPECT_NE(out_.str().find("\x1b[32m"), std::string::npos);
}

TEST_F(ProgressBarTest, TakesALoopOfNoSteps) {
  { ProgressBar bar("train", 0, options(ProgressStyle::kBar)); }
  EXPECT_THAT(drawings().back(), HasSubstr("0/0  took 0:00"));
}

}  // namespace progress_bar_test
}  // namespace madx::apps
