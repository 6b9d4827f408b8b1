// --dtype bfloat16: a language adapter and a tagger trained and used in it, or refused with its
// reason where the processor would be slower.
#include "madx/cpu/bfloat16.h"

#include <gmock/gmock.h>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace bfloat16_test {

using testing::HasSubstr;

std::string train(const std::string& encoder, const std::string& output) {
  return "--encoder @/" + encoder + " --text @/en.txt --steps 3 --dtype bfloat16 --output @/" +
         output;
}

/// An encoder whose sizes fit.
void write_fitting_encoder() {
  auto config = program_test_config();
  config.hidden_size = 32;
  config.intermediate_size = 64;
  const auto directory = tiny_files() / "encoder_of_32";
  if (!std::filesystem::exists(directory)) write_encoder(directory, /*with_head=*/true, config);
}

TEST(Bfloat16, IsRefusedWhereItWouldBeSlower) {
  if (cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies bfloat16";
  const auto result = run_command(tiny_files(), "train_lang_adapter", train("encoder", "slow/en"));
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("--dtype: expected float32 on this machine"));
}

TEST(Bfloat16, TrainsALanguageAdapterAndATaggerOnIt) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  write_fitting_encoder();
  auto result = run_command(tiny_files(), "train_lang_adapter", train("encoder_of_32", "bf16/en"));
  ASSERT_EQ(result.status, 0) << result;
  result = run_command(tiny_files(), "zero_shot_ner",
                       "--encoder @/encoder_of_32 --source en --language en=@/bf16/en --train "
                       "@/en.conll --test en=@/en.conll --epochs 1 --dtype bfloat16 --output "
                       "@/bf16/ner");
  ASSERT_EQ(result.status, 0) << result;
  // What was trained in bfloat16 is used in float32, and is the same adapter.
  result = run_command(tiny_files(), "zero_shot_ner",
                       "--encoder @/encoder_of_32 --source en --language en=@/bf16/en "
                       "--task-adapter @/bf16/ner/task_adapter --test en=@/en.conll --output "
                       "@/bf16/again");
  EXPECT_EQ(result.status, 0) << result;
}

TEST(Bfloat16, IsRefusedForSizesThatDoNotFit) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  const auto result = run_command(tiny_files(), "train_lang_adapter", train("encoder", "odd/en"));
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("for bfloat16, expected sizes that are multiples of 32"));
}

TEST(Bfloat16, FineTunesAndAdaptsAnEncoderOfAnySizes) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  const std::string tune =
      "--encoder @/encoder --source en --setup finetune --train @/en.conll --test en=@/en.conll "
      "--epochs 1 --output @/bf16/";
  const std::string adapt =
      "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 3 --output @/bf16/";
  for (const std::string dtype : {"float32", "bfloat16"}) {
    auto result =
        run_command(tiny_files(), "zero_shot_ner", tune + "tuned_" + dtype + " --dtype " + dtype);
    EXPECT_EQ(result.status, 0) << result;
    result = run_command(tiny_files(), "adapt_encoder",
                         adapt + "adapted_" + dtype + " --dtype " + dtype);
    EXPECT_EQ(result.status, 0) << result;
  }
  const auto weights = [](const std::string& name) {
    return io::read_safetensors(tiny_files() / ("bf16/" + name + "/model.safetensors"));
  };
  const auto exact = weights("adapted_float32"), rounded = weights("adapted_bfloat16");
  bool differs = false;
  for (const auto& item : exact) {
    const auto found = rounded[item.key()];
    ASSERT_EQ(found.scalar_type(), at::kFloat) << item.key();
    EXPECT_TRUE(at::allclose(found, item.value(), /*rtol=*/0, /*atol=*/1e-3)) << item.key();
    differs = differs || !at::equal(found, item.value());
  }
  EXPECT_TRUE(differs) << "expected products of bfloat16, found those of float32";
}

}  // namespace bfloat16_test
}  // namespace madx::apps
