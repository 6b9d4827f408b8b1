// Training programs that are killed at random moments of their lives, by each signal that ends
// programs: the same command finds the bits of a run that nobody disturbed, and nothing that was
// once whole is lost.
#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "apps/run/run_state.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace killed_run_test {

namespace fs = std::filesystem;

/// A command, and the files that tell what came of it.
struct Life {
  std::string name;
  const char* program;
  std::string command;
  std::vector<std::string> results;
};

void PrintTo(const Life& life, std::ostream* stream) { *stream << life.name; }

const std::string kNer =
    "--encoder @/encoder --source en --language en=@/adapters/en --language sw=@/adapters/sw "
    "--train @/train.conll --dev @/dev.conll --test en=@/en.conll --test sw=@/sw.conll "
    "--text sw=@/sw.txt --lr 1e-2 --eval-every 20 --steps 60 ";
const std::vector<Life> kLives = {
    {"LanguageAdapter",
     "train_lang_adapter",
     "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --lr 1e-2 --train-lm-head "
     "--eval-text @/sw.txt --eval-every 20 --name en --steps 60 ",
     {"pytorch_adapter.bin", "adapter_config.json", "lm_head/pytorch_model_head.bin"}},
    {"MaskedLmHead",
     "train_lm_head",
     "--encoder @/encoder --text @/en.txt @/sw.txt --lr 1e-2 --steps 60 ",
     {"pytorch_model_head.bin", "head_config.json"}},
    {"AdaptedEncoder",
     "adapt_encoder",
     "--encoder @/encoder --lm-head @/lm_head --text @/en.txt @/sw.txt --lr 1e-2 --eval-text "
     "@/sw.txt --eval-every 20 --steps 60 ",
     {"model.safetensors", "config.json", "sentencepiece.bpe.model"}},
    {"TaskAdapter",
     "zero_shot_ner",
     kNer,
     {"task_adapter/pytorch_adapter.bin", "task_adapter/pytorch_model_head.bin",
      "predictions/en.conll", "predictions/sw.conll", "tagged/sw.conll", "results.json"}},
    {"FineTuning",
     "zero_shot_ner",
     kNer + "--setup finetune ",
     {"finetuned/model.safetensors", "finetuned/config.json", "predictions/sw.conll",
      "results.json"}}};

/// A file's content, less what measures time.
std::string content(const std::string& path) {
  auto bytes = io::read_bytes(path);
  if (path.find("results.json") == std::string::npos) return bytes;
  auto json = nlohmann::json::parse(bytes);
  EXPECT_TRUE(json["train"]["seconds"].is_number());
  json["train"].erase("seconds");
  return json.dump();
}

double seconds_of(const std::function<void()>& work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

class KilledRuns : public testing::TestWithParam<Life> {
 protected:
  ProgramResult run(const std::string& output, const ProgramOptions& options = {}) const {
    // Under one name each, after which heads are called.
    const auto path = "@/" + folder(output) + "/" + GetParam().name;
    const bool resumable = fs::exists(at(output, ".partial/checkpoint/state.json")) ||
                           fs::exists(at(output, "/checkpoint/state.json"));
    return run_command(tiny_files(), GetParam().program,
                       GetParam().command + "--save-minutes 0.0005 --output " + path +
                           (resumable ? " --resume" : ""),
                       options);
  }
  std::string folder(const std::string& output) const {
    return "lives/" + GetParam().name + "/" + output;
  }
  std::string at(const std::string& output, const std::string& rest) const {
    return tiny_files() / folder(output) + "/" + GetParam().name + rest;
  }
  std::string result(const std::string& output, const std::string& name) const {
    return at(output, "/" + name);
  }
};

TEST_P(KilledRuns, EndInTheBitsOfAnUndisturbedOne) {
  double lifetime = 0;
  lifetime = seconds_of([&] {
    const auto whole = run("whole");
    ASSERT_EQ(whole.status, 0) << whole;
  });
  std::mt19937 random(2020);
  std::uniform_real_distribution<double> moment(0, lifetime * 1.05);
  constexpr int kSignals[] = {SIGINT, SIGTERM, SIGKILL};
  std::map<std::string, std::string> once_whole;
  int lives = 1, killed = 0, interrupted = 0;
  const auto output = [&] { return "killed" + std::to_string(lives); };
  const auto look = [&] {
    for (const auto& [name, bytes] : once_whole)
      EXPECT_TRUE(fs::exists(result(output(), name))) << name << " was whole, and is lost";
    for (const auto& name : GetParam().results) {
      if (!fs::exists(result(output(), name))) continue;
      const auto bytes = content(result(output(), name));
      EXPECT_EQ(bytes, content(result("whole", name))) << name;
      once_whole[name] = bytes;
    }
  };
  for (int kill = 0; kill < 20; ++kill) {
    ProgramOptions options;
    options.signal = kSignals[kill % 3];
    options.signal_after_seconds = moment(random);
    SCOPED_TRACE("kill " + std::to_string(kill) + ", signal " + std::to_string(options.signal) +
                 " after " + std::to_string(options.signal_after_seconds) + " s");
    const auto ended = run(output(), options);
    killed += ended.signal != 0 ? 1 : 0;
    interrupted += ended.status == 130 ? 1 : 0;
    EXPECT_TRUE(ended.signal == options.signal || ended.status == 130 || ended.status == 0)
        << ended;
    look();
    const auto state = read_run_state(at(output(), ""));
    const bool complete = state && state->stage == RunState::Stage::kComplete;
    EXPECT_TRUE(complete || ended.status != 0) << ended;
    if (!complete) continue;  // killed, and yet complete: in the last moments of the process
    EXPECT_EQ(once_whole.size(), GetParam().results.size());
    once_whole.clear();
    ++lives;
  }
  const auto last = run(output());
  EXPECT_EQ(last.status, 0) << last;
  look();
  EXPECT_EQ(once_whole.size(), GetParam().results.size());
  EXPECT_GT(killed, 0);
  EXPECT_GT(interrupted, 0);
  for (const auto& entry : fs::directory_iterator(tiny_files() / folder(output())))
    EXPECT_EQ(entry.path().filename(), GetParam().name) << "left behind";
}

INSTANTIATE_TEST_SUITE_P(Programs, KilledRuns, testing::ValuesIn(kLives),
                         [](const auto& test) { return test.param.name; });

}  // namespace killed_run_test
}  // namespace madx::apps
