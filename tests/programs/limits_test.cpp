// The edges of what programs are given: long lines, single sentences, thousands of files, files
// that change while they are read, and a disk that is really full.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace limits_test {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;

const std::string kTrain = "--encoder @/encoder --lm-head @/lm_head --name x ";
const std::string kNer = "--encoder @/encoder --source en --setup no-lang --steps 2 ";

ProgramResult train(const std::string& flags, const ProgramOptions& options = {}) {
  return run_command(tiny_files(), "train_lang_adapter", kTrain + flags, options);
}

TEST(LongLine, IsTrainedOnAndTagged) {
  std::string line;
  while (line.size() < 200'000)
    line += line.size() % 3000 < 12 ? "Maria sees New Nairobi. " : "boat ";
  io::write_bytes(tiny_files() / "long.txt", line + "\n");
  for (const std::string flags : {"", "--full-length ", "--vocabulary text "}) {
    const auto trained = train(flags + "--text @/long.txt --steps 2 --output @/long/" +
                               std::to_string(flags.size()));
    EXPECT_EQ(trained.status, 0) << trained;
  }
  const auto tagged =
      run_command(tiny_files(), "zero_shot_ner",
                  kNer + "--train @/train.conll --text en=@/long.txt --output @/long/ner");
  ASSERT_EQ(tagged.status, 0) << tagged;
  const auto words = io::read_bytes(tiny_files() / "long/ner/tagged/en.conll");
  EXPECT_GT(std::count(words.begin(), words.end(), '\n'), 35'000) << "every word has a tag";
}

TEST(OneWordOf200000Characters, IsTrainedOnAndTagged) {
  io::write_bytes(tiny_files() / "word.txt", std::string(200'000, 'a') + "\n");
  const auto trained = train("--text @/word.txt --steps 2 --output @/word/la");
  EXPECT_EQ(trained.status, 0) << trained;
  const auto tagged =
      run_command(tiny_files(), "zero_shot_ner",
                  kNer + "--train @/train.conll --text en=@/word.txt --output @/word/ner");
  ASSERT_EQ(tagged.status, 0) << tagged;
  const auto words = io::read_bytes(tiny_files() / "word/ner/tagged/en.conll");
  EXPECT_EQ(words.find('\t'), 200'000u);
}

TEST(OneSentence, IsALanguage) {
  io::write_bytes(tiny_files() / "one.txt", "Maria sees New Nairobi.\n");
  io::write_bytes(tiny_files() / "one.conll", "Maria\tB-PER\n\n");
  const auto language = train("--text @/one.txt --eval-text @/one.txt --steps 3 --output @/one/la");
  EXPECT_EQ(language.status, 0) << language;
  const auto task =
      run_command(tiny_files(), "zero_shot_ner",
                  kNer +
                      "--train @/one.conll --dev @/one.conll --test en=@/one.conll --test "
                      "sw=@/one.conll --output @/one/ner");
  EXPECT_EQ(task.status, 0) << task;
  const auto results = nlohmann::json::parse(io::read_bytes(tiny_files() / "one/ner/results.json"));
  EXPECT_EQ(results["languages"]["sw"]["sentences"], 1);
}

TEST(EmptyBatch, IsPassedOverWhereOtherLinesHaveTokens) {
  // Of white space that is not ASCII no token is left: whole batches have nothing to mask.
  std::string text = "Maria sees New Nairobi.\n";
  for (int i = 0; i < 64; ++i) text += "\u00A0\u2003\n";
  io::write_bytes(tiny_files() / "spaces.txt", text);
  const auto trained = train("--text @/spaces.txt --batch-size 2 --steps 5 --output @/spaces/la");
  EXPECT_EQ(trained.status, 0) << trained;

  io::write_bytes(tiny_files() / "nothing.txt", text.substr(text.find('\n') + 1));
  const auto refused = train("--text @/nothing.txt --steps 5 --output @/nothing/la");
  EXPECT_EQ(refused.status, 2) << refused;
  EXPECT_THAT(refused.err, HasSubstr("the text has no line with a token; expected sentences"));
  EXPECT_FALSE(fs::exists(tiny_files() / "nothing/la"));
}

TEST(ManyTestFiles, AreScoredEach) {
  constexpr int kFiles = 300;  // docs/reliability.md has 10,000
  std::string command = kNer + "--train @/train.conll --output @/many/ner";
  for (int i = 0; i < kFiles; ++i) {
    const auto name = "l" + std::to_string(i);
    io::write_bytes(tiny_files() / name + ".conll", "Maria\tB-PER\nsees\tO\n\n");
    command += " --test " + name + "=@/" + name + ".conll";
  }
  const auto scored = run_command(tiny_files(), "zero_shot_ner", command);
  ASSERT_EQ(scored.status, 0) << scored;
  const auto results =
      nlohmann::json::parse(io::read_bytes(tiny_files() / "many/ner/results.json"));
  EXPECT_EQ(results["languages"].size(), size_t{kFiles});
}

/// Trains on a copy of en.txt of many pages, and does `change` to it once `steps` are logged.
ProgramResult train_while(const std::string& name,
                          const std::function<void(const std::string&)>& change,
                          const std::string& flags) {
  const auto text = tiny_files() / (name + ".txt"), output = tiny_files() / (name + "/la");
  std::string lines;
  while (lines.size() < 200'000) lines += io::read_bytes(tiny_files() / "en.txt");
  io::write_bytes(text, lines);
  std::atomic<bool> ended{false};
  bool changed = false;
  std::thread other([&] {
    while (!ended && !fs::exists(output + ".partial/metrics.jsonl"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (ended) return;
    change(text);
    changed = true;
  });
  const auto result =
      train(flags + " --text @/" + name + ".txt --log-every 1 --output @/" + name + "/la");
  ended = true;
  other.join();
  EXPECT_TRUE(changed) << "the run was over before the file changed";
  return result;
}

TEST(AFileThatShrinks, EndsTheRunWithStatus1AndItsName) {
  // To nothing: the page is gone. Within its first page: the rest of that page reads as zeros, the
  // others are gone.
  for (const int size : {0, 1000}) {
    const auto name = "shrinks" + std::to_string(size);
    const auto result = train_while(
        name, [&](const std::string& path) { fs::resize_file(path, static_cast<uintmax_t>(size)); },
        "--steps 200000");
    EXPECT_EQ(result.status, 1) << result;
    EXPECT_EQ(result.signal, 0) << result;
    EXPECT_THAT(result.err,
                HasSubstr("train_lang_adapter: " + tiny_files() / name +
                          ".txt: expected the file as it was when it was opened, but found a part "
                          "of it gone or overwritten; leave it as it is while a program reads it, "
                          "and run the command again\n"));
    EXPECT_THAT(result.err, EndsWith("run the command again\n"));
    EXPECT_FALSE(fs::exists(tiny_files() / name + "/la"));
  }
}

TEST(AFileThatGrows, IsReadAsItWas) {
  const auto grown = train_while(
      "grows",
      [](const std::string& path) {
        std::ofstream(path, std::ios::app) << "\xFF no text at all \n";
      },
      "--steps 600");
  ASSERT_EQ(grown.status, 0) << grown;
  const auto still = train_while(
      "still", [](const std::string&) {}, "--steps 600");
  ASSERT_EQ(still.status, 0) << still;
  EXPECT_EQ(io::read_bytes(tiny_files() / "grows/la/pytorch_adapter.bin"),
            io::read_bytes(tiny_files() / "still/la/pytorch_adapter.bin"));
}

/// Runs a command on a file system of its own, in memory, of `kilobytes`, which is gone afterwards.
/// The last line of what it prints says how many files were left there.
ProgramResult run_on_small_disk(int kilobytes, const std::string& program,
                                const std::string& command) {
  const std::string script = R"sh(disk=$1; shift
mkdir -p "$disk" && mount -t tmpfs -o size=)sh" +
                             std::to_string(kilobytes) + R"sh(k none "$disk" || exit 3
"$@"
status=$?
echo "files left: $(find "$disk" -type f | wc -l)"
exit $status)sh";
  std::vector<std::string> arguments = {"--user",
                                        "--map-root-user",
                                        "--mount",
                                        "/bin/sh",
                                        "-c",
                                        script,
                                        "sh",
                                        tiny_files() / "disk",
                                        std::string(MADX_PROGRAMS) + "/" + program};
  std::istringstream words(tiny_files().expand(command));
  for (std::string word; words >> word;) arguments.push_back(word);
  return run_file("/usr/bin/unshare", arguments);
}

TEST(AFullDisk, EndsWithStatus1AndNothingWritten) {
  const auto possible =
      run_file("/usr/bin/unshare", {"--user", "--map-root-user", "--mount", "/bin/true"});
  if (possible.status != 0) GTEST_SKIP() << "no file system of one's own here: " << possible.err;
  const auto training = kTrain + "--threads 1 --text @/en.txt --steps 2 --output @/disk/la";
  const auto fits = run_on_small_disk(4096, "train_lang_adapter", training);
  ASSERT_EQ(fits.status, 0) << fits;
  const std::pair<const char*, std::string> commands[] = {
      {"train_lang_adapter", training},
      {"adapt_encoder",
       "--encoder @/encoder --lm-head @/lm_head --threads 1 --text @/en.txt --steps 2 "
       "--output @/disk/encoder"},
      {"zero_shot_ner",
       kNer + "--threads 1 --train @/train.conll --output @/disk/ner --test en=@/en.conll"},
      {"hidden_states",
       "--encoder @/encoder --threads 1 --text @/en.txt --output @/disk/hidden.safetensors"},
      {"export_encoder", "--from @/encoder --to @/disk/encoder.pt"}};
  for (const auto& [program, command] : commands) {
    SCOPED_TRACE(program);
    const auto full = run_on_small_disk(8, program, command);
    EXPECT_EQ(full.status, 1) << full;
    EXPECT_THAT(full.err, HasSubstr(std::string(program) + ": " + tiny_files() / "disk"));
    EXPECT_THAT(full.err, HasSubstr("No space left on device; free some disk space"));
    EXPECT_THAT(full.out, EndsWith("files left: 0\n"));
  }
}

}  // namespace limits_test
}  // namespace madx::apps
