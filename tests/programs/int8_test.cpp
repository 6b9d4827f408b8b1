// --dtype int8: a language adapter and a tagger trained and used in it, or refused with its reason.
#include "madx/cpu/int8.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace int8_test {

using testing::HasSubstr;

std::string train(const std::string& encoder, const std::string& output) {
  return "--encoder @/" + encoder + " --text @/en.txt --steps 3 --dtype int8 --output @/" + output;
}

/// An encoder whose sizes fit.
void write_fitting_encoder() {
  auto config = program_test_config();
  config.hidden_size = 32;
  config.intermediate_size = 64;
  const auto directory = tiny_files() / "encoder_for_int8";
  if (!std::filesystem::exists(directory)) write_encoder(directory, /*with_head=*/true, config);
}

TEST(Int8, TrainsALanguageAdapterAndATaggerOnIt) {
  if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  write_fitting_encoder();
  auto result =
      run_command(tiny_files(), "train_lang_adapter", train("encoder_for_int8", "int8/en"));
  ASSERT_EQ(result.status, 0) << result;
  result = run_command(tiny_files(), "zero_shot_ner",
                       "--encoder @/encoder_for_int8 --source en --language en=@/int8/en --train "
                       "@/en.conll --test en=@/en.conll --epochs 1 --dtype int8 --output "
                       "@/int8/ner");
  ASSERT_EQ(result.status, 0) << result;
  // What was trained over int8 is used in float32, and is the same adapter.
  result = run_command(tiny_files(), "zero_shot_ner",
                       "--encoder @/encoder_for_int8 --source en --language en=@/int8/en "
                       "--task-adapter @/int8/ner/task_adapter --test en=@/en.conll --output "
                       "@/int8/again");
  EXPECT_EQ(result.status, 0) << result;
}

TEST(Int8Error, IsOfTheTypesThatAreAskedFor) {
  if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  write_fitting_encoder();
  const std::string command = "--encoder @/encoder_for_int8 --text @/sw.txt ";
  const auto result = run_command(tiny_files(), "int8_error", command + "--dtype int8");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, testing::StartsWith("| layers | int8 |\n| --- | ---: |\n| 1 | 0.0"));
  const auto wrong = run_command(tiny_files(), "int8_error", command + "--dtype float32");
  EXPECT_EQ(wrong.err,
            "int8_error: --dtype: expected int8 or bfloat16, to compare with float32, but found "
            "float32\n");
  const auto device = run_command(tiny_files(), "int8_error", command + "--device cuda");
  EXPECT_THAT(device.err, HasSubstr("int8_error: --device: expected cpu, whose products"));
}

TEST(StepBench, RefusesABatchWithoutAMaskedToken) {
  const auto result = run_command(tiny_files(), "step_bench",
                                  "--size small --vocabulary 100 --batch 1 --length 1 --steps 1");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(result.err,
            "step_bench: --length: expected tokens of which one at least is masked (15 % are), but "
            "of 1 token none was; raise --length or --batch\n");
}

TEST(Int8, IsRefusedForSizesThatDoNotFit) {
  if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  const auto result = run_command(tiny_files(), "train_lang_adapter", train("encoder", "odd8/en"));
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("for int8, expected sizes that are multiples of 16"));
}

TEST(Int8, IsRefusedForFineTuning) {
  if (!cpu::has_int8_products()) GTEST_SKIP() << "this processor multiplies no int8";
  const auto result =
      run_command(tiny_files(), "zero_shot_ner",
                  "--encoder @/encoder --source en --setup finetune --train @/en.conll --test "
                  "en=@/en.conll --dtype int8 --output @/odd8/finetune");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err,
              HasSubstr("--dtype: expected float32 or bfloat16 beside --setup finetune"));
}

TEST(Int8, IsRefusedWhereNothingMultipliesIt) {
  ::setenv("MADX_CPU_CAPABILITY", "baseline", /*overwrite=*/1);
  const auto result = run_command(tiny_files(), "train_lang_adapter", train("encoder", "odd8/en"));
  ::unsetenv("MADX_CPU_CAPABILITY");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("--dtype: expected float32 on this machine, but found int8"));
}

}  // namespace int8_test
}  // namespace madx::apps
