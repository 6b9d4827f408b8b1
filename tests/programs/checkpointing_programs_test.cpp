// --gradient-checkpointing changes no byte of what is trained beside a frozen encoder, wherever
// something learns. (Where the encoder learns, sums of gradients have another order: see
// adapt_encoder_test.cpp.)
#include <gmock/gmock.h>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace checkpointing_programs_test {

struct Run {
  const char *program, *flags, *file;
};

class CheckpointingPrograms : public testing::TestWithParam<Run> {};

TEST_P(CheckpointingPrograms, GiveTheSameBytes) {
  const auto& run = GetParam();
  const auto bytes = [&](const std::string& name, const std::string& flag) {
    const auto folder =
        std::string("checkpointing_") + name +
        std::to_string(std::hash<std::string>()(std::string(run.program) + run.flags));
    const auto result =
        run_command(tiny_files(), run.program,
                    "--encoder @/encoder --steps 3 --lr 1e-2 " + std::string(run.flags) + flag +
                        " --output @/" + folder + "/out");
    EXPECT_EQ(result.status, 0) << result;
    return result.status == 0 ? io::read_bytes(tiny_files() / folder + "/out/" + run.file) : "";
  };
  const auto kept = bytes("kept", "");
  EXPECT_FALSE(kept.empty());
  EXPECT_EQ(kept, bytes("again", " --gradient-checkpointing"));
}

constexpr auto kLang = "train_lang_adapter";
constexpr auto kAdapter = "pytorch_adapter.bin";
const Run kRuns[] = {
    {"train_lm_head", "--text @/en.txt", "pytorch_model_head.bin"},
    {kLang, "--text @/en.txt --lm-head @/lm_head", kAdapter},
    {kLang, "--text @/en.txt --lm-head @/lm_head --leave-out 0", kAdapter},
    {kLang, "--text @/en.txt --lm-head @/lm_head --leave-out 1", kAdapter},
    {kLang, "--text @/en.txt --lm-head @/lm_head --no-invertible --leave-out 0", kAdapter},
    {kLang, "--text @/en.txt --lm-head @/lm_head --no-invertible --adapter-drop 1", kAdapter},
    {kLang, "--text @/en.txt --lm-head @/lm_head --adapter-drop 1", kAdapter},
    {"zero_shot_ner",
     "--source en --language en=@/adapters/en --train @/train.conll --test en=@/en.conll "
     "--leave-out 0",
     "task_adapter/pytorch_adapter.bin"},
    {"zero_shot_ner",
     "--source en --language en=@/adapters/en --train @/train.conll --test en=@/en.conll "
     "--adapter-drop 1",
     "task_adapter/pytorch_adapter.bin"},
};

INSTANTIATE_TEST_SUITE_P(Runs, CheckpointingPrograms, testing::ValuesIn(kRuns));

}  // namespace checkpointing_programs_test
}  // namespace madx::apps
