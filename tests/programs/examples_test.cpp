// The short examples, each run as a user would run it.
#include <gmock/gmock.h>

#include "madx/io/adapter_files.h"
#include "programs/tiny_files.h"

namespace madx::apps {
namespace examples_test {

using testing::ContainsRegex;
using testing::HasSubstr;

ProgramResult run(const std::string& program, const std::string& command) {
  std::vector<std::string> arguments;
  std::istringstream words(tiny_files().expand(command));
  for (std::string word; words >> word;) arguments.push_back(word);
  return run_binary(program, arguments);
}

TEST(Examples, EncodeSentences) {
  const auto result = run("encode", "@/encoder @/adapters/sw Maria Mto");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, ContainsRegex("Maria: -?[0-9].*\nMto: -?[0-9].*"));
}

TEST(Examples, AnswerFromManyThreads) {
  const auto result = run("many_threads", "@/encoder @/adapters/en @/adapters/sw");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, ContainsRegex("adapter1: norm [0-9].*\nadapter2: norm [0-9]"));
}

TEST(Examples, TrainWithALossOfOnesOwn) {
  const auto result = run("own_loss", "@/encoder @/en.txt @/own_loss");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, ContainsRegex("loss [0-9.]+ after 20 steps"));
  AdapterStack adapters(16, 2);
  EXPECT_EQ(io::load_adapter(adapters, tiny_files() / "own_loss"), "close");
  const auto again = run("own_loss", "@/encoder @/en.txt @/own_loss");
  EXPECT_EQ(again.status, 2) << "what stands there stays";
  EXPECT_THAT(again.err, HasSubstr(tiny_files() / "own_loss: expected"));
}

TEST(Examples, TagPartsOfSpeech) {
  std::string text;
  for (const std::string name : {"Maria", "Anna", "John"})
    text += name + "\tPROPN\nsees\tVERB\nthe\tDET\nschool\tNOUN\n.\tPUNCT\n\n";
  io::write_bytes(tiny_files() / "pos.conll", text);
  const auto result = run("pos_tagging", "@/encoder @/pos.conll @/pos.conll @/pos");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, ContainsRegex("accuracy [0-9.]+ after 10 steps"));
  EXPECT_THAT(io::load_tagging_head(tiny_files() / "pos")->options.labels(),
              testing::ElementsAre("DET", "NOUN", "PROPN", "PUNCT", "VERB"));
}

TEST(Examples, ClassifySequences) {
  io::write_bytes(tiny_files() / "topics.tsv",
                  "river\tThe river is near the water.\nschool\tThe teacher sees the school.\n"
                  "river\tA boat sees the water.\nschool\tMaria walks to the school.\n");
  const auto result = run("sequence_classification", "@/encoder @/topics.tsv @/topics");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, HasSubstr("4 of 4 right"));
  const auto head = io::load_classification_head(tiny_files() / "topics");
  EXPECT_THAT(head->options.labels(), testing::ElementsAre("river", "school"));
}

TEST(Examples, PutSitesIntoAnEncoderOfOnesOwn) {
  const auto result = run("own_encoder", "");
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_THAT(result.out, ContainsRegex("step 0: [0-9.]+\nstep 50: [0-9.]+\nstep 100: [0-9.]+"));
}

TEST(Examples, SayWhatTheyNeed) {
  for (const std::string program :
       {"encode", "many_threads", "own_loss", "pos_tagging", "sequence_classification"}) {
    const auto result = run(program, "@/encoder");
    EXPECT_EQ(result.status, 2) << program << result;
    EXPECT_THAT(result.err, HasSubstr("usage: " + program));
  }
  const auto result = run("encode", "@/nothing @/adapters/sw Maria");
  EXPECT_EQ(result.status, 2) << result;
  io::write_bytes(tiny_files() / "no_text.txt", "\n");
  EXPECT_THAT(run("own_loss", "@/encoder @/no_text.txt @/x").err,
              HasSubstr("own_loss: " + tiny_files().expand("@/no_text.txt: expected a line")));
  io::write_bytes(tiny_files() / "no_tab.tsv", "river\tThe river\nno tab\n");
  EXPECT_THAT(run("sequence_classification", "@/encoder @/no_tab.tsv @/x").err,
              HasSubstr("no_tab.tsv:2: expected LABEL<tab>TEXT, but found no tab"));
}

}  // namespace examples_test
}  // namespace madx::apps
