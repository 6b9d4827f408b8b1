// --dtype bfloat16: a language adapter and a tagger trained and used in it, or refused with its
// reason where the processor would be slower.
#include "madx/cpu/bfloat16.h"

#include <gmock/gmock.h>

#include <random>

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
  EXPECT_THAT(result.err, HasSubstr("or MADX_CPU_CAPABILITY hides that it does"));
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

using Weights = torch::OrderedDict<std::string, at::Tensor>;

/// Of an encoder's directory, by the names that they have in one without a head.
Weights weights(const std::string& encoder) {
  Weights named;
  const std::string prefix = "roberta.";
  for (const auto& item : io::read_safetensors(tiny_files() / (encoder + "/model.safetensors"))) {
    const auto& key = item.key();
    named.insert(key.compare(0, prefix.size(), prefix) == 0 ? key.substr(prefix.size()) : key,
                 item.value());
  }
  return named;
}

/// All that training changed, as one vector.
at::Tensor update(const Weights& before, const Weights& after) {
  std::vector<at::Tensor> parts;
  for (const auto& item : before) {
    EXPECT_EQ(after[item.key()].scalar_type(), at::kFloat) << item.key();
    parts.push_back((after[item.key()] - item.value()).flatten().to(at::kDouble));
  }
  return at::cat(parts);
}

/// Products of bfloat16 have another update than those of float32, of the same direction.
void expect_rounded(const std::string& encoder, const std::string& float32,
                    const std::string& bfloat16) {
  const auto before = weights(encoder);
  const auto exact = update(before, weights(float32)), rounded = update(before, weights(bfloat16));
  EXPECT_FALSE(at::equal(exact, rounded)) << "expected products of bfloat16, found float32's";
  EXPECT_GT(exact.norm().item<double>(), 1e-2);
  const auto cosine = exact.dot(rounded) / (exact.norm() * rounded.norm());
  EXPECT_GT(cosine.item<double>(), 0.9) << bfloat16;
  EXPECT_NEAR((rounded.norm() / exact.norm()).item<double>(), 1, 0.1) << bfloat16;
}

TEST(Bfloat16, FineTunesAndAdaptsAnEncoderOfAnySizes) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  const std::string tune =
      "--encoder @/encoder --source en --setup finetune --train @/en.conll --test en=@/en.conll "
      "--steps 8 --lr 1e-3 --no-encoder-dropout --output @/bf16/";
  const std::string adapt =
      "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 8 --lr 1e-3 "
      "--no-encoder-dropout --output @/bf16/";
  for (const std::string dtype : {"float32", "bfloat16"}) {
    auto result =
        run_command(tiny_files(), "zero_shot_ner", tune + "tuned_" + dtype + " --dtype " + dtype);
    EXPECT_EQ(result.status, 0) << result;
    result = run_command(tiny_files(), "adapt_encoder",
                         adapt + "adapted_" + dtype + " --dtype " + dtype);
    EXPECT_EQ(result.status, 0) << result;
  }
  expect_rounded("encoder", "bf16/adapted_float32", "bf16/adapted_bfloat16");
  expect_rounded("encoder", "bf16/tuned_float32/finetuned", "bf16/tuned_bfloat16/finetuned");
}

/// Sentences of any letters: enough for rounding to change some of their tags.
std::string any_sentences() {
  std::mt19937 draw(7);
  std::string text;
  for (int word = 0; word < 4000; ++word) {
    for (int letter = 0; letter < 5; ++letter) text += static_cast<char>('a' + draw() % 26);
    text += word % 8 == 7 ? "\tO\n\n" : "\tO\n";
  }
  return text;
}

TEST(Bfloat16, ScoresAfterAStopAsItDoesAfterItsTraining) {
  if (!cpu::has_bfloat16_products()) GTEST_SKIP() << "this processor multiplies no bfloat16";
  io::write_bytes(tiny_files() / "any.conll", any_sentences());
  const auto tags = [](const std::string& encoder, const std::string& output,
                       const std::string& language, const std::string& flags) {
    const auto result =
        run_command(tiny_files(), "zero_shot_ner",
                    "--encoder @/" + encoder + " --source en --setup finetune --output @/bf16/" +
                        output + " --test " + language + "=@/any.conll " + flags);
    EXPECT_EQ(result.status, 0) << result;
    return io::read_bytes(tiny_files() /
                          ("bf16/" + output + "/predictions/" + language + ".conll"));
  };
  const std::string train = "--train @/en.conll --steps 1 --lr 1e-5 --dtype bfloat16";
  const auto after_training = tags("encoder", "scored", "en", train);
  EXPECT_TRUE(tags("encoder", "scored", "sw", train + " --resume") == after_training);
  const auto of_float32 =
      tags("bf16/scored/finetuned", "of_float32", "en", "--task-adapter @/bf16/scored/finetuned");
  EXPECT_FALSE(of_float32 == after_training) << "else the test could not fail";
}

}  // namespace bfloat16_test
}  // namespace madx::apps
