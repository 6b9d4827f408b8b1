// export_encoder and hidden_states as processes: one TorchScript file stands for the directory it
// came from.
#include <gmock/gmock.h>

#include "madx/core/version.h"
#include "madx/io/safetensors.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace encoder_programs_test {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

void expect_success(const std::string& program, const std::string& command) {
  const auto result = run_command(tiny_files(), program, command);
  EXPECT_EQ(result.status, 0) << program << ": " << result;
}

std::string hidden_states(const std::string& encoder, const std::string& name,
                          const std::string& flags = "") {
  expect_success("hidden_states", "--encoder @/" + encoder + " --text @/en.txt --output @/" + name +
                                      ".safetensors " + flags);
  return tiny_files() / name + ".safetensors";
}

TEST(HiddenStates, AreThoseOfEveryLine) {
  const auto tensors = io::read_safetensors(hidden_states("encoder", "lines"));
  EXPECT_EQ(tensors.size(), 2U * 36) << "ids and states a line";
  for (int64_t line = 0; line < 36; ++line) {
    const auto& ids = tensors["input_ids." + std::to_string(line)];
    const auto& hidden = tensors["hidden." + std::to_string(line)];
    EXPECT_EQ(hidden.sizes(), (std::vector<int64_t>{ids.numel(), 16}));
    EXPECT_EQ(ids[0].item<int64_t>(), 0);
    EXPECT_EQ(ids[-1].item<int64_t>(), 2);
  }
}

TEST(HiddenStates, AreOfOneLineToo) {
  io::write_bytes(tiny_files() / "one_line.txt", "Maria sees.\n");
  const auto result = run_command(tiny_files(), "hidden_states",
                                  "--encoder @/encoder --text @/one_line.txt --output @/one_line");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, testing::EndsWith("/one_line: 1 line\n"));
}

TEST(HiddenStates, ChangeWithTheStack) {
  const auto bytes = [](const std::string& name, const std::string& flags) {
    return io::read_bytes(hidden_states("encoder", name, flags));
  };
  const auto bare = bytes("bare", ""), english = bytes("en", "--adapter @/adapters/en");
  const auto stack = bytes("stack", "--adapter @/adapters/en --adapter @/ner/task_adapter");
  EXPECT_NE(bare, english);
  EXPECT_NE(english, stack);
}

TEST(ExportEncoder, WritesAFileThatStandsForItsDirectory) {
  const auto result =
      run_command(tiny_files(), "export_encoder", "--from @/encoder --to @/encoder.pt");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, HasSubstr("2 layers x 16"));
  EXPECT_THAT(result.out, HasSubstr("no masked-LM head"));
  EXPECT_FALSE(fs::exists(tiny_files() / "encoder.pt.partial"));
  const std::string adapter = "--adapter @/adapters/sw";
  EXPECT_EQ(io::read_bytes(hidden_states("encoder.pt", "of_file", adapter)),
            io::read_bytes(hidden_states("encoder", "of_directory", adapter)));
}

TEST(ExportEncoder, TakesTheMaskedLmHeadAlong) {
  expect_success("export_encoder", "--from @/encoder_with_head --to @/with_head.pt");
  for (const std::string encoder : {"encoder_with_head", "with_head.pt"}) {
    expect_success("train_lang_adapter", "--text @/en.txt --steps 2 --name en --output @/head_of/" +
                                             encoder + " --encoder @/" + encoder);
  }
  EXPECT_EQ(io::read_bytes(tiny_files() / "head_of/with_head.pt/pytorch_adapter.bin"),
            io::read_bytes(tiny_files() / "head_of/encoder_with_head/pytorch_adapter.bin"));
}

TEST(Programs, ExplainTheirFlags) {
  for (const std::string program : {"train_lang_adapter", "train_lm_head", "zero_shot_ner",
                                    "export_encoder", "hidden_states", "convert_adapter"}) {
    const auto result = run_binary(program, {"--help"});
    EXPECT_EQ(result.status, 0) << result;
    EXPECT_THAT(result.out, HasSubstr(program == "export_encoder" || program == "convert_adapter"
                                          ? "--from"
                                          : "--encoder"));
    EXPECT_EQ(result.err, "");
    const auto version = run_binary(program, {"--version"});
    EXPECT_EQ(version.status, 0) << version;
    EXPECT_THAT(version.out,
                StartsWith(program + " (madx) " + kVersion + "\nBuilt with LibTorch "));
  }
}

}  // namespace encoder_programs_test
}  // namespace madx::apps
