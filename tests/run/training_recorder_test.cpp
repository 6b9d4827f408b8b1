#include "apps/run/training_recorder.h"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>
#include <vector>

#include "../support.h"
#include "apps/run/checkpoint_files.h"

namespace madx::apps {
namespace training_recorder_test {

using testing::HasSubstr;

class TrainingRecorderTest : public testing::Test {
 protected:
  TrainingRecorderOptions options() const {
    TrainingRecorderOptions options;
    options.directory = folder_.path();
    options.progress = ProgressStyle::kSilent;
    return options;
  }
  static MetricsRow row(int64_t step) {
    MetricsRow row;
    row.step = step;
    row.loss = 1.0 / static_cast<double>(step);
    return row;
  }
  static Checkpoint checkpoint(int64_t step) {
    Checkpoint checkpoint;
    checkpoint.step = step;
    return checkpoint;
  }
  std::string checkpoint_path() const { return folder_ / "checkpoint"; }
  TemporaryFolder folder_;
};

TEST_F(TrainingRecorderTest, WritesMetricsCheckpointsAndTheCurve) {
  TrainingRecorder recorder(options());
  recorder.on_start(0, 2);
  recorder.on_step({1, 2, 0.5, 100});
  recorder.on_log(row(1));
  recorder.on_checkpoint(checkpoint(1));
  recorder.on_log(row(2));
  recorder.on_end();
  EXPECT_EQ(read_metrics(folder_ / "metrics.jsonl").size(), 2u);
  EXPECT_EQ(read_checkpoint(checkpoint_path(), {}).step, 1);
  EXPECT_THAT(io::read_bytes(folder_ / "loss.svg"), HasSubstr("<svg"));
}

TEST_F(TrainingRecorderTest, CutsTheMetricsBackToTheCheckpointThatTrainingGoesOnFrom) {
  {
    TrainingRecorder recorder(options());
    for (const int64_t step : {1, 2, 3, 4}) recorder.on_log(row(step));
  }
  const auto from = checkpoint(2);
  TrainingRecorder resumed(options(), &from);
  resumed.on_log(row(3));
  const auto rows = read_metrics(folder_ / "metrics.jsonl");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows.back().step, 3);
}

TEST_F(TrainingRecorderTest, LabelsEveryRow) {
  auto labelled = options();
  labelled.labels = {{"vocabulary", "text"}};
  TrainingRecorder recorder(labelled);
  recorder.on_start(0, 2);
  recorder.on_log(row(1));
  recorder.on_log(row(2));
  recorder.on_end();
  for (const auto& row : read_metrics(folder_ / "metrics.jsonl"))
    EXPECT_EQ(row.labels, labelled.labels);
  EXPECT_THAT(io::read_bytes(folder_ / "loss.svg"), HasSubstr("loss (--vocabulary text)"));
}

TEST_F(TrainingRecorderTest, WishesACheckpointWheneverItsTimeHasPassed) {
  auto often = options();
  often.save_seconds = 1e-9;
  TrainingRecorder recorder(often), seldom(options());
  recorder.on_start(0, 2);
  seldom.on_start(0, 2);
  EXPECT_EQ(recorder.wish(), TrainingObserver::Wish::kSave);
  EXPECT_EQ(seldom.wish(), TrainingObserver::Wish::kGoOn) << "ten minutes have not passed";
}

TEST_F(TrainingRecorderTest, CountsTheTimeToTheNextCheckpointFromTheLastOne) {
  auto chosen = options();
  chosen.save_seconds = 0.2;
  TrainingRecorder recorder(chosen);
  recorder.on_start(0, 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(recorder.wish(), TrainingObserver::Wish::kSave);
  bool goes_on = false;
  for (int i = 0; i < 10 && !goes_on; ++i) {  // a loaded machine may take that long between the two
    recorder.on_checkpoint(checkpoint(1));
    goes_on = recorder.wish() == TrainingObserver::Wish::kGoOn;
  }
  EXPECT_TRUE(goes_on);
}

TEST_F(TrainingRecorderTest, AsksForSnapshotsAtMultiplesOfTheirSteps) {
  std::vector<int64_t> steps;
  auto chosen = options();
  chosen.snapshot_every = 3;
  chosen.snapshot = [&](int64_t step) { steps.push_back(step); };
  TrainingRecorder recorder(chosen);
  recorder.on_start(0, 7);
  for (int64_t step = 1; step <= 7; ++step) recorder.on_step({step, 7, 0.5, 100});
  EXPECT_THAT(steps, testing::ElementsAre(3, 6));
}

TEST_F(TrainingRecorderTest, BeginsAnewWhereNothingIsResumed) {
  {
    TrainingRecorder killed(options());
    killed.on_log(row(1));
  }
  TrainingRecorder recorder(options());
  recorder.on_log(row(1));
  EXPECT_EQ(read_metrics(folder_ / "metrics.jsonl").size(), 1u);
}

TEST_F(TrainingRecorderTest, WishesToStopWhereItWasInterrupted) {
  bool interrupted = false;
  auto chosen = options();
  chosen.interrupted = [&] { return interrupted; };
  TrainingRecorder recorder(chosen);
  recorder.on_start(0, 2);
  EXPECT_EQ(recorder.wish(), TrainingObserver::Wish::kGoOn);
  interrupted = true;
  EXPECT_EQ(recorder.wish(), TrainingObserver::Wish::kStop);
}

TEST_F(TrainingRecorderTest, RefusesNoDirectoryAndNoTime) {
  auto nowhere = options();
  nowhere.directory = "";
  EXPECT_EQ(input_error_of([&] { TrainingRecorder recorder(nowhere); }),
            "TrainingRecorderOptions: expected directory to name one, but found nothing");
  auto never = options();
  never.save_seconds = 0;
  EXPECT_EQ(input_error_of([&] { TrainingRecorder recorder(never); }),
            "TrainingRecorderOptions: expected save_seconds above 0, but found 0");
}

}  // namespace training_recorder_test
}  // namespace madx::apps
