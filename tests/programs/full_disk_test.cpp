// A disk that fills up while a program writes: status 1, one line that says so, and nothing left
// behind.
#include <gmock/gmock.h>

#include <algorithm>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace full_disk_test {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Writing {
  const char* program;
  std::string command;
  std::string output;  // "@" stands for the folder
  /// Sizes of files at which writing fails, each of them during another one.
  std::vector<int64_t> limits;
};

void PrintTo(const Writing& writing, std::ostream* stream) {
  *stream << writing.program << " " << writing.command;
}

class FullDisk : public testing::TestWithParam<Writing> {};

TEST_P(FullDisk, EndsWithStatus1AndNothingWritten) {
  const auto& writing = GetParam();
  const auto& files = tiny_files();
  for (const auto limit : writing.limits) {
    SCOPED_TRACE("files of at most " + std::to_string(limit) + " bytes");
    fs::create_directories(files / "full");
    ProgramOptions options;
    options.file_size_limit = limit;
    const auto result =
        run_command(files, writing.program,
                    writing.command + " --encoder @/encoder " + writing.output, options);
    EXPECT_EQ(result.status, 1) << result;
    const auto line = result.err.rfind('\n', result.err.size() - 2) + 1;  // after the progress
    EXPECT_EQ(result.err.find(std::string(writing.program) + ": "), line) << result;
    EXPECT_THAT(result.err.substr(line), HasSubstr(files / "full"));
    EXPECT_THAT(result.err.substr(line), HasSubstr("File too large; free some disk space"));
    EXPECT_THAT(result.err, EndsWith("\n"));
    EXPECT_TRUE(fs::is_empty(files / "full")) << *fs::directory_iterator(files / "full");
  }
}

const std::string kLanguage = "--text @/en.txt --lm-head @/lm_head --steps 2 ";
const std::string kNer = "--source en --language en=@/adapters/en ";
const std::string kDirectory = "--output @/full/runs/x";

INSTANTIATE_TEST_SUITE_P(
    Programs, FullDisk,
    testing::Values(
        Writing{"train_lang_adapter", kLanguage, kDirectory, {0, 200, 1600, 4000}},
        Writing{"train_lang_adapter", kLanguage + "--save-every 1", kDirectory, {200, 4000}},
        Writing{"train_lm_head", "--text @/en.txt --steps 2", kDirectory, {0, 4000}},
        Writing{"adapt_encoder",
                "--text @/en.txt --lm-head @/lm_head --steps 2",
                kDirectory,
                {0, 1600, 20000}},
        Writing{"zero_shot_ner",
                kNer + "--train @/train.conll --test en=@/en.conll --steps 2",
                kDirectory,
                {0, 1600, 4000}},
        Writing{"zero_shot_ner",
                kNer + "--task-adapter @/ner/task_adapter --text en=@/en.txt",
                kDirectory,
                {100}},
        Writing{"hidden_states", "--text @/en.txt", "--output @/full/hidden.safetensors", {1000}}));

TEST(FullDiskWhileScoring, KeepsTheTaskAdapterAndTheSameCommandGoesOn) {
  const auto& files = tiny_files();
  const auto command = kNer + "--encoder @/encoder --train @/train.conll --test en=@/en.conll " +
                       "--steps 2 --output @/full_scores/x";
  ProgramOptions options;
  options.file_size_limit = 7000;  // the report is longer
  const auto failed = run_command(files, "zero_shot_ner", command, options);
  EXPECT_EQ(failed.status, 1) << failed;
  EXPECT_THAT(failed.err,
              HasSubstr("/report.html: expected to write the file, but found: File too large; "
                        "free some disk space"));
  const auto output = files / "full_scores/x";
  const auto adapter = io::read_bytes(output + "/task_adapter/pytorch_adapter.bin");
  EXPECT_NE(adapter, "");
  for (const auto& entry : fs::directory_iterator(output)) {
    const auto name = entry.path().filename().string();
    EXPECT_TRUE(name == "task_adapter" || name == "run.json" || name == "metrics.jsonl" ||
                name == "loss.svg")
        << name << ": of scores that are not complete";
  }

  const auto again = run_command(files, "zero_shot_ner", command);
  EXPECT_EQ(again.status, 0) << again;
  EXPECT_THAT(again.out, HasSubstr("trained already: scoring what is in "));
  EXPECT_EQ(io::read_bytes(output + "/task_adapter/pytorch_adapter.bin"), adapter);
  EXPECT_TRUE(fs::exists(output + "/results.json"));
}

TEST(ExportEncoder, EndsWithStatus1AndNothingWrittenOnAFullDisk) {
  const auto& files = tiny_files();
  for (const int64_t limit : {0, 8000, 32000}) {
    SCOPED_TRACE("files of at most " + std::to_string(limit) + " bytes");
    fs::create_directories(files / "export");
    ProgramOptions options;
    options.file_size_limit = limit;
    const auto result =
        run_command(files, "export_encoder", "--from @/encoder --to @/export/x.pt", options);
    EXPECT_EQ(result.status, 1) << result;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result;
    EXPECT_THAT(result.err, HasSubstr(files / "export/x.pt"));
    EXPECT_THAT(result.err, Not(HasSubstr("terminate called")));
    EXPECT_TRUE(fs::is_empty(files / "export"));
  }
}

TEST(FullStandardOutput, EndsWithStatus1) {
  const auto& files = tiny_files();
  ProgramOptions options;
  options.output = "/dev/full";
  const std::pair<const char*, std::string> commands[] = {
      {"mlm_loss", "--json --encoder @/encoder --lm-head @/lm_head --text @/sw.txt"},
      {"hidden_states", "--encoder @/encoder --text @/en.txt --output @/full_output.safetensors"}};
  for (const auto& [program, command] : commands) {
    const auto result = run_command(files, program, command, options);
    EXPECT_EQ(result.status, 1) << result;
    EXPECT_THAT(result.err, HasSubstr(std::string(program) +
                                      ": standard output: expected to write to it, but it failed"));
  }
}

}  // namespace full_disk_test
}  // namespace madx::apps
