#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "programs/tiny_files.h"

namespace madx::apps {

inline constexpr auto kLang = "train_lang_adapter";
inline constexpr auto kHead = "train_lm_head";
inline constexpr auto kAdapt = "adapt_encoder";
inline constexpr auto kNer = "zero_shot_ner";
inline constexpr auto kExport = "export_encoder";
inline constexpr auto kHidden = "hidden_states";
inline constexpr auto kConvert = "convert_adapter";

/// A command that is right but for `change`: a flag with its values instead of the program's, or
/// "!--flag" without it.
struct BadInput {
  const char* program;
  std::string change;
  std::string message;  // a part of it
};

/// `text` with "@/out" as the row's own directory, which is empty, and every other "@" as the
/// folder of all files.
inline std::string expand(std::string text, const std::string& directory) {
  const std::string out = "@/out";
  for (auto at = text.find(out); at != std::string::npos; at = text.find(out)) {
    text.replace(at, out.size(), directory);
  }
  return tiny_files().expand(text);
}

/// Flags that work, by program: what a row changes is all that is wrong.
inline std::map<std::string, std::string> right_flags(const std::string& program) {
  if (program == "export_encoder") return {{"--from", "@/encoder"}, {"--to", "@/out/runs.pt"}};
  if (program == "convert_adapter") return {{"--from", "@/adapters/sw"}, {"--to", "@/out/sw"}};
  std::map<std::string, std::string> flags = {{"--encoder", "@/encoder"},
                                              {"--output", "@/out/runs/x"}};
  if (program == "zero_shot_ner") {
    flags.insert({{"--source", "en"},
                  {"--language", "en=@/adapters/en sw=@/adapters/sw"},
                  {"--train", "@/train.conll"},
                  {"--test", "sw=@/sw.conll"},
                  {"--steps", "1"}});
    return flags;
  }
  flags["--text"] = "@/en.txt";
  if (program == "hidden_states") return flags;
  flags["--steps"] = "1";
  if (program == "train_lang_adapter" || program == "adapt_encoder")
    flags["--lm-head"] = "@/lm_head";
  return flags;
}

inline std::string command_of(const BadInput& input) {
  auto flags = right_flags(input.program);
  std::istringstream words(input.change);
  std::string flag;
  for (std::string word; words >> word;) {
    if (word[0] == '!') {
      flags.erase(word.substr(1));
    } else if (word.compare(0, 2, "--") == 0) {
      flag = word;
      flags[flag] = "";
    } else {
      flags[flag] += (flags[flag].empty() ? "" : " ") + word;
    }
  }
  std::string command;
  // With "=", a negative number is a value and no flag.
  for (const auto& [name, values] : flags) {
    command += name + (values.empty() ? "" : values[0] == '-' ? "=" : " ") + values + " ";
  }
  return command;
}

inline void expect_refused(const BadInput& input, const ProgramResult& result,
                           const std::string& directory) {
  SCOPED_TRACE(std::string(input.program) + " " + input.change);
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, testing::StartsWith(std::string(input.program) + ": "));
  EXPECT_THAT(result.err, testing::HasSubstr(expand(input.message, directory)));
  EXPECT_THAT(result.err, testing::EndsWith("\n"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("terminate called")));
  EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("frame #")));
  EXPECT_TRUE(std::filesystem::is_empty(directory))
      << *std::filesystem::directory_iterator(directory);
}

/// Runs every row, two at a time: most of a run is the loading of LibTorch.
template <size_t kRows>
void expect_all_refused(const TinyFiles& files, const std::string& table,
                        const BadInput (&rows)[kRows]) {
  std::vector<ProgramResult> results(kRows);
  const auto directory = [&](size_t row) { return files / table + "/" + std::to_string(row); };
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (auto row = next++; row < kRows; row = next++) {
      std::filesystem::create_directories(directory(row));
      const auto command = expand(command_of(rows[row]), directory(row));
      results[row] = run_command(files, rows[row].program, command);
    }
  };
  std::thread second(work);
  work();
  second.join();
  for (size_t row = 0; row < kRows; ++row) expect_refused(rows[row], results[row], directory(row));
}

}  // namespace madx::apps
