#include "apps/experiment/collect_results.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/experiment/piece_store.h"
#include "apps/report/ner_results.h"
#include "apps/run/metrics_log.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

double extra(const MetricsRow& row, const std::string& key) {
  const auto found = row.extra.find(key);
  return found == row.extra.end() ? 0 : found->second;
}

/// Bytes of what a training wrote for others to load: no checkpoint, snapshots, scores or logs.
int64_t size_of(const std::string& directory) {
  const std::set<std::string> others = {"checkpoint", "snapshots", "predictions",  "metrics.jsonl",
                                        "loss.svg",   "run.json",  "results.json", "report.html"};
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (others.count(entry.path().filename()) > 0) continue;
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
    if (!entry.is_directory()) continue;
    for (const auto& inner : fs::recursive_directory_iterator(entry))
      if (inner.is_regular_file()) bytes += static_cast<int64_t>(inner.file_size());
  }
  return bytes;
}

ExperimentTraining training_of(const PieceStore& store, const Piece& piece,
                               const PieceRecord& record) {
  ExperimentTraining training;
  training.kind = words_of(piece.kind);
  training.row = piece.row;
  training.language = piece.language.empty() ? piece.source : piece.language;
  training.seed = piece.seed;
  training.seconds = record.seconds;
  training.peak_memory = record.peak_memory;
  training.size = size_of(store.directory(piece));
  training.command = record.command;
  const auto metrics = store.metrics(piece);
  if (metrics.empty()) return training;
  training.curve = read_metrics(metrics);
  for (const auto& row : training.curve) {
    if (row.eval_loss && (!training.held_out_loss || *row.eval_loss < *training.held_out_loss))
      training.held_out_loss = row.eval_loss;
  }
  if (training.curve.empty()) return training;
  training.steps = training.curve.back().step;
  training.tokens = static_cast<int64_t>(extra(training.curve.back(), "tokens_seen"));
  return training;
}

/// Tokens that a training had read after `step` of its steps.
int64_t tokens_at(const PieceStore& store, const Piece& piece, int64_t step) {
  const auto rows = read_metrics(store.metrics(piece));
  double tokens = 0;
  if (!rows.empty()) tokens = static_cast<double>(step) * extra(rows.front(), "tokens_per_step");
  for (const auto& row : rows) {
    if (row.step > step) break;
    tokens = extra(row, "tokens_seen") +
             static_cast<double>(step - row.step) * extra(row, "tokens_per_step");
  }
  return static_cast<int64_t>(tokens);
}

ExperimentScore score_of(const ExperimentCell& cell, const NerRun& run,
                         const std::string& predictions) {
  ExperimentScore score;
  score.row = cell.row;
  score.source = cell.source;
  score.language = cell.language;
  score.seed = cell.seed;
  score.f1 = run.scores.micro.f1;
  score.precision = run.scores.micro.precision;
  score.recall = run.scores.micro.recall;
  score.entities = run.scores.micro.entities;
  for (const auto& [type, scores] : run.scores.per_type) score.f1_by_type[type] = scores.f1;
  score.predictions = predictions;
  return score;
}

class Collector {
 public:
  Collector(const ExperimentConfig& config, const ExperimentPlan& plan)
      : config_(config), plan_(plan), store_(plan.store) {}

  ExperimentResults collect(const std::string& command_line) {
    results_.name = fs::path(config_.path).stem();
    results_.encoder = config_.encoder;
    results_.rows = config_.rows;
    results_.sources = config_.sources;
    results_.languages = config_.languages;
    results_.unseen = config_.unseen;
    results_.seeds = config_.seeds;
    results_.gaps = plan_.gaps;
    results_.command_line = command_line;
    for (const auto& cell : plan_.cells) add(cell);
    for (const auto& piece : plan_.pieces) {
      if (piece.kind == PieceKind::kScoring || !store_.is_done(piece)) continue;
      results_.trainings.push_back(training_of(store_, piece, *store_.record(piece)));
    }
    return std::move(results_);
  }

 private:
  void add(const ExperimentCell& cell) {
    const auto& piece = plan_.pieces[cell.piece];
    if (!store_.is_done(piece)) return add_gap(cell, piece);
    const auto directory = store_.directory(piece);
    for (const auto& run : read_results_json(directory + "/results.json").runs) {
      if (run.language != cell.language) continue;
      if (cell.step > 0) {
        results_.curve.push_back({cell.source, cell.language, cell.seed,
                                  tokens_at(store_, plan_.pieces[cell.adapter], cell.step),
                                  run.scores.micro.f1});
        return;
      }
      results_.scores.push_back(
          score_of(cell, run, directory + "/predictions/" + cell.language + ".conll"));
      add_end_of_curve(cell, piece);
      return;
    }
    add_gap(cell, piece);
  }

  /// The curve ends with the score of the table.
  void add_end_of_curve(const ExperimentCell& cell, const Piece& piece) {
    // The source's own score is the task adapter's, which was trained over the end alone.
    if (config_.curve == 0 || cell.row != "madx" || cell.language == cell.source) return;
    for (const auto need : piece.needs) {
      const auto& adapter = plan_.pieces[need];
      if (adapter.kind != PieceKind::kLanguageAdapter || adapter.language != cell.language)
        continue;
      const auto training = training_of(store_, adapter, *store_.record(adapter));
      results_.curve.push_back(
          {cell.source, cell.language, cell.seed, training.tokens, results_.scores.back().f1});
    }
  }

  /// Why there is no score: the piece, or one that it needs, failed or is not done yet.
  void add_gap(const ExperimentCell& cell, const Piece& piece) {
    if (cell.step > 0) return;
    const bool known =
        std::any_of(results_.gaps.begin(), results_.gaps.end(), [&](const ExperimentGap& gap) {
          return gap.row == cell.row && gap.source == cell.source && gap.language == cell.language;
        });
    if (!known) results_.gaps.push_back({cell.row, cell.source, cell.language, reason_of(piece)});
  }

  std::string reason_of(const Piece& piece) const {
    if (const auto record = store_.record(piece);
        record && record->state == PieceRecord::State::kFailed)
      return piece.name + " failed: " + record->error;
    for (const auto need : piece.needs)
      if (!store_.is_done(plan_.pieces[need])) return reason_of(plan_.pieces[need]);
    return "not done yet: " + piece.name;
  }

  const ExperimentConfig& config_;
  const ExperimentPlan& plan_;
  PieceStore store_;
  ExperimentResults results_;
};

}  // namespace

ExperimentResults collect_results(const ExperimentConfig& config, const ExperimentPlan& plan,
                                  const std::string& command_line) {
  return Collector(config, plan).collect(command_line);
}

}  // namespace madx::apps
