#include "apps/experiment/experiment_status.h"

#include <algorithm>
#include <map>

#include "apps/experiment/claim.h"
#include "apps/experiment/piece_store.h"
#include "apps/experiment/work_estimate.h"
#include "apps/run/metrics_log.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

/// "1 h 5 min", "40 s".
std::string duration(double seconds) {
  if (seconds < 60) return fixed_text(seconds, /*decimals=*/0) + " s";
  const auto minutes = static_cast<int64_t>(seconds / 60 + 0.5);
  if (minutes < 60) return std::to_string(minutes) + " min";
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::string gigabytes(int64_t bytes) {
  return fixed_text(static_cast<double>(bytes) / 1e9, /*decimals=*/2) + " GB";
}

/// ", step 40" of a run under way, by its metrics.jsonl.
std::string last_step(const PieceStore& store, const Piece& piece) {
  const auto metrics = store.metrics(piece);
  if (metrics.empty()) return "";
  const auto rows = read_metrics(metrics);
  return rows.empty() ? "" : ", step " + std::to_string(rows.back().step);
}

/// A piece's state, and a note for people.
std::pair<std::string, std::string> state_of(const PieceStore& store, const ExperimentPlan& plan,
                                             const Piece& piece) {
  const auto record = store.record(piece);
  if (store.is_done(piece)) return {"done", duration(record->seconds)};
  if (const auto owner = claimed_by(store.claim(piece)); !owner.empty())
    return {"running", owner + last_step(store, piece)};
  if (record && record->state == PieceRecord::State::kFailed) return {"failed", record->error};
  for (const auto need : piece.needs) {
    const auto state = state_of(store, plan, plan.pieces[need]).first;
    if (state == "failed" || state == "blocked")
      return {"blocked", "needs " + plan.pieces[need].name};
  }
  if (store.can_resume(piece)) return {"stopped", "will be resumed" + last_step(store, piece)};
  return {"waiting", ""};
}

}  // namespace

void print_status(std::ostream& out, const ExperimentPlan& plan) {
  const PieceStore store(plan.store);
  std::map<std::string, int> counts;
  for (const auto& piece : plan.pieces) {
    const auto [state, note] = state_of(store, plan, piece);
    ++counts[state];
    out << state << std::string(9 - state.size(), ' ') << piece.name
        << (note.empty() ? "" : "  (" + note + ")") << "\n";
  }
  out << plan.pieces.size() << " pieces:";
  for (const auto& [state, count] : counts) out << " " << count << " " << state;
  out << "; " << plan.cells.size() << " scores planned, " << plan.gaps.size() << " cells absent\n";
}

void print_work(std::ostream& out, const ExperimentConfig& config, const ExperimentPlan& plan) {
  const PieceStore store(plan.store);
  WorkEstimator estimate(config, plan);
  double seconds = 0;
  int64_t memory = 0;
  bool all_measured = true;
  size_t left = 0;
  for (const auto& piece : plan.pieces) {
    const auto state = state_of(store, plan, piece).first;
    if (state == "done") {
      out << "done     " << piece.name << "\n";
      continue;
    }
    const auto work = estimate(piece);
    out << state << std::string(9 - state.size(), ' ') << piece.name << "  about "
        << duration(work.seconds) << ", " << gigabytes(work.memory)
        << (work.measured ? "" : " (not measured yet)") << "\n";
    seconds += work.seconds;
    memory = std::max(memory, work.memory);
    all_measured = all_measured && work.measured;
    ++left;
  }
  for (const auto& gap : plan.gaps)
    out << "absent   " << gap.row << " " << gap.source << " to " << gap.language << ": "
        << gap.reason << "\n";
  out << left << " of " << plan.pieces.size() << " pieces to do, about " << duration(seconds)
      << " with one worker, at most " << gigabytes(memory)
      << " each; estimated from pieces that are done"
      << (all_measured ? ""
                       : ", or for kinds with none, from FLOPs, the encoder's size and this "
                         "machine's GEMM rate")
      << "\n";
}

}  // namespace madx::apps
