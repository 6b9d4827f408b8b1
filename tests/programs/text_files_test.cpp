#include "apps/command_line/text_files.h"

#include <gmock/gmock.h>

#include "apps/command_line/mixed_text.h"
#include "data/test_files.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace text_files_test {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConllColumnsFlag, NamesTheColumns) {
  EXPECT_EQ(parse_conll_columns("token=2,tag=3").token, 2u);
  EXPECT_EQ(parse_conll_columns("tag=3,token=2").tag, 3u);
  EXPECT_EQ(parse_conll_columns("tag=10").token, 0u);
}

TEST(ConllColumnsFlag, RefusesNonsenseWithWords) {
  for (const std::string text :
       {"", "2,3", "token=0,tag=3", "token=2,tag=2", "token=2,token=3", "token=2,tag=3,tag=3",
        "token=-1", "tag=x", "tag=3,", "word=1", "token=1.5", "tag=99999999999999999999999"}) {
    EXPECT_EQ(input_error_of([&] { parse_conll_columns(text); }),
              "--columns: expected different columns for token and tag, counted from 1, as in "
              "token=2,tag=3, but found \"" +
                  text + "\"");
  }
}

TEST(MixedText, ReadsEveryLineEndAndStripsInvisibleCharactersFromLanguages) {
  const auto path = write_test_file(
      "\uFEFFsw\tHabari.\r\r\n\u00A0\r\r\n\uFEFFen\u00A0\tHello "
      "there.\r\u200Brw\u200B\tMuraho\n\n");
  const auto text = read_mixed_text(path);
  EXPECT_THAT(text.languages, ElementsAre("sw", "en", "rw"));
  EXPECT_THAT(text.sentences.at(1).tokens, ElementsAre("Hello", "there", "."));
  EXPECT_THAT(text.passed_over, ElementsAre(2, 5));
}

TEST(MixedText, RefusesALineWithoutALanguageTabOrSentence) {
  for (const std::string line :
       {"sw Habari.", "\u00A0\tHabari.", "\tHabari.", "sw\t \u200B", "s\u200Bw\tHabari."}) {
    const auto path = write_test_file("en\tHello.\n" + line + "\n");
    EXPECT_THAT(input_error_of([&] { read_mixed_text(path); }),
                HasSubstr(":2: expected a language, a tab and a sentence, but found \""));
  }
}

/// zero_shot_ner without language adapters on one file of these bytes, for training and testing.
ProgramResult tag(const std::string& name, const std::string& bytes, const std::string& flags) {
  io::write_bytes(tiny_files() / name, bytes);
  return run_command(tiny_files(), "zero_shot_ner",
                     "--encoder @/encoder --source en --setup no-lang --steps 1 --train @/" + name +
                         " --test en=@/" + name + " --output @/out_" + name + " " + flags);
}

std::string predictions(const std::string& name) {
  std::istringstream lines(
      io::read_bytes(tiny_files() / ("out_" + name + "/predictions/en.conll")));
  std::string shown;
  for (std::string line; std::getline(lines, line);)
    shown += line.substr(0, line.rfind('\t')) + "\n";
  return shown;
}

TEST(TextFiles, SaysOnceWhichColumnsWereTakenAndKeepsEveryToken) {
  const auto result =
      tag("index.conll",
          "# sent_id = 1\r\r\n1\tMaria\tB-PER\t-\tname\r\r\n2\tsees\tO\t-\tname\r\r\n"
          "3\t\tO\t-\tname\r\r\n4\t# 1\tB-LOC\t-\tname\r\r\n",
          "");
  ASSERT_EQ(result.status, 0) << result;
  const auto said =
      tiny_files() / "index.conll" + ": the token is in column 2, the tag in column 3 of 5\n";
  EXPECT_THAT(result.out, HasSubstr(said));
  EXPECT_EQ(result.out.find(said), result.out.rfind(said));
  EXPECT_EQ(predictions("index.conll"), "Maria\tB-PER\nsees\tO\n\tO\n# 1\tB-LOC\n\n");
}

TEST(TextFiles, ReadsTheColumnsThatAFlagNames) {
  const auto result =
      tag("nested.conll", "1\tMaria\tB-PER\tO\n2\tsees\tO\tB-LOC\n", "--columns token=2,tag=4");
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_EQ(predictions("nested.conll"), "Maria\tO\nsees\tB-LOC\n\n");
  const auto refused =
      tag("nested.conll", "1\tMaria\tB-PER\tO\n2\tsees\tO\tB-LOC\n", "--columns 2,4");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("zero_shot_ner: --columns: expected different columns"));
}

TEST(TextFiles, SaysWhichLinesOfATextHaveNoSentence) {
  io::write_bytes(tiny_files() / "gaps.txt", "Maria sees.\n\n\u00A0\nA boat.\n");
  const auto result = run_command(tiny_files(), "zero_shot_ner",
                                  "--encoder @/encoder --source en --setup no-lang --task-adapter "
                                  "@/ner/task_adapter --text en=@/gaps.txt --output @/out_gaps");
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out,
              HasSubstr("/gaps.txt: 2 lines without a word have no sentence in the output: "
                        "2, 3\n"));
}

TEST(TextFiles, NumberHiddenStatesByTheLinesOfTheText) {
  io::write_bytes(tiny_files() / "gaps3.txt", "\nMaria sees.\r\r\n\u00A0\rA boat.\n\n");
  const auto result = run_command(tiny_files(), "hidden_states",
                                  "--encoder @/encoder --text @/gaps3.txt --output @/gaps3");
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, HasSubstr("/gaps3: 5 lines, 3 of them blank\n"));
  const auto tensors = io::read_safetensors(tiny_files() / "gaps3");
  EXPECT_EQ(tensors.size(), 10u);
  for (const int line : {0, 2, 4}) {
    SCOPED_TRACE(line);
    const auto number = std::to_string(line);
    EXPECT_TRUE(at::equal(tensors["input_ids." + number], at::tensor({0, 2}, at::kLong)));
    EXPECT_EQ(tensors["hidden." + number].size(0), 2);
  }
  EXPECT_GT(tensors["input_ids.1"].size(0), 3);
  EXPECT_GT(tensors["input_ids.3"].size(0), 3);

  io::write_bytes(tiny_files() / "none.txt", "\n\u00A0\n");
  const auto refused = run_command(tiny_files(), "hidden_states",
                                   "--encoder @/encoder --text @/none.txt --output @/none");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("/none.txt: expected text, but found only blank lines; pass"));
}

}  // namespace text_files_test
}  // namespace madx::apps
