// What a program reads is never written over, names are in any encoding, and a reader that goes
// away ends no run.
#include <gmock/gmock.h>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace own_input_test {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A command of which "OUT" is one of the files that it reads.
struct Overwriting {
  const char* program;
  std::string command, output, message;
};

TEST(OutputFile, IsNoInput) {
  const auto& files = tiny_files();
  ASSERT_EQ(run_command(files, "export_encoder", "--from @/encoder --to @/own.pt").status, 0);
  const Overwriting commands[] = {
      {"hidden_states", "--encoder @/encoder --text @/en.txt --output ", "@/en.txt",
       "but found @/en.txt"},
      {"hidden_states", "--encoder @/encoder --text @/en.txt --output ",
       "@/encoder/model.safetensors", "but found a file of @/encoder"},
      {"hidden_states",
       "--encoder @/encoder --adapter sw=@/adapters/sw --composition sw --text @/en.txt --output ",
       "@/adapters/sw/pytorch_adapter.bin", "but found a file of @/adapters/sw"},
      {"mlm_loss", "--encoder @/encoder --lm-head @/lm_head --text @/en.txt --save-batches ",
       "@/en.txt", "but found @/en.txt"},
      {"export_encoder", "--from @/encoder --to ", "@/encoder/model.safetensors",
       "but found a file of @/encoder"},
      {"export_encoder", "--from @/own.pt --to ", "@/own.pt", "but found @/own.pt"}};
  for (const auto& [program, command, output, message] : commands) {
    SCOPED_TRACE(program + (" " + command) + output);
    const auto before = io::read_bytes(files.expand(output));
    const auto result = run_command(files, program, command + output);
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err,
                HasSubstr(files.expand(output + ": expected an output that is no input, " +
                                       message + "; choose another name")));
    EXPECT_EQ(io::read_bytes(files.expand(output)), before);
  }
  // A file beside what is read is no input, the second time neither.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run_command(files, "export_encoder", "--from @/own.pt --to @/other.pt").status, 0);
    const auto result =
        run_command(files, "hidden_states",
                    "--encoder @/encoder --text @/en.txt --output @/encoder/hidden.safetensors");
    EXPECT_EQ(result.status, 0) << result;
  }
  fs::remove(files / "encoder/hidden.safetensors");
}

TEST(Paths, MayBeInAnyEncoding) {
  const auto& files = tiny_files();
  io::write_bytes(files / "caf\xE9.txt", io::read_bytes(files / "en.txt"));
  fs::copy(files / "train.conll", files / "caf\xE9.conll");
  const auto language =
      run_command(files, "train_lang_adapter",
                  "--encoder @/encoder --lm-head @/lm_head --text @/caf\xE9.txt --steps 1 --name x "
                  "--output @/caf\xE9/la");
  EXPECT_EQ(language.status, 0) << language;
  const std::string task =
      "--encoder @/encoder --source en --setup no-lang --train @/caf\xE9.conll --test "
      "en=@/caf\xE9.conll --steps 1 --output @/ner_caf\xE9 ";
  const auto trained = run_command(files, "zero_shot_ner", task);
  EXPECT_EQ(trained.status, 0) << trained;
  const auto again = run_command(files, "zero_shot_ner", task + "--resume");
  EXPECT_EQ(again.status, 0) << again;
  EXPECT_THAT(again.out, HasSubstr("is complete: nothing to do"));
}

TEST(ClosedPipe, LosesNoRun) {
  // The program writes to a pipe whose reader ended before it began.
  const std::string script = "{ sleep 0.2; \"$@\"; echo \"status $?\" >&2; } | true";
  std::vector<std::string> arguments = {"-c", script, "sh",
                                        std::string(MADX_PROGRAMS) + "/zero_shot_ner"};
  std::istringstream words(
      tiny_files().expand("--encoder @/encoder --source en --setup no-lang --train @/train.conll "
                          "--test en=@/en.conll --steps 1 --threads 1 --output @/unheard"));
  for (std::string word; words >> word;) arguments.push_back(word);
  const auto result = run_file("/bin/sh", arguments);
  EXPECT_THAT(result.err, HasSubstr("status 0\n"));
  EXPECT_TRUE(fs::exists(tiny_files() / "unheard/results.json"));
}

}  // namespace own_input_test
}  // namespace madx::apps
