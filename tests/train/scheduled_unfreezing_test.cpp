#include "madx/train/scheduled_unfreezing.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "../support.h"
#include "tagging_run.h"
#include "training_record.h"

namespace madx {
namespace scheduled_unfreezing_test {

using testing::HasSubstr;

TaggingTask::Options unfreezing(int64_t every) {
  TaggingTask::Options options;
  options.languages = two_languages().second;
  options.unfreeze_every = every;
  return options;
}

bool of_layer(const std::string& name, int layer) {
  return name.find("encoder.layer." + std::to_string(layer) + ".") == 0;
}

TrainerOptions options(int64_t steps) {
  TrainerOptions options;
  options.steps = steps;
  options.lr = 0.02;
  options.weight_decay = 0.1;
  options.save_every = 1;
  return options;
}

TEST(ScheduledUnfreezing, LeavesWhatIsNotReachedAsItIsBitForBit) {
  TaggingRun run(unfreezing(3));
  EXPECT_EQ(run.task->unfreezing_stages(), 2);
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : run.task->trained()) before[name] = tensor.detach().clone();
  Record record;
  train(*run.task, options(5), record);
  ASSERT_EQ(record.checkpoints.size(), 5u);
  size_t lower = 0;
  for (const auto& checkpoint : record.checkpoints) {
    const auto step = checkpoint.step;
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
      const auto& [name, tensor] = checkpoint.tensors[i];
      SCOPED_TRACE(name + " after step " + std::to_string(step));
      const bool waits = of_layer(name, 0);
      lower += waits;
      const auto learned = waits ? std::max<int64_t>(0, step - 3) : step;
      EXPECT_EQ(checkpoint.tensor_steps[i].second.item<double>(), learned);
      EXPECT_EQ(at::equal(tensor, before.at(name)), learned == 0);
      const auto moment = checkpoint.first_moments[i].second.abs().max().item<double>();
      EXPECT_EQ(moment == 0, learned == 0);
    }
  }
  EXPECT_EQ(lower, 5u * 8u) << "two adapters of four tensors";
  for (const auto& [name, tensor] : run.task->trained()) EXPECT_TRUE(tensor.requires_grad());
}

TEST(ScheduledUnfreezing, HasTheGradientsThatFullTrainingHas) {
  TaggingRun scheduled(unfreezing(3)), full(unfreezing(0));
  const auto gradients = [](TaggingRun& run, int64_t step) {
    run.task->train(false);
    for (auto& [name, tensor] : run.task->trained()) {
      tensor.mutable_grad() = at::Tensor();
      tensor.requires_grad_(true);
    }
    run.task->begin_step(step);
    run.task->loss(0).value.backward();
    return run.task->trained();
  };
  const auto expected = gradients(full, 0);
  for (const int64_t step : {0, 2, 3, 100}) {
    const auto found = gradients(scheduled, step);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      SCOPED_TRACE(found[i].first + " at step " + std::to_string(step));
      const bool learns = step >= 3 || !of_layer(found[i].first, 0);
      ASSERT_EQ(found[i].second.grad().defined(), learns);
      if (!learns) continue;
      EXPECT_TRUE(at::equal(found[i].second.grad(), expected[i].second.grad()));
    }
  }
}

TEST(ScheduledUnfreezing, EndsWithTheInvertibleAdapter) {
  AdapterStack adapters(/*hidden_size=*/12, /*num_layers=*/3);
  auto config = named_config("pfeiffer+inv");
  config.leave_out = {1};
  const auto trained = adapters->add("sw", config)->named_tensors();
  ScheduledUnfreezing unfreezing(adapters, trained, 10);
  EXPECT_EQ(unfreezing.stages(), 3) << "layers 2 and 0, and the invertible adapter";
  const auto learning = [&](int64_t step) {
    unfreezing.begin_step(step);
    std::set<std::string> parts;
    for (const auto& [name, tensor] : trained)
      if (tensor.requires_grad()) parts.insert(name.substr(0, name.find(".output")).substr(0, 15));
    return parts;
  };
  const std::set<std::string> top = {"encoder.layer.2"};
  EXPECT_EQ(learning(0), top);
  EXPECT_EQ(learning(9), top);
  EXPECT_EQ(learning(10), (std::set<std::string>{"encoder.layer.0", "encoder.layer.2"}));
  EXPECT_GT(learning(20).size(), 2u);
  for (const auto& entry : trained) EXPECT_TRUE(entry.second.requires_grad());
}

TEST(ScheduledUnfreezing, RefusesWhatHasNoSchedule) {
  EXPECT_EQ(input_error_of([] { TaggingRun run(unfreezing(-1)); }),
            "unfreeze_every: expected a number of at least 0, but found -1");
  AdapterStack adapters(12, 2);
  adapters->add("sw", named_config("pfeiffer"));
  EXPECT_THAT(input_error_of([&] {
                ScheduledUnfreezing unfreezing(adapters, {{"head", at::ones({2})}}, 5);
              }),
              HasSubstr("expected an adapter that learns"));
  auto fused = unfreezing(5);
  fused.fusions = {"ner,pos"};
  EXPECT_EQ(input_error_of([&] { TaggingRun run(fused); }),
            "TaggingTask: expected unfreeze_every 0 beside fusions that learn, but found 5");
}

TEST(TrainingVariants, ResumeToTheSameBits) {
  at::set_num_threads(1);
  struct Variant {
    const char* name;
    TaggingTask::Options task;
    int64_t average_every = 0;
  };
  auto drawn = unfreezing(0), all = unfreezing(4);
  drawn.train_languages = {"sw", "rw"};
  drawn.dev_languages = drawn.languages;
  all.train_languages = {"sw", "rw"};
  all.dev_languages = all.languages;
  all.adapter_drop = 1;
  for (const auto& variant : {Variant{"two sources", unfreezing(0)}, Variant{"drawn", drawn},
                              Variant{"unfreezing", unfreezing(4)}, Variant{"all", all, 5}}) {
    auto chosen = options(12);
    chosen.gradient_accumulation = 2;
    chosen.average_every = variant.average_every;
    chosen.eval_every = 4;
    TaggingRun whole(variant.task);
    Record record;
    train(*whole.task, chosen, record);
    for (const int64_t stop : {2, 4, 7, 12}) {
      SCOPED_TRACE(std::string(variant.name) + " after step " + std::to_string(stop));
      TaggingRun rest(variant.task, {kLanguage, "ner"}, /*seed=*/2);
      Record resumed;
      train(*rest.task, chosen, resumed, &record.checkpoints.at(static_cast<size_t>(stop - 1)));
      expect_same_tensors(rest.task->trained(), whole.task->trained());
    }
  }
}

}  // namespace scheduled_unfreezing_test
}  // namespace madx
