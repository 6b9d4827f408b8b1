// Ways to train a task adapter, end to end: several sources, drawn languages, scheduled unfreezing,
// and the mean of what was learned.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "madx/io/adapterhub.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace training_variants_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr auto kTask =
    "--encoder @/encoder --source en --language en=@/adapters/en --language sw=@/adapters/sw "
    "--test en=@/en.conll --test sw=@/sw.conll --lr 3e-2 ";
constexpr auto kSources = "--train @/train.conll --train sw=@/train.sw.conll ";
constexpr auto kAdapter = "/task_adapter/pytorch_adapter.bin";

/// The tiny files, with labels of a second language.
const TinyFiles& files() {
  io::write_bytes(tiny_files() / "train.sw.conll",
                  tagged_sentences({"Maria", "Juma"}, "anaona", {"Nairobi", "Mombasa"}));
  return tiny_files();
}

ProgramResult train(const std::string& flags, const std::string& output,
                    const ProgramOptions& options = {}) {
  return run_command(files(), "zero_shot_ner", kTask + flags + " --output @/" + output, options);
}

/// The task adapter of a run that must succeed.
std::string learned(const std::string& flags, const std::string& output) {
  const auto result = train(flags, output);
  EXPECT_EQ(result.status, 0) << result;
  return io::read_bytes(files() / output + kAdapter);
}

json read_json(const std::string& name) { return json::parse(io::read_bytes(files() / name)); }

/// The last line of a run's metrics.jsonl.
json last_metrics(const std::string& output) {
  std::istringstream lines(io::read_bytes(files() / output + "/metrics.jsonl"));
  std::string last;
  for (std::string line; std::getline(lines, line);) last = line;
  return json::parse(last);
}

TEST(SeveralSources, LearnFromAllOfThem) {
  const std::string flags =
      std::string(kSources) + "--dev @/dev.conll --dev sw=@/sw.conll --steps 10";
  const auto both = learned(flags, "sources/both");
  const auto results = read_json("sources/both/results.json");
  EXPECT_EQ(results.at("source"), "en+sw");
  EXPECT_EQ(results.at("train").at("best_dev_f1").is_number(), true);
  EXPECT_THAT(io::read_bytes(files() / "sources/both/report.html"), HasSubstr("en+sw"));

  const auto state = read_json("sources/both/run.json").at("training");
  EXPECT_EQ(state.at("settings").at("--source"), "en+sw");
  for (const std::string input :
       {"--train en", "--train sw", "--dev en", "--dev sw", "--language en", "--language sw"})
    EXPECT_TRUE(state.at("inputs").contains(input)) << input;

  EXPECT_NE(both, learned("--train @/train.conll --steps 10", "sources/one"));
  EXPECT_EQ(both, learned("--dev sw=@/sw.conll --dev en=@/dev.conll --train sw=@/train.sw.conll "
                          "--train en=@/train.conll --steps 10",
                          "sources/other_order"));
}

TEST(SeveralSources, AreMarkedInTheTable) {
  const auto result = train(std::string(kSources) + "--steps 2", "sources/table");
  EXPECT_THAT(result.out, HasSubstr("en (source)"));
  EXPECT_THAT(result.out, HasSubstr("sw (source)"));
}

TEST(SeveralSources, TrainWithoutLanguageAdaptersToo) {
  for (const std::string setup : {"no-lang", "finetune"}) {
    const auto result =
        train(std::string(kSources) + "--steps 2 --setup " + setup, "sources/" + setup);
    EXPECT_EQ(result.status, 0) << result;
    EXPECT_EQ(read_json("sources/" + setup + "/results.json").at("source"), "en+sw");
  }
}

TEST(OneSource, IsOneRunHoweverItIsNamed) {
  const auto plain = learned("--train @/train.conll --steps 4", "one/source");
  const auto named = train("--train en=@/train.conll --steps 4 --resume", "one/source");
  EXPECT_EQ(named.status, 0) << named;
  EXPECT_THAT(named.out, HasSubstr("is complete: nothing to do"));
  const auto settings = read_json("one/source/run.json").at("training").at("settings");
  for (const std::string flag : {"--train-languages", "--unfreeze-every", "--average-every"})
    EXPECT_FALSE(settings.contains(flag)) << "runs from before there was " << flag << " go on";
}

TEST(TrainLanguages, TakeThePlaceOfTheSources) {
  const auto drawn =
      learned("--train @/train.conll --train-languages en sw --steps 10", "drawn/both");
  const auto plain = learned("--train @/train.conll --steps 10", "drawn/none");
  EXPECT_NE(drawn, plain);
  EXPECT_EQ(plain, learned("--train @/train.conll --train-languages en --steps 10", "drawn/en"))
      << "of one there is no choice";
  EXPECT_EQ(drawn,
            learned("--train @/train.conll --train-languages en sw --steps 10", "drawn/again"));
  EXPECT_EQ(read_json("drawn/both/run.json")["training"]["settings"]["--train-languages"], "en sw");
  EXPECT_EQ(read_json("drawn/both/results.json").at("source"), "en");
}

TEST(UnfreezeEvery, LeavesLowerLayersUntilTheirTurn) {
  const auto layer = [](const std::string& output, const std::string& name) {
    const auto adapter = io::read_adapter(files() / output + "/task_adapter");
    std::vector<at::Tensor> tensors;
    for (const auto& item : adapter.tensors)
      if (item.key().find("layer." + name + ".") != std::string::npos)
        tensors.push_back(item.value().flatten());
    return at::cat(tensors);
  };
  const std::string flags = "--train @/train.conll --weight-decay 0.1 --unfreeze-every ";
  const auto result = train(flags + "8 --steps 8", "unfrozen/top");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.err, HasSubstr("note: with --unfreeze-every 8, 8 steps reach the task adapter "
                                    "in 1 of 2 layers; the others stay as they begin\n"));
  learned(flags + "1 --steps 1", "unfrozen/begin");
  const auto both = train(flags + "4 --steps 8", "unfrozen/both");
  EXPECT_THAT(both.out, testing::Not(HasSubstr("note: with --unfreeze-every")));
  const auto begin = layer("unfrozen/begin", "0");
  EXPECT_TRUE(at::equal(layer("unfrozen/top", "0"), begin)) << "not even decayed";
  EXPECT_FALSE(at::equal(layer("unfrozen/both", "0"), begin));
  EXPECT_FALSE(at::equal(layer("unfrozen/top", "1"), layer("unfrozen/begin", "1")));
}

TEST(AverageEvery, MeasuresWhatItKeeps) {
  const std::string flags = "--train @/train.conll --dev @/dev.conll --steps 10 ";
  const auto mean = learned(flags + "--average-every 4", "average/ner");
  EXPECT_NE(mean, learned(flags, "average/best"));
  const auto last = last_metrics("average/ner");
  EXPECT_EQ(last.at("averaged"), 3);
  EXPECT_NEAR(read_json("average/ner/results.json").at("train").at("best_dev_f1"),
              last.at("dev_f1"), 1e-4);
}

TEST(AverageEvery, IsAFlagOfEveryTraining) {
  const std::string common = "--encoder @/encoder --steps 6 --average-every 2 --output @/average/";
  const auto language =
      run_command(files(), "train_lang_adapter",
                  common + "sw --text @/sw.txt --eval-text @/en.txt --lm-head @/lm_head");
  EXPECT_EQ(language.status, 0) << language;
  EXPECT_THAT(language.out, testing::ContainsRegex(
                                ", held-out loss [0-9.]+ of the average of 3 states, peak memory"));
  const auto head = run_command(files(), "train_lm_head",
                                common + "head.v2 --name head --text @/sw.txt --lr 1e-2");
  EXPECT_EQ(head.status, 0) << head;
  EXPECT_EQ(last_metrics("average/head.v2").at("averaged"), 3);
}

constexpr auto kAll =
    "--train @/train.conll --train sw=@/train.sw.conll --dev sw=@/sw.conll --train-languages en sw "
    "--unfreeze-every 30 --average-every 25 --steps 100 ";

TEST(TrainingVariants, ResumeToTheBytesOfAnUninterruptedRun) {
  ProgramOptions options;
  options.signal_when_exists = files() / "variants_cut.partial/metrics.jsonl";
  const auto stopped = train(kAll, "variants_cut", options);
  EXPECT_EQ(stopped.status, 130) << stopped;
  const auto other = [&](const std::string& part, const std::string& in_its_place,
                         const std::string& named) {
    std::string flags = kAll;
    flags.replace(flags.find(part), part.size(), in_its_place);
    const auto refused = train(flags + "--resume", "variants_cut");
    EXPECT_EQ(refused.status, 2) << refused;
    EXPECT_THAT(refused.err, HasSubstr("the interrupted run had " + named));
  };
  other("--average-every 25", "--average-every 20", "--average-every 25, but this one has 20");
  other("--average-every 25", "", "--average-every 25, but this one has nothing");
  other("--unfreeze-every 30", "", "--unfreeze-every 30, but this one has nothing");
  other("--train-languages en sw", "--train-languages sw en",
        "--train-languages en sw, but this one has sw en");
  other("--dev sw=@/sw.conll", "--dev @/sw.conll", "--dev en nothing, but this one has ");
  other("--train sw=@/train.sw.conll", "--train sw=@/sw.conll", "--train sw ");
  other("--train sw=@/train.sw.conll", "", "--source en+sw, but this one has en");
  EXPECT_EQ(learned(std::string(kAll) + "--resume", "variants_cut"),
            learned(kAll, "variants_whole"));
}

}  // namespace training_variants_test
}  // namespace madx::apps
