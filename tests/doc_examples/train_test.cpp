// Training: tasks, the trainer, whom it tells, and checkpoints.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "madx/madx.h"
#include "madx/train/rank_group.h"
#include "madx/train/scheduled_unfreezing.h"
#include "models/tiny_encoder.h"
#include "support.h"

namespace madx {
namespace train_examples {

/// The tiny encoder with a language adapter, and a text to learn it from.
class TrainExample : public testing::Test {
 protected:
  TrainExample() {
    torch::manual_seed(1);
    io::write_file(folder_ / "sw.txt", "Mwalimu anatembea\nMwalimu anasoma\nWatoto wanasoma\n");
    adapters_->add("sw", named_config("pfeiffer+inv"));
    adapters_->train_adapter("sw");
    adapters_->activate({"sw"});
  }
  TemporaryFolder folder_;
  Encoder encoder_ = tiny_encoder();
  AdapterStack adapters_{/*hidden_size=*/12, /*num_layers=*/2};
  std::shared_ptr<const Tokenizer> tokenizer_ = load_tokenizer(MADX_FIXTURES "/tokenizer/xlmr");
};

//! [observer]
/// Keeps what a trainer says, and stops it after two steps.
class StopsEarly : public TrainingObserver {
 public:
  void on_step(const Progress& progress) override { last = progress; }
  void on_log(const MetricsRow& row) override { rows.push_back(row); }
  void on_checkpoint(const Checkpoint& checkpoint) override { step_saved = checkpoint.step; }
  Wish wish() override { return last.step == 2 ? Wish::kStop : Wish::kGoOn; }

  TrainingObserver::Progress last;
  std::vector<MetricsRow> rows;
  int64_t step_saved = 0;
};
//! [observer]

TEST_F(TrainExample, ALanguageAdapterLearnsFromRawText) {
  //! [mlm task]
  MlmBatchesOptions reading;
  reading.max_length = 16;
  MlmBatches batches(TextCorpus({folder_ / "sw.txt"}), tokenizer_, reading);
  MlmHead head(MlmHeadOptions(/*hidden_size=*/12, /*vocab_size=*/252));
  MlmTask task(encoder_, adapters_, head, batches, /*held_out=*/&batches,
               adapters_->get("sw")->named_tensors());
  //! [stay near]
  adapters_->add("en", AdapterSet(AdapterSetOptions(named_config("pfeiffer+inv"), 12, 2)));
  StayNear near;
  near.weight = 3;
  near.adapters = {"en"};
  near.every_layer = true;
  task.stay_near(near);
  //! [stay near]

  TrainerOptions options;
  options.steps = 3;
  TrainingObserver nobody;
  const TrainingResult result = train(task, options, nobody);
  //! [mlm task]
  EXPECT_EQ(result.steps, 3);
  //! [stay near distance]
  const PackedBatch text = pack({{0, 17, 9, 2}});
  StayNearDistance from_alone({/*weight=*/1}, encoder_, adapters_);
  const auto states = from_alone.states(encoder_, text, *adapters_->active_plan());
  const auto masked = at::tensor({1}, at::kLong);  // rows that do not count
  const at::Tensor far = from_alone.of(states, text, masked, one_process());
  //! [stay near distance]
  EXPECT_GT(far.item<double>(), 0);
  //! [held-out loss]
  const std::optional<MlmTask::HeldOutLoss> loss = task.held_out_loss();
  //! [held-out loss]
  ASSERT_TRUE(loss);
  EXPECT_GT(loss->masked, 0);
}

TEST_F(TrainExample, ATaskAdapterLearnsFromTags) {
  adapters_->add("ner", named_config("pfeiffer"));
  adapters_->train_adapter("ner");
  adapters_->activate({"sw", "ner"});
  const std::vector<TaggedSentence> sentences = {{{"Asha", "anasoma"}, {"B-PER", "O"}}};
  //! [tagging task]
  TaggingHead head(TaggingHeadOptions(/*hidden_size=*/12, iob2_labels(sentences)));
  auto trained = tensors_of({{"ner", adapters_->get("ner").ptr()}, {"head", head.ptr()}});
  TaggingTask::Options options;
  options.max_length = 16;
  options.adapter_drop = 1;    // AdapterDrop
  options.unfreeze_every = 1;  // ScheduledUnfreezing
  TaggingTask task(encoder_, adapters_, head, tokenizer_, sentences, /*dev=*/{}, options, trained);
  const TrainingTask::Loss loss = task.loss(/*index=*/0);
  //! [tagging task]
  EXPECT_GT(loss.value.item<double>(), 0);
  EXPECT_EQ(task.unfreezing_stages(), 2);
  //! [adapter drop]
  AdapterDrop drop(adapters_, /*most=*/2, /*seed=*/1);
  drop.draw(/*index=*/0);
  drop.restore();
  //! [adapter drop]
  EXPECT_TRUE(adapters_->options().skipped_layers().empty());
  //! [unfreezing]
  ScheduledUnfreezing unfreezing(adapters_, trained, /*every=*/5);
  unfreezing.begin_step(0);  // the topmost layer alone
  //! [unfreezing]
  const auto* const lowest = adapters_->get("ner")->at(0, Site::kOutput);
  EXPECT_FALSE(lowest->adapter_up->weight.requires_grad());
}

TEST_F(TrainExample, AnyLossCanBeTrained) {
  //! [loss task]
  const auto batch = pack({{0, 5, 6, 2}});
  LossTask task(
      encoder_, adapters_,
      [&](int64_t) {
        const auto hidden = encoder_->forward(batch, *adapters_);
        return TrainingTask::Loss{hidden.square().mean(), batch.rows()};
      },
      tensors_of({{"sw", adapters_->get("sw").ptr()}}),
      [&] {  // held-out data
        TrainingTask::Evaluation evaluation;
        evaluation.score = -encoder_->forward(batch, *adapters_).square().mean().item<double>();
        return evaluation;
      });
  //! [loss task]
  //! [interrupted]
  TrainerOptions options;
  options.steps = 10;
  StopsEarly observer;
  try {
    train(task, options, observer);
    FAIL() << "it was to stop";
  } catch (const Interrupted&) {  // the checkpoint of the last step is complete
    EXPECT_EQ(observer.step_saved, 2);
  }
  //! [interrupted]
  EXPECT_EQ(observer.last.steps, 10);
}

TEST_F(TrainExample, RanksShareABatch) {
  //! [ranks]
  /// A group of one, which counts what it is asked to sum; processes have one over MPI.
  class CountingGroup : public RankGroup {
   public:
    void sum(const at::Tensor& values) override { summed += values.numel(); }
    int64_t summed = 0;
  };
  CountingGroup ranks;
  //! [ranks]
  ranks.sum(at::zeros({3}));
  EXPECT_EQ(ranks.summed, 3);
  EXPECT_TRUE(ranks.is_first() && one_process().count() == 1);
}

TEST_F(TrainExample, AdamWIsAnOptimizerOfLibTorch) {
  //! [adamw]
  AdamW optimizer(adapters_->get("sw")->parameters(), /*weight_decay=*/0.01, /*lr=*/1e-3);
  encoder_->forward(pack({{0, 5, 2}}), *adapters_).square().sum().backward();
  optimizer.step();
  const AdamW::State& first = optimizer.states().front();
  //! [adamw]
  EXPECT_EQ(first.steps.item<double>(), 1);
  EXPECT_GT(first.second_moment.abs().max().item<double>(), 0);
}

}  // namespace train_examples
}  // namespace madx
