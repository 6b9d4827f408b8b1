#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "madx/train/training_observer.h"

namespace madx {

/// What a training tells, in memory. Stops after step `stop_after`.
class Record : public TrainingObserver {
 public:
  explicit Record(int64_t stop_after = -1) : stop_after_(stop_after) {}
  void on_step(const Progress& progress) override { step_ = progress.step; }
  void on_evaluation(int64_t step, const std::string& summary) override {
    summaries.push_back(std::to_string(step) + ": " + summary);
  }
  void on_log(const MetricsRow& row) override { rows.push_back(row); }
  void on_checkpoint(const Checkpoint& saved) override {
    checkpoint = saved;
    for (auto* tensors :
         {&checkpoint.tensors, &checkpoint.first_moments, &checkpoint.second_moments,
          &checkpoint.tensor_steps, &checkpoint.tensor_sums}) {
      for (auto& entry : *tensors) entry.second = entry.second.detach().clone();
    }
    checkpoints.push_back(checkpoint);
  }
  Wish wish() override { return step_ == stop_after_ ? Wish::kStop : Wish::kGoOn; }

  std::vector<MetricsRow> rows;
  std::vector<std::string> summaries;  ///< of evaluations: "step: summary"
  Checkpoint checkpoint;               ///< the last one
  std::vector<Checkpoint> checkpoints;

 private:
  int64_t stop_after_, step_ = 0;
};

inline void expect_same_tensors(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
}

}  // namespace madx
