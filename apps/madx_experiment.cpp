// From encoder, raw text and labelled data to the comparison of the paper: every row of its tables,
// and what later work compares with, from one configuration. Trains what is not there yet, scores,
// and writes tables and a report. docs/experiments.md has the configuration.
//
//   build/bin/madx_experiment --config experiment.json [--workers N] [--dry-run]
//   build/bin/madx_experiment status --config experiment.json
//
// Work is done in pieces, each a run of another program in a directory of its own under OUTPUT:
// nothing is computed twice, a stopped experiment goes on, and several processes, on one machine or
// on several that share the folder, work on one experiment. Writes results.json, report.html,
// table.md, table.csv, table.tex.
#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "apps/command_line/command_line.h"
#include "apps/command_line/program.h"
#include "apps/command_line/text_files.h"
#include "apps/experiment/collect_results.h"
#include "apps/experiment/experiment_files.h"
#include "apps/experiment/experiment_runner.h"
#include "apps/experiment/experiment_status.h"
#include "apps/experiment/program_flags.h"
#include "apps/experiment/report/experiment_report.h"
#include "apps/run/interrupt.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"
#include "madx/data/conll.h"
#include "madx/train/trainer.h"

namespace {

/// Each has a thread here and runs a program: what is beyond is a slip of the hand.
constexpr int kMostWorkers = 1024;

struct Flags {
  std::string config;
  int workers = 1;
  bool dry_run = false, status = false;
};

Flags parse(int argc, char** argv) {
  CLI::App app(
      "Makes the paper's comparison from one configuration: trains what is missing, scores, writes "
      "tables and a report");
  Flags flags;
  app.add_option("--config", flags.config,
                 "Configuration of the experiment, in JSON (docs/experiments.md)");
  app.add_option("--workers", flags.workers, "Number of programs to run at the same time")
      ->capture_default_str();
  app.add_flag("--dry-run", flags.dry_run,
               "List the work with estimated time and memory, and run nothing");
  auto* status = app.add_subcommand(
      "status", "Show which pieces are done, running, stopped, failed, blocked or waiting");
  status->add_option("--config", flags.config, "Configuration of the experiment, in JSON");
  madx::apps::parse_command_line(app, argc, argv);
  flags.status = status->parsed();
  if (flags.config.empty())
    madx::input_error("--config: expected a configuration file, but found nothing");
  if (flags.workers < 1)
    madx::input_error("--workers: expected 1 or more, but found ", flags.workers);
  if (flags.workers > kMostWorkers)
    madx::input_error("--workers: expected at most ", kMostWorkers, ", but found ", flags.workers);
  return flags;
}

/// The folder in which this program and its sisters stand.
std::string program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// How the programs read CoNLL files, by the flags that they get; nothing where rows differ in it.
std::optional<madx::ConllColumns> columns_of(const madx::apps::ExperimentConfig& config) {
  using madx::apps::PieceKind;
  std::set<std::vector<std::string>> found;
  for (const auto& row : config.rows) {
    for (const auto kind : {PieceKind::kTaskAdapter, PieceKind::kFineTuning, PieceKind::kScoring}) {
      const auto flags = config.flags_of(kind, row);
      const auto columns = flags.find("--columns");
      found.insert(columns == flags.end() ? std::vector<std::string>() : columns->second.values);
    }
  }
  if (found.size() != 1) return std::nullopt;
  const auto& values = *found.begin();
  return values.empty() ? madx::ConllColumns() : madx::apps::parse_conll_columns(values.front());
}

/// Throws InputError for labelled data that no program could read: before hours of work for it.
void check_labelled_data(const madx::apps::ExperimentConfig& config) {
  const auto columns = columns_of(config);
  if (!columns) return;
  std::set<std::string> paths;
  for (const auto& [language, files] : config.ner)
    for (const auto& path : {files.train, files.dev, files.test})
      if (!path.empty()) paths.insert(path);
  for (const auto& path : paths) madx::read_conll_file(path, *columns);
}

void report_failures(const madx::apps::RunnerResult& result) {
  if (result.failed.empty()) return;
  bool bad_input = false;
  std::map<std::string, std::vector<const madx::apps::FailedPiece*>> by_error;
  for (const auto& failed : result.failed) {
    bad_input = bad_input || failed.status == 2;
    by_error[failed.error].push_back(&failed);
  }
  std::string text;
  for (const auto& [error, pieces] : by_error) {
    const auto others = static_cast<int64_t>(pieces.size()) - 1;
    text += (text.empty() ? "" : "; ") + pieces[0]->name +
            (others == 0 ? "" : " and " + madx::counted(others, "other piece")) + " failed (" +
            error + "; see " + pieces[0]->log + ")";
  }
  if (!result.blocked.empty())
    text += "; " + madx::counted(static_cast<int64_t>(result.blocked.size()), "piece") +
            (result.blocked.size() == 1 ? " that needs it was" : " that need it were") + " not run";
  text += "; the same command tries again what failed";
  if (bad_input) madx::input_error(text);
  madx::machine_error(text);
}

/// Calls a function, but not again before it has rested for nine times as long as it took: at most
/// a tenth of the time goes into it, however large the experiment.
class RestedCall {
 public:
  explicit RestedCall(std::function<void()> function) : function_(std::move(function)) {}
  void operator()() {
    const auto start = Clock::now();
    if (start < next_) return;
    function_();
    const auto end = Clock::now();
    next_ = end + 9 * (end - start);
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::function<void()> function_;
  Clock::time_point next_;
};

/// Writes what the pieces that are done give: tables and a report.
madx::apps::ExperimentResults write_results(const madx::apps::ExperimentConfig& config,
                                            const madx::apps::ExperimentPlan& plan,
                                            const std::string& command_line) {
  auto results = madx::apps::collect_results(config, plan, command_line);
  madx::apps::write_experiment_json(results, config.output);
  madx::apps::write_experiment_tables(results, config.output);
  madx::apps::write_experiment_report(config.output + "/report.html", results);
  return results;
}

void run(int argc, char** argv) {
  const auto flags = parse(argc, argv);
  const auto config = madx::apps::read_experiment_config(flags.config);
  const auto plan = madx::apps::plan_experiment(config);
  if (flags.status) return madx::apps::print_status(std::cout, plan);
  madx::apps::check_program_flags(config, program_folder());
  check_labelled_data(config);
  if (flags.dry_run) return madx::apps::print_work(std::cout, config, plan);
  const madx::apps::InterruptGuard guard;
  madx::apps::RunnerOptions options;
  options.programs = program_folder();
  options.workers = flags.workers;
  options.threads = config.threads;
  options.interrupted = [&] { return guard.requested(); };
  const auto command_line = madx::apps::command_line(argc, argv);
  RestedCall write_now([&] { write_results(config, plan, command_line); });
  options.scored = [&] { write_now(); };
  const auto done = madx::apps::run_pieces(plan, options);
  const auto results = write_results(config, plan, command_line);
  if (done.interrupted)
    throw madx::Interrupted("interrupted; what is done is in " + config.output +
                            ", and the same command goes on");
  std::cout << madx::apps::experiment_markdown(results);
  report_failures(done);
  std::cout << "wrote " << config.output << " (open report.html)\n";
}

}  // namespace

int main(int argc, char** argv) {
  return madx::apps::run_program("madx_experiment", [&] { run(argc, argv); });
}
