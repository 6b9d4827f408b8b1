// Flags that a user can get wrong, and output directories that are taken.
#include "programs/bad_input.h"

namespace madx::apps {
namespace bad_flags_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

const BadInput kFlags[] = {
    {kLang, "!--encoder", "--encoder is required"},
    {kLang, "!--text", "--text is required"},
    {kLang, "!--output", "--output is required"},
    {kNer, "!--source", "--source is required"},
    {kLang, "--colour", "--colour: expected a flag of this program, but found none so called"},
    {kLang, "!--output --ouput @/out/x", "--ouput: expected a flag of this program"},
    {kLang, "stray", "\"stray\": expected a flag before it, but found none"},
    {kLang, "--encoder", "--encoder: expected a value, but found the flag --lm-head"},
    {kLang, "--lr fast", "--lr: expected a number, but found \"fast\""},
    {kLang, "--steps 1e3",
     "--steps: expected a whole number of at most 63 bits, but found \"1e3\""},
    {kLang, "--steps 010", "--steps: expected a whole number"},
    {kLang, "--steps 99999999999999999999", "--steps: expected a whole number of at most 63 bits"},
    {kAdapt, "--max-length 9223372036854775808", "--max-length: expected a whole number"},
    {kHead, "--seed 18446744073709551616", "--seed: expected a whole number of at least 0"},
    {kLang, "--steps ''", "--steps: expected a value, or the flag left out, but found \"\""},
    {kNer, "--lr ''", "--lr: expected a value, or the flag left out"},
    {kNer, "--source ''", "--source: expected a value, but found \"\""},
    {kLang, "--text ''", "--text: expected a value, but found \"\""},
    {kHidden, "--output ''", "--output: expected a value, but found \"\""},
    {kExport, "--to ''", "--to: expected a value, but found \"\""},
    {kLang, "--steps=2", "--steps: expected at most 1 value, but found 2; give the flag once"},
    {kLang, "--threads 100000", "--threads: expected a number from 0 to 1024, but found 100000"},
    {kLang, "--batch-size 9223372036854775807", "--batch-size: expected at most 1048576 sequences"},
    {kHead, "--batch-tokens 9223372036854775807", "--batch-tokens: expected at most 1048576"},
    {kLang, "--reduction-factor 1e-9",
     "reduction_factor: expected a bottleneck of at most 1048576 units"},
    {kLang, "--init-weight 1 --init-adapter @/none",
     "--init-weight: expected a number of at least 0 and below 1, but found 1"},
    {kLang, "--init-weight 0.5", "--init-weight: expected --init-adapter beside it"},
    {kLang, "--stay-near -1", "--stay-near: expected a weight of at least 0, but found -1"},
    {kLang, "--stay-near-layers all", "--stay-near-layers: expected --stay-near above 0 beside it"},
    {kLang, "--stay-near 1 --stay-near-layers top",
     "--stay-near-layers: expected last or all, but found \"top\""},
    {kLang, "--stay-near-adapter @/none",
     "--stay-near-adapter: expected --stay-near above 0 beside it"},
    {kLang, "--stay-near 1 --stay-near-adapter @/none", "none: expected"},
    {kLang, "--snapshot-every -1", "--snapshot-every: expected a number of steps"},
    {kLang, "--init-adapter @/none --leave-out 1",
     "--leave-out: expected it without --init-adapter"},
    {kLang, "--lr 0", "--lr: expected a number above 0, but found 0"},
    {kLang, "--steps -3", "--steps: expected a number above 0, but found -3"},
    {kLang, "!--steps --epochs -1", "--epochs: expected a number above 0, but found -1"},
    {kLang, "--epochs 2", "--steps and --epochs: expected one of them, but found both"},
    {kLang, "--batch-size 0", "--batch-size: expected a number above 0, but found 0"},
    {kNer, "--batch-size 0", "--batch-size: expected a number above 0, but found 0"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --batch-size 0", "--batch-size: expected"},
    {kLang, "--gradient-accumulation 9223372036854775807",
     "--gradient-accumulation: expected at most 1048576, but found 9223372036854775807"},
    {kLang, "!--steps --epochs 9223372036854775807", "--epochs: expected at most 1048576"},
    {kLang, "!--steps --steps 9223372036854775807", "--steps: expected at most 1099511627776"},
    {kLang, "--gradient-accumulation 0", "--gradient-accumulation: expected a number above 0"},
    {kLang, "--warmup-steps -5", "--warmup-steps: expected a number of at least 0, but found -5"},
    {kLang, "--weight-decay -1", "--weight-decay: expected a number of at least 0"},
    {kLang, "--max-length 2", "--max-length: expected 3 to 130 tokens"},
    {kLang, "--max-length 10000", "--max-length: expected 3 to 130 tokens"},
    {kNer, "--max-length 2", "--max-length: expected 3 to 130 tokens"},
    {kLang, "--config prefix", "but found \"prefix\""},
    {kLang, "--reduction-factor 0", "--reduction-factor: expected a number above 0"},
    {kLang, "--inv-reduction-factor nan", "--inv-reduction-factor: expected a number above 0"},
    {kLang, "--leave-out 2", "--leave-out: expected layers below 2, but found 2"},
    {kLang, "--leave-out last", "--leave-out: expected layers from 0 on, separated by commas"},
    {kLang, "--leave-out 0,1 --no-invertible", "--leave-out: expected a layer to train"},
    {kLang, "--device tpu", "--device: expected auto, cpu, cuda or cuda:N, but found tpu"},
    {kLang, "--dtype float16", "--dtype: expected float32"},
    {kLang, "--vocabulary words", "--vocabulary: expected full or text, but found \"words\""},
    {kHead, "--vocabulary 30000", "--vocabulary: expected full or text, but found \"30000\""},
    {kAdapt, "!--text", "--text is required"},
    {kAdapt, "!--lm-head", "@/encoder: expected a masked-LM head in the encoder or by --lm-head"},
    {kAdapt, "--dtype int8",
     "--dtype: expected float32 or bfloat16, in whose products the encoder's weights learn, but "
     "found int8"},
    {kAdapt, "--freeze-layers 3",
     "--freeze-layers: expected 0 to 2, the encoder's layers, but found 3"},
    {kAdapt, "--freeze-layers -1", "--freeze-layers: expected 0 to 2, the encoder's layers"},
    {kAdapt, "--freeze-layers lower", "--freeze-layers"},
    {kAdapt, "--vocabulary all", "--vocabulary: expected full or text, but found \"all\""},
    {kAdapt, "--max-length 10000", "--max-length: expected 3 to 130 tokens"},
    {kAdapt, "--lr 0", "--lr: expected a number above 0, but found 0"},
    {kAdapt, "--resume", "@/out/runs/x: expected an interrupted run's checkpoint"},
    {kLang, "--name sw.v2", "--name \"sw.v2\": expected a name without dots"},
    {kLang, "--name to", "name \"to\": expected a name that Python's adapters can give"},
    {kLang, "--name s\xFFw", "expected a name in UTF-8 without control characters"},
    {kLang, "--output @/out/s\xFFw", "expected a name in UTF-8 without control characters"},
    {kLang, "--output @/out/sw.v2",
     "--output: \"sw.v2\", after which the result is named: expected a name without dots"},
    {kHead, "--name v1.0", "--name \"v1.0\": expected a name without dots"},
    {kHead, "--output @/out/v1.0",
     "--output: \"v1.0\", after which the result is named: expected a name without dots"},
    {kLang, "--resume", "@/out/runs/x: expected an interrupted run's checkpoint"},
    {kNer, "--setup frozen", "--setup: expected madx, no-inv, no-lang or finetune"},
    {kNer, "!--train", "--train and --task-adapter: expected one of them, but found neither"},
    {kNer, "--task-adapter @/ner/task_adapter", "expected one of them, but found both"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --dev @/en.conll",
     "--dev: expected --train"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --leave-out 1",
     "--leave-out: expected --train"},
    {kLang, "--seed -1", "--seed: expected a whole number of at least 0 and at most 64 bits"},
    {kLang, "--seed 1.5", "--seed: expected a whole number"},
    {kNer, "!--test", "expected --test LANGUAGE=FILE or --text LANGUAGE=FILE"},
    {kNer, "--language en=", "--language: expected LANGUAGE=PATH, but found \"en=\""},
    {kNer, "--language en=@/adapters/en en=@/adapters/sw", "but found en twice"},
    {kNer, "--language ner=@/adapters/en", "but found \"ner\", the task adapter's name"},
    {kNer, "--test rw=@/sw.conll", "--language: expected rw=DIRECTORY"},
    {kNer, "--test s\xFFw=@/sw.conll", "--test: expected a language's name in UTF-8, without"},
    {kNer, "--test s\x7Fw=@/sw.conll", "--test: expected a language's name in UTF-8, without"},
    {kNer, "--source s\xFFw", "--source: expected a language's name in UTF-8, without"},
    {kNer, "--train s\xFFw=@/train.conll", "--train: expected a language's name in UTF-8, without"},
    {kNer, "--source rw", "--language: expected rw=DIRECTORY"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --setup finetune",
     "--task-adapter: expected finetuned/ of a run"},
    {kNer, "--leave-out-loaded 7", "--leave-out-loaded: expected layers below 2, but found 7"},
    {kHidden, "--leave-out 7", "--leave-out: expected layers below 2, but found 7"},
    {kLang, "--mlm-probability 1",
     "--mlm-probability: expected a number above 0 and below 1, but found 1"},
};

const BadInput kVariants[] = {
    {kNer, "--unfreeze-every -1", "--unfreeze-every: expected a number of at least 0"},
    {kNer, "--unfreeze-every 5 --setup finetune",
     "--unfreeze-every: expected a task adapter that learns, but found --setup finetune, under "
     "which there is none; leave the flag out"},
    {kNer, "--unfreeze-every 5 --adapter ner=@/ner/task_adapter --composition Stack(LANGUAGE,ner)",
     "--unfreeze-every: expected a task adapter that learns, but found --composition"},
    {kNer,
     "--unfreeze-every 5 --adapter x=@/ner/task_adapter --composition "
     "Stack(LANGUAGE,Fuse(ner,x))",
     "--unfreeze-every: expected no fusion that learns beside it, but found ner,x; load it"},
    {kNer, "--train-languages en sw --setup no-lang",
     "--train-languages: expected language adapters to draw from, but found --setup no-lang, "
     "under which there are none; leave the flag out"},
    {kNer, "--train-languages sw --setup finetune", "but found --setup finetune, under which"},
    {kNer, "--train-languages sw --composition ner",
     "but found --composition \"ner\", under which"},
    {kNer, "--train-languages en rw", "--language: expected rw=DIRECTORY"},
    {kNer, "--train-languages sw en sw",
     "--train-languages: expected each language once, but found sw twice"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --train-languages sw",
     "--train-languages: expected --train beside it"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --unfreeze-every 5",
     "--unfreeze-every: expected --train beside it"},
    {kNer, "!--train --task-adapter @/ner/task_adapter --average-every 5",
     "--average-every: expected --train beside it"},
    {kNer, "--average-every 1",
     "--average-every: expected a number below the 1 step, so that there are several to average, "
     "but found 1"},
    {kLang, "--average-every -1", "--average-every: expected a number of at least 0"},
    {kHead, "--average-every 5", "--average-every: expected a number below the 1 step,"},
    {kAdapt, "--average-every 1", "--average-every: expected a number below the 1 step,"},
    {kNer, "--train @/train.conll rw=@/train.conll", "--language: expected rw=DIRECTORY"},
    {kNer, "--train @/train.conll en=@/train.conll",
     "--train: expected each language once, but found en twice"},
    {kNer, "--train sw=@/train.conll",
     "--source: expected languages of --train (sw), but found en; add --train en=FILE"},
    {kNer, "--train sw=", "--train: expected FILE or LANGUAGE=FILE, but found \"sw=\""},
    {kNer, "--source en+sw", "--language: expected en+sw=DIRECTORY"},
    {kNer, "--source en+sw --train en=@/train.conll @/train.conll",
     "--train: expected LANGUAGE=FILE beside --source en+sw, but found \"@/train.conll\""},
    {kNer, "--source en+sw --train en=@/train.conll", "but found sw; add --train sw=FILE"},
    {kNer, "--dev rw=@/dev.conll", "--language: expected rw=DIRECTORY"},
    {kNer, "--dev @/dev.conll en=@/dev.conll", "--dev: expected each language once"},
    {kNer, "--train @/train.conll sw=@/none.conll", "@/none.conll"},
};

TEST(BadFlags, EndWithOneLineAndNothingWritten) {
  expect_all_refused(tiny_files(), "flags", kFlags);
}

TEST(BadFlags, OfWaysToTrainEndLikeAllOthers) {
  expect_all_refused(tiny_files(), "variants", kVariants);
}

TEST(CudaDevice, IsRefusedByNameWhereThereIsNone) {
  if (at::hasCUDA()) GTEST_SKIP() << "there is one";
  const auto result =
      run_command(tiny_files(), "hidden_states",
                  "--encoder @/encoder --text @/en.txt --output @/cuda.safetensors --device cuda");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(result.err,
            "hidden_states: --device: expected a CUDA device for cuda, but this LibTorch or "
            "machine has none; use --device cpu\n");
}

TEST(OutputDirectory, KeepsWhatItHolds) {
  const auto& files = tiny_files();
  fs::create_directories(files / "mine/x");
  io::write_bytes(files / "mine/x/notes.txt", "mine");
  io::write_bytes(files / "mine/y.partial", "mine");
  const std::string command =
      "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --steps 1 --output @/mine/";
  for (const auto& [output, message] :
       {std::pair("x", "@/mine/x: expected a new output directory, but it exists"),
        std::pair("y", "@/mine/y.partial: expected no file")}) {
    const auto result = run_command(files, "train_lang_adapter", command + output);
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr(files.expand(message)));
  }
  EXPECT_EQ(io::read_bytes(files / "mine/x/notes.txt"), "mine");
  EXPECT_EQ(io::read_bytes(files / "mine/y.partial"), "mine");
}

TEST(OutputDirectory, MayBeThereWhenItIsEmpty) {
  const auto& files = tiny_files();
  fs::create_directories(files / "prepared");
  const auto result = run_command(files, "train_lang_adapter",
                                  "--encoder @/encoder --lm-head @/lm_head --text @/en.txt "
                                  "--steps 1 --output @/prepared/");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_TRUE(fs::exists(files / "prepared/adapter_config.json"));
}

}  // namespace bad_flags_test
}  // namespace madx::apps
