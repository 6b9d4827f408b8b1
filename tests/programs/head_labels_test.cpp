// Heads whose labels zero_shot_ner cannot tag with are refused when they are loaded.
#include <gmock/gmock.h>

#include "programs/tiny_files.h"

namespace madx::apps {
namespace head_labels_test {

using testing::HasSubstr;

/// The task adapter of the tiny files with other labels; its path.
std::string head_with(const std::string& name, const std::string& label2id,
                      const std::string& num_labels = "") {
  const auto directory = tiny_files() / name;
  std::filesystem::copy(tiny_files() / "ner/task_adapter", directory);
  auto config = io::read_bytes(directory + "/head_config.json");
  const auto replace = [&](const std::string& key, const std::string& end, const std::string& by) {
    const auto begin = config.find(key);
    config.replace(begin, config.find(end, begin) + end.size() - begin, by);
  };
  if (!label2id.empty()) replace("\"label2id\": {", "}", "\"label2id\": " + label2id);
  if (!num_labels.empty())
    replace("\"num_labels\": ", "\n", "\"num_labels\": " + num_labels + "\n");
  io::write_bytes(directory + "/head_config.json", config);
  return directory;
}

/// What is said of the head when a test set is to be tagged, and the same for text.
void expect_refused(const std::string& head, const std::string& message) {
  for (const std::string data : {"--test en=@/en.conll", "--text en=@/en.txt"}) {
    SCOPED_TRACE(head + " " + data);
    const auto result =
        run_command(tiny_files(), "zero_shot_ner",
                    "--encoder @/encoder --source en --setup no-lang --task-adapter " + head + " " +
                        data + " --output @/refused_head");
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr(head + "/head_config.json"));
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out.find("precision"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(tiny_files() / "refused_head"));
  }
}

TEST(HeadLabels, ThatAreNoTagsAreRefused) {
  expect_refused(
      head_with("head_unnamed",
                R"({"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2, "LABEL_3": 3, "LABEL_4": 4})"),
      "expected tags such as O and B-PER as the names in \"label2id\", but found \"LABEL_0\"; "
      "write "
      "the tag of each id there, or save the head anew with id2label given to add_tagging_head");
  expect_refused(
      head_with("head_plain", R"({"O": 0, "B-LOC": 1, "I-LOC": 2, "PER": 3, "I-PER": 4})"),
      "but found \"PER\"");
  expect_refused(
      head_with("head_odd", R"({"O": 0, "B-LOC": 1, "I-LOC": 2, "B-PER\u00a0": 3, "I-PER": 4})"),
      "but found \"B-PER<U+00A0>\"");
}

TEST(HeadLabels, WithoutIdsFromZeroOnceEachAreRefused) {
  const auto labels = "to be labels with the ids 0, 1, 2, ... once each";
  expect_refused(
      head_with("head_twice", R"({"O": 0, "B-LOC": 1, "I-LOC": 1, "B-PER": 3, "I-PER": 4})"),
      labels);
  expect_refused(
      head_with("head_from_one", R"({"O": 1, "B-LOC": 2, "I-LOC": 3, "B-PER": 4, "I-PER": 5})"),
      labels);
  expect_refused(head_with("head_null", "null"), "label2id");
}

TEST(HeadLabels, OfAnotherNumberThanTheHeadsAreRefused) {
  expect_refused(head_with("head_count", "", "7"), "num_labels");
  expect_refused(head_with("head_few", R"({"O": 0, "B-LOC": 1, "I-LOC": 2})"), "num_labels");
}

}  // namespace head_labels_test
}  // namespace madx::apps
