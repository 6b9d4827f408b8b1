// Compositions from the command line: hidden_states and zero_shot_ner as processes.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "madx/io/adapterhub.h"
#include "programs/tiny_files.h"
#include "support.h"

namespace madx::apps {
namespace composition_programs_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr auto kHidden =
    "--encoder @/encoder --adapter en=@/adapters/en --adapter sw=@/adapters/sw ";
constexpr auto kNer =
    "--encoder @/encoder --source en --language en=@/adapters/en --language sw=@/adapters/sw ";

TensorMap hidden_states(const std::string& name, const std::string& flags) {
  const auto path = tiny_files() / name + ".safetensors";
  const auto result = run_command(tiny_files(), "hidden_states",
                                  kHidden + flags + " --output @/" + name + ".safetensors");
  EXPECT_EQ(result.status, 0) << result;
  return io::read_safetensors(path);
}

std::string error_of(const std::string& program, const std::string& command) {
  const auto result = run_command(tiny_files(), program, command);
  EXPECT_EQ(result.status, 2) << result;
  return result.err;
}

TEST(CompositionPrograms, HiddenStatesOfMixedLanguagesAreThoseOfEachAlone) {
  const auto mixed = hidden_states("mixed",
                                   "--composition LANGUAGE --batch-size 5 --text sw=@/sw.txt "
                                   "--text en=@/en.txt");
  const auto swahili = hidden_states("swahili", "--composition sw --text @/sw.txt");
  const auto english = hidden_states("english", "--composition en --text @/en.txt");
  const auto lines = swahili.size() / 2;
  ASSERT_EQ(mixed.size(), swahili.size() + english.size());
  for (size_t i = 0; i < lines; ++i) {
    const auto key = "hidden." + std::to_string(i);
    expect_close(mixed[key], swahili[key], 1e-6);
  }
  for (size_t i = 0; i < english.size() / 2; ++i) {
    expect_close(mixed["hidden." + std::to_string(lines + i)],
                 english["hidden." + std::to_string(i)], 1e-6);
  }
}

TEST(CompositionPrograms, HiddenStatesOfAParallelBlockAreThoseOfItsMembers) {
  const auto both = hidden_states(
      "both", "--composition Stack(en,Parallel(sw,en)) --batch-size 3 --text @/sw.txt");
  const auto second = hidden_states("second", "--composition Stack(en,en) --text @/sw.txt");
  for (size_t i = 0; i < second.size() / 2; ++i) {
    const auto key = "hidden." + std::to_string(i);
    // Of another batch, whose products round otherwise.
    expect_close(both[key + ".1"], second[key], 1e-6 * second[key].abs().max().item<double>());
    EXPECT_FALSE(at::equal(both[key + ".0"], both[key + ".1"]));
  }
}

TEST(CompositionPrograms, StackRuleAndSkippedLayersChangeWhatTheySay) {
  const std::string stack = "--composition sw,en --text @/sw.txt";
  const auto plain = hidden_states("plain", stack);
  const auto paper = hidden_states("paper", stack + " --stack-rule paper");
  const auto skipped = hidden_states("skipped", stack + " --skip-first-layers 2");
  EXPECT_FALSE(at::equal(plain["hidden.0"], paper["hidden.0"]));
  EXPECT_FALSE(at::equal(plain["hidden.0"], skipped["hidden.0"]));
  const auto one = hidden_states("one", "--composition sw --text @/sw.txt");
  const auto one_paper =
      hidden_states("one_paper", "--composition sw --text @/sw.txt --stack-rule paper");
  EXPECT_TRUE(at::equal(one["hidden.0"], one_paper["hidden.0"]));
}

TEST(CompositionPrograms, ZeroShotNerTrainsAFusionAndUsesIt) {
  // Two task adapters, then a fusion of both with a head; then the fusion is loaded again.
  const std::string two = "--adapter ner=@/ner/task_adapter --adapter pos=@/adapters/en ";
  const std::string composition = "--composition Stack(LANGUAGE,Fuse(ner,pos)) ";
  const std::string tests = "--test en=@/en.conll --test sw=@/sw.conll ";
  const auto trained =
      run_command(tiny_files(), "zero_shot_ner",
                  kNer + two + composition + tests +
                      "--train @/train.conll --lr 1e-2 --steps 8 --batch-size 4 --output @/fused");
  ASSERT_EQ(trained.status, 0) << trained;
  EXPECT_TRUE(fs::exists(tiny_files() / "fused/fusions/ner,pos/adapter_fusion_config.json"));
  EXPECT_TRUE(fs::exists(tiny_files() / "fused/task_adapter/head_config.json"));
  EXPECT_FALSE(fs::exists(tiny_files() / "fused/task_adapter/adapter_config.json"))
      << "the adapter ner was loaded, and did not learn";
  const auto loaded = run_command(tiny_files(), "zero_shot_ner",
                                  kNer + two + composition + tests +
                                      "--fusion @/fused/fusions/ner,pos --task-adapter "
                                      "@/fused/task_adapter --output @/fused_again");
  ASSERT_EQ(loaded.status, 0) << loaded;
  for (const std::string language : {"en", "sw"}) {
    const auto file = "/predictions/" + language + ".conll";
    EXPECT_EQ(io::read_bytes(tiny_files() / "fused_again" + file),
              io::read_bytes(tiny_files() / "fused" + file));
  }
  // Both had the same identity start; training moved the fusion.
  const auto fusion = io::read_fusion(tiny_files() / "fused/fusions/ner,pos");
  double largest = 0;
  for (const auto& item : fusion.tensors) {
    if (item.key().find("value") == std::string::npos) continue;
    largest = std::max(largest,
                       (item.value() - at::eye(item.value().size(0))).abs().max().item<double>());
  }
  EXPECT_GT(largest, 1e-3);
}

TEST(CompositionPrograms, ZeroShotNerTagsMixedTextAsItTagsEachLanguage) {
  std::string mixed;
  std::istringstream english(io::read_bytes(tiny_files() / "en.txt")),
      swahili(io::read_bytes(tiny_files() / "sw.txt"));
  for (std::string en, sw; std::getline(english, en) && std::getline(swahili, sw);)
    mixed += "en\t" + en + "\nsw\t" + sw + "\n\n";
  io::write_bytes(tiny_files() / "mixed.txt", mixed);
  const auto result = run_command(tiny_files(), "zero_shot_ner",
                                  std::string(kNer) +
                                      "--task-adapter @/ner/task_adapter --text en=@/en.txt --text "
                                      "sw=@/sw.txt --mixed-text @/mixed.txt --output @/tag_mixed");
  ASSERT_EQ(result.status, 0) << result;
  const auto sentences = [](const std::string& file, const std::string& language) {
    std::vector<std::string> found(1);
    std::istringstream lines(io::read_bytes(tiny_files() / "tag_mixed/tagged/" + file));
    bool ours = language.empty();
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("# language: ", 0) == 0) {
        ours = line.substr(12) == language;
      } else if (ours && line.empty()) {
        found.emplace_back();
      } else if (ours) {
        found.back() += line + "\n";
      }
    }
    return found;
  };
  for (const std::string language : {"en", "sw"}) {
    const auto alone = sentences(language + ".conll", ""),
               together = sentences("mixed.conll", language);
    ASSERT_GT(together.size(), 10U);
    for (size_t i = 0; i + 1 < together.size(); ++i) EXPECT_EQ(together[i], alone[i]);
  }
}

TEST(CompositionPrograms, TrainWithAdapterDrop) {
  const auto train = [](const std::string& output, const std::string& more) {
    const auto result = run_command(tiny_files(), "zero_shot_ner",
                                    kNer + ("--train @/train.conll --lr 3e-2 --steps 6 --test "
                                            "sw=@/sw.conll --output @/" +
                                            output + more));
    EXPECT_EQ(result.status, 0) << result;
    return io::read_bytes(tiny_files() / output + "/task_adapter/pytorch_adapter.bin");
  };
  EXPECT_NE(train("drop", " --adapter-drop 1"), train("no_drop", ""));
  const auto result = run_command(
      tiny_files(), "train_lang_adapter",
      "--encoder @/encoder --text @/en.txt --lm-head @/lm_head --output @/drop_en --steps 3 "
      "--adapter-drop 1");
  EXPECT_EQ(result.status, 0) << result;
}

TEST(CompositionPrograms, SayWhatIsWrong) {
  const std::string text = " --text @/en.txt --output @/x.safetensors";
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--composition Stack(sw,Fuse(en" + text)),
              HasSubstr("--composition: composition \"Stack(sw,Fuse(en\": expected ',' or ')' at "
                        "character 17, but found the end"));
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--composition Fuse(sw,en)" + text)),
              HasSubstr("expected a fusion \"sw,en\" in the bank, but found none"));
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--composition de" + text)),
              HasSubstr("--composition: expected names that --adapter gives, but found de"));
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--composition LANGUAGE" + text)),
              HasSubstr("--text: expected LANGUAGE=PATH"));
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--stack-rule mine" + text)),
              HasSubstr("--stack-rule: expected adapterhub or paper, but found mine"));
  EXPECT_THAT(error_of("hidden_states", kHidden + ("--skip-first-layers 3" + text)),
              HasSubstr("--skip-first-layers: expected 0 to 2"));
  EXPECT_THAT(error_of("hidden_states",
                       kHidden + ("--composition BatchSplit(sw,en,batch_sizes=[1,2])" + text)),
              HasSubstr("expected a batch of 3 sequences by batch_sizes, but found 1"));
  const std::string ner =
      std::string(kNer) + "--train @/train.conll --test sw=@/sw.conll --output @/y ";
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--composition Stack(LANGUAGE,Fuse(ner,pos))"),
              HasSubstr("--composition: expected LANGUAGE, ner or a name that --language or "
                        "--adapter gives, but found pos"));
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--adapter pos=@/adapters/en"),
              HasSubstr("--adapter: expected --composition beside it"));
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--composition ner --setup no-lang"),
              HasSubstr("--composition: expected --setup madx or no-inv beside it"));
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--composition Fuse(LANGUAGE,ner)"),
              HasSubstr("expected a fusion of adapters that stay as languages change"));
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--adapter-drop 2"),
              HasSubstr("--adapter-drop: expected 0 to 1"));
  EXPECT_THAT(error_of("zero_shot_ner", ner + "--adapter-drop 1 --leave-out 1"),
              HasSubstr("--adapter-drop: expected 0 to 0"));
  io::write_bytes(tiny_files() / "bad_mixed.txt", "sw\tMto\nno tab\n");
  EXPECT_THAT(error_of("zero_shot_ner", std::string(kNer) +
                                            "--task-adapter @/ner/task_adapter --mixed-text "
                                            "@/bad_mixed.txt --output @/y"),
              HasSubstr("bad_mixed.txt:2: expected a language, a tab and a sentence"));
  EXPECT_FALSE(fs::exists(tiny_files() / "y"));
}

}  // namespace composition_programs_test
}  // namespace madx::apps
