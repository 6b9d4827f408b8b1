// --weights-only of every program that reads an encoder: somebody else's TorchScript file is data.
#include <gmock/gmock.h>
#include <torch/script.h>

#include <algorithm>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace weights_only_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// @/hostile/encoder.pt is @/encoder_with_head whose program writes @/written when it runs.
const TinyFiles& hostile_files() {
  static const bool made = [] {
    const auto& files = tiny_files();
    const auto plain = files / "plain.pt";
    EXPECT_EQ(
        run_command(files, "export_encoder", "--from @/encoder_with_head --to @/plain.pt").status,
        0);
    torch::jit::ExtraFilesMap extra = {{"config.json", ""}, {"sentencepiece.bpe.model", ""}};
    const auto inner = torch::jit::load(plain, at::kCPU, extra);
    torch::jit::Module outer("Outer");
    outer.register_module("model", inner);
    outer.define(
        "def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:\n"
        "    torch.save(1, \"" +
        files / "written" +
        "\")\n"
        "    return self.model.forward(input_ids, attention_mask)\n");
    fs::create_directory(files / "hostile");
    outer.save(files / "hostile/encoder.pt", extra);
    return true;
  }();
  static_cast<void>(made);
  return tiny_files();
}

struct Command {
  const char* program;
  std::string command;  // "%" stands for the encoder, "OUT" for the output
  std::string result;   // a file that the weights decide
};

void PrintTo(const Command& command, std::ostream* stream) { *stream << command.program; }

class WeightsOnly : public testing::TestWithParam<Command> {
 protected:
  ProgramResult run(const std::string& encoder, const std::string& output,
                    const std::string& flags) const {
    return run_with(encoder, output, GetParam().command + " " + flags);
  }
  static ProgramResult run_with(const std::string& encoder, const std::string& output,
                                std::string command) {
    const auto put = [&](const std::string& name, const std::string& value) {
      command.replace(command.find(name), name.size(), value);
    };
    put("%", encoder);
    put("OUT", "@/weights_only/" + output + "/" + GetParam().program);
    fs::create_directories(hostile_files() / "weights_only/" + output);
    return run_command(hostile_files(), GetParam().program, command);
  }
  std::string result(const std::string& output) const {
    return io::read_bytes(hostile_files() / "weights_only/" + output + "/" + GetParam().program +
                          GetParam().result);
  }
};

TEST_P(WeightsOnly, RunsNoProgramSaysSoAndComputesTheSame) {
  const bool exports = GetParam().program == std::string("export_encoder");
  const auto written = hostile_files() / "written";
  const auto data = run(exports ? "@/hostile" : "@/hostile/encoder.pt", "data", "--weights-only");
  ASSERT_EQ(data.status, 0) << data;
  EXPECT_FALSE(fs::exists(written));
  const std::string note =
      "note: " + hostile_files() / "hostile/encoder.pt: only the weights were read; ";
  if (!exports) {
    EXPECT_THAT(data.err, HasSubstr(note));
  }

  const auto directory = run("@/encoder_with_head", "directory", "--weights-only");
  ASSERT_EQ(directory.status, 0) << directory;
  EXPECT_THAT(directory.err, Not(HasSubstr("only the weights")));

  if (exports) return;  // a file of its own, whose bits tell of memory
  const auto program = run("@/hostile/encoder.pt", "program", "");
  ASSERT_EQ(program.status, 0) << program;
  EXPECT_TRUE(fs::exists(written)) << "the archive that this test is about does nothing";
  fs::remove(written);
  EXPECT_THAT(program.err, Not(HasSubstr("only the weights")));
  const auto bytes = result("data");
  EXPECT_NE(bytes, "");
  EXPECT_EQ(bytes, result("program"));
  EXPECT_EQ(bytes, result("directory"));
  if (GetParam().program == std::string("mlm_loss")) {  // whose figure is what it prints
    EXPECT_EQ(data.out, program.out);
  }
}

TEST_P(WeightsOnly, LeavesAnErrorAlone) {
  auto command = GetParam().command;
  for (const std::string file : {"@/en.txt", "@/sw.conll"})
    if (const auto at = command.find(file); at != std::string::npos)
      command.replace(at, file.size(), "@/none");
  if (command == GetParam().command) return;  // reads one file
  const auto result = run_with("@/hostile/encoder.pt", "alone", command + " --weights-only");
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result;
  EXPECT_THAT(result.err, HasSubstr("/none: expected")) << result;
}

INSTANTIATE_TEST_SUITE_P(
    Programs, WeightsOnly,
    testing::Values(
        Command{"train_lang_adapter",
                "--encoder % --text @/en.txt --steps 2 --name en --output OUT",
                "/pytorch_adapter.bin"},
        Command{"train_lm_head", "--encoder % --text @/en.txt --steps 2 --output OUT",
                "/pytorch_model_head.bin"},
        Command{"adapt_encoder", "--encoder % --text @/en.txt --steps 2 --output OUT",
                "/model.safetensors"},
        Command{
            "zero_shot_ner",
            "--encoder % --source en --setup no-lang --train @/train.conll --test sw=@/sw.conll "
            "--steps 2 --output OUT",
            "/predictions/sw.conll"},
        Command{"hidden_states", "--encoder % --text @/en.txt --output OUT", ""},
        Command{"mlm_loss", "--encoder % --text @/en.txt --json --save-batches OUT", ""},
        Command{"export_encoder", "--from % --to OUT", ""}),
    [](const auto& test) { return std::string(test.param.program); });

TEST(WeightsOnly, IsAFlagOfEveryProgramThatReadsAnEncoder) {
  int programs = 0;
  for (const auto& entry : fs::directory_iterator(MADX_PROGRAMS)) {
    const auto name = entry.path().filename().string();
    const auto help = run_binary(name, {"--help"});
    if (help.out.find("--encoder") == std::string::npos) continue;
    ++programs;
    EXPECT_THAT(help.out, HasSubstr("--weights-only")) << name;
  }
  EXPECT_GE(programs, 6);
}

}  // namespace weights_only_test
}  // namespace madx::apps
