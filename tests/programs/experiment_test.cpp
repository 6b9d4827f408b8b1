// madx_experiment as a process: every row of the paper's tables from one configuration on a tiny
// encoder, its list of the work, and what it refuses.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "programs/experiment_run.h"

namespace madx::apps {
namespace experiment_test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A tiny BERT with the tokenizer of tests/fixtures/tokenizer/bert_uncased.
void write_bert(const std::string& directory) {
  const std::string tokenizer = std::string(MADX_FIXTURES) + "/tokenizer/bert_uncased";
  std::ifstream vocabulary(tokenizer + "/vocab.txt");
  auto config = program_test_config();
  config.model_type = "bert";
  config.vocab_size = 0;
  for (std::string line; std::getline(vocabulary, line);) ++config.vocab_size;
  fs::create_directories(directory);
  io::write_safetensors(directory + "/model.safetensors", random_weights(config));
  auto text = config_json(config);
  text.replace(text.find("xlm-roberta"), 11, "bert");
  io::write_bytes(directory + "/config.json", text);
  for (const char* file : {"/vocab.txt", "/tokenizer_config.json"})
    fs::copy_file(tokenizer + file, directory + file);
}

TEST(Experiment, RunsEveryRow) {
  const auto bert = tiny_files() / "experiments/bert";
  write_bert(bert);
  const json changes = {{"mbert", bert}, {"curve", 2}, {"flags", {{"lm_head", {{"--steps", 2}}}}}};
  const auto folder = write_config("all", changes);
  const auto result = experiment(folder, "--workers 2", patient());
  ASSERT_EQ(result.status, 0) << result;

  const auto results = results_of(folder);
  std::map<std::string, std::set<std::string>> columns;
  for (const auto& row : results["rows"]) {
    columns[row["row"]].insert(row["language"].get<std::string>() + row["seed"].dump());
    EXPECT_GE(row["f1"].get<double>(), 0);
    EXPECT_GT(row["entities"].get<int>(), 0);
  }
  EXPECT_EQ(columns.size(), 15u) << "every row";
  const std::set<std::string> all = {"en1", "en2", "sw1", "sw2"}, targets = {"sw1", "sw2"};
  for (const auto& [row, cells] : columns)
    EXPECT_EQ(cells, row == "mlm-trg" ? targets : all) << row;
  for (const auto& gap : results["gaps"]) {
    if (gap["language"] == "qu") {
      EXPECT_EQ(gap["reason"], "no test set");
    }
  }
  EXPECT_EQ(results["curve"].size(), 4u) << "a snapshot and the end, two seeds";
  EXPECT_THAT(results["trainings"].dump(), HasSubstr("masked-LM head"));

  EXPECT_THAT(io::read_bytes(folder + "/out/table.md"), HasSubstr("| madx-lad-inv |"));
  EXPECT_THAT(io::read_bytes(folder + "/out/table.tex"), HasSubstr("\\begin{tabular}"));
  EXPECT_THAT(io::read_bytes(folder + "/out/table.csv"), HasSubstr("\nmadx,en,sw,2,"));
  EXPECT_THAT(io::read_bytes(folder + "/out/report.html"), HasSubstr("</html>"));

  const auto again = experiment(folder);
  EXPECT_EQ(again.status, 0) << again;
  EXPECT_THAT(again.out, Not(AllOf(HasSubstr("started"), HasSubstr("resumed"))));
  for (const auto& [piece, times] : logged(folder, "started")) EXPECT_EQ(times, 1) << piece;
}

TEST(Experiment, ListsItsWorkBeforeAndAfter) {
  const auto folder = write_config("listed", kFewRows);
  const auto dry = experiment(folder, "--dry-run");
  EXPECT_EQ(dry.status, 0) << dry;
  EXPECT_THAT(dry.out, HasSubstr("waiting  language-adapter-en-"));
  EXPECT_THAT(dry.out, HasSubstr("absent   madx en to qu: no test set"));
  EXPECT_THAT(dry.out, HasSubstr("pieces to do, about "));
  EXPECT_FALSE(fs::exists(folder + "/out")) << "nothing is written";
  EXPECT_EQ(experiment(folder, "status").status, 0);
  EXPECT_FALSE(fs::exists(folder + "/out"));
  ASSERT_EQ(experiment(folder, "", patient()).status, 0);
  const auto status = experiment(folder, "status");
  EXPECT_EQ(status.status, 0) << status;
  EXPECT_THAT(status.out, HasSubstr("done     task-adapter-madx-en-seed1-"));
  EXPECT_THAT(status.out, Not(HasSubstr("waiting")));
}

TEST(Experiment, AFailedPieceBlocksOnlyWhatNeedsIt) {
  auto changes = kFewRows;
  const auto bad = tiny_files() / "bad.txt";
  io::write_bytes(bad, "\xff\xfe no text\n");
  changes["text"]["sw"] = bad;
  const auto folder = write_config("failing", changes);
  auto options = patient();
  options.ignores_ended_children = true;  // a failure is heard of all the same
  const auto result = experiment(folder, "", options);
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr("language-adapter-sw-"));
  EXPECT_THAT(result.err, HasSubstr("1 piece that needs it was not run"));
  std::set<std::string> rows;
  const auto results = results_of(folder);
  for (const auto& row : results["rows"])
    rows.insert(row["row"].get<std::string>() + " " + row["language"].get<std::string>());
  EXPECT_EQ(rows, (std::set<std::string>{"xlm-r en", "xlm-r sw", "madx en", "keep-source en",
                                         "keep-source sw"}));
  EXPECT_THAT(experiment(folder, "status").out, AllOf(HasSubstr("failed   language-adapter-sw-"),
                                                      HasSubstr("blocked  scoring-madx-en-sw-")));
  // Mended, it goes on.
  changes["text"]["sw"] = tiny_files() / "sw.txt";
  write_config("failing", changes);
  EXPECT_EQ(experiment(folder, "", patient()).status, 0);
  EXPECT_EQ(results_of(folder)["rows"].size(), 6u);
}

TEST(Experiment, RefusesBadFlags) {
  const auto error = [](const std::string& command) {
    const auto result = run_command(tiny_files(), "madx_experiment", command);
    EXPECT_EQ(result.status, 2) << result;
    return result.err;
  };
  EXPECT_THAT(error(""), HasSubstr("--config: expected a configuration file"));
  EXPECT_THAT(error("--config @/none.json"),
              HasSubstr("none.json: expected a file that can be read"));
  const auto folder = write_config("flags", kFewRows);
  EXPECT_THAT(error("--workers 0 --config " + folder + "/experiment.json"),
              HasSubstr("--workers: expected 1 or more, but found 0"));
  EXPECT_THAT(error("--workers 100000 --config " + folder + "/experiment.json"),
              HasSubstr("--workers: expected at most 1024, but found 100000"));
  const auto bad = [&](const json& changes) {
    auto all = kFewRows;
    all.merge_patch(changes);
    return error("--config " + write_config("bad", all) + "/experiment.json");
  };
  EXPECT_THAT(bad({{"seeds", {1, 1}}}), HasSubstr("seeds: expected each once, but found 1 twice"));
  EXPECT_THAT(bad({{"flags", {{"task_adapter", {{"--fusion", "f"}}}}}}),
              HasSubstr("expected no --fusion, whose files an experiment does not follow"));
  EXPECT_THAT(bad({{"curve", 2}, {"flags", {{"language_adapter", {{"--steps", "many"}}}}}}),
              HasSubstr("--steps: expected a number, but found \"many\""));
  EXPECT_THAT(bad({{"output", "experiment.json"}}),
              HasSubstr("output: expected a directory, but found \"experiment.json\""));
}

TEST(Experiment, RefusesLabelledDataThatIsNone) {
  auto changes = kFewRows;
  const auto bad = tiny_files() / "one_column.conll";
  io::write_bytes(bad, "a O\nb\n");
  changes["ner"]["sw"]["test"] = bad;
  const auto folder = write_config("labelled", changes);
  for (const char* how : {"", "--dry-run"}) {
    const auto result = experiment(folder, how);
    EXPECT_EQ(result.status, 2) << result;
    EXPECT_THAT(result.err, HasSubstr("one_column.conll:2: expected a token and its tag"));
    EXPECT_FALSE(fs::exists(folder + "/out")) << "nothing has run";
  }
  for (const char* kind : {"task_adapter", "fine_tuning", "scoring"})
    changes["flags"][kind]["--columns"] = "token=1,tag=2";
  write_config("labelled", changes);
  EXPECT_THAT(experiment(folder).err, HasSubstr("one_column.conll:2: expected"));
}

TEST(Experiment, OnceAnErrorThatManyPiecesHave) {
  auto changes = kFewRows;
  changes["flags"]["scoring"] = {{"--max-length", 1}};
  const auto result = experiment(write_config("once", changes), "", patient());
  EXPECT_EQ(result.status, 2) << result;
  EXPECT_THAT(result.err, HasSubstr(" other pieces failed (zero_shot_ner: --max-length: expected"));
}

TEST(Experiment, RefusesFlagsThatItsProgramsDoNotKnow) {
  const auto error = [](const json& changes) {
    auto all = kFewRows;
    all.merge_patch(changes);
    const auto result = experiment(write_config("unknown", all), "--dry-run");
    EXPECT_EQ(result.status, 2) << result;
    return result.err;
  };
  EXPECT_THAT(error({{"flags", {{"task_adapter", {{"--foo", 3}}}}}}),
              HasSubstr("experiment.json: flags.task_adapter: expected flags of zero_shot_ner, but "
                        "found \"--foo\"; see zero_shot_ner --help"));
  EXPECT_THAT(error({{"row_flags", {{"madx", {{"task_adapter", {{"--rank", 8}}}}}}}}),
              HasSubstr("row_flags.madx.task_adapter: expected flags of zero_shot_ner"));
  EXPECT_THAT(error({{"language_flags", {{"sw", {{"--epoch", 8}}}}}}),
              HasSubstr("language_flags.sw: expected flags of train_lang_adapter"));
  EXPECT_THAT(error({{"flags", {{"task_adapter", {{"--gradient-checkpointing", 3}}}}}}),
              HasSubstr("flags.task_adapter.--gradient-checkpointing: expected true or false, but "
                        "found a value"));
  EXPECT_THAT(error({{"flags", {{"scoring", {{"--dtype", true}}}}}}),
              HasSubstr("flags.scoring.--dtype: expected a value, but found true"));
}

}  // namespace experiment_test
}  // namespace madx::apps
