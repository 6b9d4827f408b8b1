#include "apps/experiment/experiment_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "apps/experiment/experiment_pieces.h"
#include "apps/experiment/experiment_rows.h"
#include "madx/core/error.h"
#include "madx/core/plain_text.h"

namespace madx::apps {
namespace {

class Planner {
 public:
  explicit Planner(const ExperimentConfig& config)
      : config_(config), pieces_(config, config.output + "/pieces") {
    plan_.store = config.output + "/pieces";
  }

  ExperimentPlan make() {
    for (const auto& row : config_.rows) {
      for (const auto& source : config_.sources) {
        for (const auto seed : config_.seeds) plan_row(row, source, seed);
      }
    }
    plan_.pieces = pieces_.all();
    drop_unneeded();
    return std::move(plan_);
  }

 private:
  /// Drops pieces that no cell needs: those of a row for which something else was missing.
  void drop_unneeded() {
    std::vector<bool> needed(plan_.pieces.size(), false);
    for (const auto& cell : plan_.cells) needed[cell.piece] = true;
    std::vector<Piece> kept;
    std::vector<size_t> place(needed.size());
    for (size_t index = needed.size(); index-- > 0;)  // each comes after what it needs
      if (needed[index])
        for (const auto other : plan_.pieces[index].needs) needed[other] = true;
    for (size_t index = 0; index < needed.size(); ++index) {
      place[index] = kept.size();
      if (needed[index]) kept.push_back(std::move(plan_.pieces[index]));
    }
    for (auto& piece : kept)
      for (auto& other : piece.needs) other = place[other];
    for (auto& cell : plan_.cells) {
      cell.piece = place[cell.piece];
      cell.adapter = place[cell.adapter];
    }
    plan_.pieces = std::move(kept);
  }

  // ---- cells ----

  void gap(const std::string& row, const std::string& source, const std::string& language,
           const std::string& reason) {
    const bool there = std::any_of(plan_.gaps.begin(), plan_.gaps.end(), [&](const auto& known) {
      return known.row == row && known.source == source && known.language == language;
    });
    if (!there) plan_.gaps.push_back({row, source, language, reason});  // once for all seeds
  }
  void gap_everywhere(const std::string& row, const std::string& source,
                      const std::string& reason) {
    for (const auto& language : config_.languages) gap(row, source, language, reason);
  }
  void cell(const std::string& row, const std::string& source, const std::string& language,
            uint64_t seed, size_t piece) {
    plan_.cells.push_back({row, source, language, seed, piece});
  }

  /// The languages with a test set; the others are gaps.
  std::vector<std::string> tested(const std::string& row, const std::string& source) {
    std::vector<std::string> languages;
    for (const auto& language : config_.languages) {
      if (!pieces_.test_of(language).empty()) languages.push_back(language);
      if (pieces_.test_of(language).empty()) gap(row, source, language, "no test set");
    }
    return languages;
  }

  // ---- rows ----

  void plan_row(const std::string& row, const std::string& source, uint64_t seed) {
    if (row == "xlm-r")
      return plan_fine_tuned(row, source, seed, PieceOrigin{config_.encoder, {}, ""});
    if (row == "mbert") {
      if (config_.mbert.empty())
        return gap_everywhere(row, source, "no BERT encoder: name one as \"mbert\"");
      return plan_fine_tuned(row, source, seed, PieceOrigin{pieces_.bert(), {}, ""});
    }
    if (row == "mlm-src") {
      const auto encoder = pieces_.adapted_encoder(source);
      if (!encoder) return gap_everywhere(row, source, "no text of " + source);
      return plan_fine_tuned(row, source, seed, *encoder);
    }
    if (row == "mlm-trg") return plan_mlm_target(row, source, seed);
    if (row == "multi-source" && config_.multi_sources.size() < 2)
      return gap_everywhere(row, source, "no sources: name them as \"multi_sources\"");
    plan_adapters(row, source, seed);
  }

  void plan_fine_tuned(const std::string& row, const std::string& source, uint64_t seed,
                       const PieceOrigin& encoder) {
    const auto training = pieces_.fine_tuning(row, encoder, source, "", seed);
    for (const auto& language : tested(row, source)) {
      const auto piece = language == source
                             ? training
                             : pieces_.fine_tuning_score(row, training, source, language, seed);
      cell(row, source, language, seed, piece);
    }
  }

  void plan_mlm_target(const std::string& row, const std::string& source, uint64_t seed) {
    for (const auto& language : tested(row, source)) {
      if (language == source) {
        gap(row, source, language,
            "this row has a model per target, none for the source: see mlm-src");
        continue;
      }
      const auto encoder = pieces_.adapted_encoder(language);
      if (!encoder) {
        gap(row, source, language, "no text of " + language);
        continue;
      }
      const auto training = pieces_.fine_tuning(row, *encoder, source, language, seed);
      cell(row, source, language, seed,
           pieces_.fine_tuning_score(row, training, source, language, seed));
    }
  }

  void plan_adapters(const std::string& row, const std::string& asked_source, uint64_t seed) {
    std::string reason;
    const auto task = pieces_.task_adapter(row, asked_source, seed, reason);
    const auto source =
        row == "multi-source" ? joined(multi_source(asked_source), "+") : asked_source;
    if (!task) return gap_everywhere(row, source, reason);
    const auto setup = row == "drop-la" ? "no-lang" : setup_of(task_row(row));
    for (const auto& language : tested(row, source)) {
      if (language == asked_source && row != "drop-la") {
        cell(row, source, language, seed, *task);
        continue;
      }
      std::optional<PieceOrigin> adapter;
      if (setup != "no-lang") {
        adapter = pieces_.language_adapter(row, row == "keep-source" ? asked_source : language,
                                           asked_source);
        if (!adapter) {
          gap(row, source, language, pieces_.no_language_adapter(row, language, asked_source));
          continue;
        }
      }
      cell(row, source, language, seed,
           pieces_.score(row, *task, setup, adapter, asked_source, language, seed));
      if (row == "madx" && adapter->piece) plan_curve(*task, *adapter, source, language, seed);
    }
  }

  std::vector<std::string> multi_source(const std::string& source) const {
    std::vector<std::string> all = {source};
    for (const auto& other : config_.multi_sources)
      if (other != source) all.push_back(other);
    return all;
  }

  void plan_curve(size_t task, const PieceOrigin& adapter, const std::string& source,
                  const std::string& language, uint64_t seed) {
    if (config_.curve == 0) return;
    const auto flags = config_.flags_of(PieceKind::kLanguageAdapter, "madx", language);
    const auto steps = flags.find("--steps");
    if (steps == flags.end() || steps->second.values.size() != 1)
      input_error(config_.path, ": curve: expected --steps among the flags of language_adapter, ",
                  "which it divides, but found none");
    const auto last = parse_number(steps->second.values[0]);
    if (!last)
      input_error(config_.path, ": --steps: expected a number, but found \"",
                  steps->second.values[0], "\"");
    for (int64_t step = config_.curve; static_cast<double>(step) < *last; step += config_.curve) {
      auto snapshot = adapter;
      snapshot.part = "/snapshots/" + std::to_string(step);
      const auto piece =
          pieces_.score("madx", task, "madx", snapshot, source, language, seed, step);
      plan_.cells.push_back({"madx", source, language, seed, piece, *adapter.piece, step});
    }
  }

  const ExperimentConfig& config_;
  ExperimentPieces pieces_;
  ExperimentPlan plan_;
};

}  // namespace

ExperimentPlan plan_experiment(const ExperimentConfig& config) { return Planner(config).make(); }

}  // namespace madx::apps
