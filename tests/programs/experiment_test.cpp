// madx_experiment as a process: every row of the paper's tables from one configuration on a tiny
// encoder; killed anywhere, it goes on, and computes nothing twice.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "programs/tiny_files.h"

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

/// A configuration with two sources' data, in a folder of its own; `changes` is merged into it.
std::string write_config(const std::string& name, const json& changes = json::object()) {
  const auto folder = tiny_files() / ("experiments/" + name);
  fs::create_directories(folder);
  const auto file = [](const std::string& path) { return tiny_files() / path; };
  json config = {
      {"output", "out"},
      {"encoder", file("encoder_with_head")},
      {"sources", {"en"}},
      {"languages", {"en", "sw", "qu"}},
      {"unseen", {"sw"}},
      {"multi_sources", {"en", "sw"}},
      {"seeds", {1, 2}},
      {"text", {{"en", file("en.txt")}, {"sw", file("sw.txt")}}},
      {"eval_text", {{"sw", file("sw.txt")}}},
      {"ner",
       {{"en",
         {{"train", file("train.conll")}, {"dev", file("dev.conll")}, {"test", file("en.conll")}}},
        {"sw", {{"train", file("train.conll")}, {"test", file("sw.conll")}}}}},
      {"flags",
       {{"language_adapter", {{"--steps", 4}, {"--lr", 0.01}}},
        {"adapted_encoder", {{"--steps", 3}, {"--lr", 0.001}}},
        {"task_adapter", {{"--steps", 12}, {"--lr", 0.03}, {"--reduction-factor", 2}}},
        {"fine_tuning", {{"--steps", 6}, {"--lr", 0.01}}}}},
      {"row_flags",
       {{"fun", {{"task_adapter", {{"--unfreeze-every", 4}}}}},
        {"averaged", {{"task_adapter", {{"--average-every", 4}}}}}}}};
  config.merge_patch(changes);
  io::write_bytes(folder + "/experiment.json", config.dump(2));
  return folder;
}

ProgramResult experiment(const std::string& folder, const std::string& flags = "",
                         const ProgramOptions& options = {}) {
  return run_command(tiny_files(), "madx_experiment",
                     flags + " --config " + folder + "/experiment.json", options);
}

ProgramOptions patient() {
  ProgramOptions options;
  options.timeout_seconds = 240;
  return options;
}

json results_of(const std::string& folder) {
  return json::parse(io::read_bytes(folder + "/out/results.json"));
}

/// results.json less what measures time and memory.
std::string figures_of(const std::string& folder) {
  auto results = results_of(folder);
  for (auto& training : results["trainings"]) {
    training.erase("seconds");
    training.erase("peak_memory");
  }
  return results.dump();
}

std::string log_of(const std::string& folder) {
  const auto path = folder + "/out/log.txt";
  return fs::exists(path) ? io::read_bytes(path) : "";
}

/// How often log.txt has a word of each piece.
std::map<std::string, int> logged(const std::string& folder, const std::string& word) {
  std::map<std::string, int> counts;
  std::istringstream log(log_of(folder));
  for (std::string line; std::getline(log, line);) {
    std::istringstream fields(line);
    std::string time, what, piece;
    fields >> time >> what >> piece;
    if (!piece.empty() && piece.back() == ':') piece.pop_back();
    if (what == word) ++counts[piece];
  }
  return counts;
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

/// A process group of its own, all of which gets a signal: what a terminal's Ctrl-C does.
TEST(Experiment, CtrlCInATerminalLeavesACheckpoint) {
  json changes = {{"rows", {"madx"}}, {"seeds", {1}}, {"languages", {"en"}}};
  changes["flags"]["language_adapter"] = {{"--steps", 100000}, {"--lr", 0.01}, {"--log-every", 1}};
  const auto folder = write_config("terminal", changes);
  const auto program = std::string(MADX_PROGRAMS) + "/madx_experiment";
  const auto config = folder + "/experiment.json";
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::execl(program.c_str(), program.c_str(), "--config", config.c_str(), nullptr);
    ::_exit(127);
  }
  const auto piece = [&](const std::string& inside) {
    if (!fs::exists(folder + "/out/pieces")) return false;
    for (const auto& entry : fs::directory_iterator(folder + "/out/pieces")) {
      if (fs::exists(entry.path().string() + inside)) return true;
    }
    return false;
  };
  const auto begun = std::chrono::steady_clock::now();
  while (!piece("/metrics.jsonl") &&
         std::chrono::steady_clock::now() - begun < std::chrono::seconds(60))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::kill(-child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << status;
  EXPECT_TRUE(piece("/checkpoint/state.json"));
  EXPECT_EQ(logged(folder, "stopped").size(), 1u);
}

const json kFewRows = {{"rows", {"xlm-r", "madx", "keep-source"}}, {"seeds", {1}}};

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

TEST(Experiment, KilledAnywhereItEndsWithTheSameFigures) {
  json changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 40;
  const auto calm = write_config("calm", changes);
  ASSERT_EQ(experiment(calm, "--workers 2", patient()).status, 0);
  const auto folder = write_config("killed", changes);
  std::mt19937 random(7);
  for (const int signal : {SIGKILL, SIGTERM, SIGKILL, SIGINT, SIGKILL}) {
    ProgramOptions options = patient();
    options.signal = signal;
    options.signal_after_seconds = std::uniform_real_distribution<>(0.5, 3.0)(random);
    const auto before = log_of(folder);
    const auto result = experiment(folder, "--workers 2", options);
    if (result.status == 0) break;
    const bool begun = log_of(folder) != before;  // else it was loading its libraries
    if (signal != SIGKILL && begun) {
      EXPECT_EQ(result.status, 130) << result;
    }
  }
  const auto result = experiment(folder, "--workers 2", patient());
  ASSERT_EQ(result.status, 0) << result;
  EXPECT_EQ(figures_of(folder), figures_of(calm));
  for (const auto& [piece, times] : logged(folder, "done")) EXPECT_EQ(times, 1) << piece;
}

TEST(Experiment, WritesItsTableAsItGoes) {
  auto changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 10000000;  // never done
  const auto folder = write_config("as_it_goes", changes);
  // Killed, each time later, until the first row has its score and the second one its training.
  auto options = patient();
  options.signal = SIGKILL;
  options.signal_after_seconds = 0.5;
  do {
    options.signal_after_seconds += 0.5;
    ASSERT_NE(experiment(folder, "", options).status, 0);
  } while (!fs::exists(folder + "/out/log.txt") || logged(folder, "started").size() < 3);
  EXPECT_EQ(results_of(folder)["rows"][0]["row"], "xlm-r");
  EXPECT_THAT(io::read_bytes(folder + "/out/table.md"), HasSubstr("not done yet: "));
}

TEST(Experiment, TwoProcessesShareTheWork) {
  const auto folder = write_config("shared", kFewRows);
  ProgramResult other;
  std::thread second([&] { other = experiment(folder, "", patient()); });
  const auto result = experiment(folder, "", patient());
  second.join();
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_EQ(other.status, 0) << other;
  for (const auto& [piece, times] : logged(folder, "done")) EXPECT_EQ(times, 1) << piece;
  for (const auto& [piece, times] : logged(folder, "started")) EXPECT_EQ(times, 1) << piece;
  EXPECT_EQ(results_of(folder)["rows"].size(), 6u);
}

TEST(Experiment, AWorkerThatIsKilledLosesOnlyItsPiece) {
  json changes = kFewRows;
  changes["flags"]["language_adapter"]["--steps"] = 40;
  const auto folder = write_config("lost", changes);
  auto killed = patient();
  killed.signal = SIGKILL;
  killed.signal_after_seconds = 1.5;
  std::thread second([&] { experiment(folder, "", killed); });
  const auto result = experiment(folder, "", patient());
  second.join();
  EXPECT_EQ(result.status, 0) << result;
  EXPECT_EQ(results_of(folder)["rows"].size(), 6u);
  int begun = 0, done = 0;
  for (const char* word : {"started", "resumed"})
    for (const auto& [piece, times] : logged(folder, word)) begun += times;
  for (const auto& [piece, times] : logged(folder, "done")) {
    EXPECT_EQ(times, 1) << piece;
    done += times;
  }
  EXPECT_LE(begun, done + 1);
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
