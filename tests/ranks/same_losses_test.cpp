// One run, whatever the number of ranks: the losses of one process, dropout included.
#include <gmock/gmock.h>

#include "ranks/mpirun.h"

namespace madx::apps {
namespace same_losses_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Training {
  const char* name;
  std::string command;
};

const std::string kText =
    "train_lang_adapter --encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e-2 "
    "--log-every 1 --steps 8 ";
const std::string kTags =
    "zero_shot_ner --encoder @/encoder --source en --language en=@/adapters/en "
    "--language sw=@/adapters/sw --train @/train.conll --test en=@/en.conll --lr 1e-2 "
    "--reduction-factor 2 --log-every 1 --steps 8 ";

// Batches that the ranks do not divide, parts without a sequence, and what draws random numbers.
const Training kTrainings[] = {
    {"language_adapter", kText + "--batch-size 6 --eval-text @/sw.txt --eval-every 4"},
    {"fewer_sequences_than_ranks", kText + "--batch-size 3 --gradient-accumulation 2"},
    {"houlsby_stays_near", kText + "--config houlsby --stay-near 0.5 --batch-size 5"},
    {"stays_near_in_all_layers", kText + "--stay-near 2 --stay-near-layers all --batch-size 5"},
    {"adapter_drop", kText + "--adapter-drop 1 --gradient-checkpointing --batch-size 5"},
    {"train_head_full_length", kText + "--train-lm-head --full-length --max-length 12"},
    {"task_adapter", kTags + "--batch-size 5 --dev @/dev.conll"},
    {"mixed_languages", kTags + "--train sw=@/sw.conll --batch-size 3"},
    {"finetune", kTags + "--setup finetune --batch-size 3 --gradient-accumulation 2"},
    {"adapt_encoder",
     "adapt_encoder --encoder @/encoder --lm-head @/lm_head --text @/en.txt @/sw.txt --lr 1e-3 "
     "--log-every 1 --steps 8 --batch-size 5 --stay-near 2"},
};

class SameLosses : public testing::TestWithParam<Training> {};

TEST_P(SameLosses, OnTwoAndFourRanksAsInOneProcess) {
  const auto& [name, command] = GetParam();
  const auto output = [&](int ranks) {
    return std::string("same/") + name + "/" + std::to_string(ranks);
  };
  for (const int ranks : {1, 2, 4}) {
    const auto result = run_ranks(ranks, command + " --output @/" + output(ranks));
    ASSERT_EQ(result.status, 0) << ranks << " ranks: " << result;
    if (ranks > 1) {
      EXPECT_THAT(result.out, HasSubstr(std::to_string(ranks) + " ranks on 1 host"));
      expect_same_run(output(1), output(ranks));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Trainings, SameLosses, testing::ValuesIn(kTrainings),
                         [](const auto& test) { return test.param.name; });

}  // namespace same_losses_test
}  // namespace madx::apps
