#include "apps/experiment/experiment_plan.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "madx/core/error.h"
#include "madx/io/encoder_files.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

/// The number of an encoder's layers, by the config.json in or beside it, else by loading it.
int64_t layers_of(const std::string& encoder) {
  const fs::path path(encoder);
  const auto file = (fs::is_directory(path) ? path : path.parent_path()) / "config.json";
  if (std::ifstream stream(file); stream) {
    const auto json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("num_hidden_layers"))
      return json["num_hidden_layers"].get<int64_t>();
  }
  return io::load_encoder(encoder).encoder->config().num_hidden_layers;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// Where a row gets an encoder or an adapter from: files that are there, or a piece.
struct Origin {
  std::string path;  // empty: a piece
  std::optional<size_t> piece;
  std::string part;  // of the piece's directory
};

/// What is trained on labelled data for a row.
struct TaskTraining {
  size_t piece;
  std::string setup;  // of zero_shot_ner
};

class Planner {
 public:
  explicit Planner(const ExperimentConfig& config) : config_(config) {
    plan_.store = config.output + "/pieces";
  }

  ExperimentPlan make() {
    for (const auto& row : config_.rows) {
      for (const auto& source : config_.sources) {
        for (const auto seed : config_.seeds) plan_row(row, source, seed);
      }
    }
    return std::move(plan_);
  }

 private:
  // ---- pieces ----

  size_t add(PieceMaker& maker, const std::string& label) {
    auto piece = maker.finish(label);
    const auto [place, fresh] =
        by_digest_.emplace(recipe_digest(piece.recipe), plan_.pieces.size());
    if (fresh) plan_.pieces.push_back(std::move(piece));
    return place->second;
  }

  void read(PieceMaker& maker, const std::string& flag, const Origin& origin,
            const std::string& name = "") {
    if (!origin.piece) return maker.read(flag, origin.path, name);
    maker.read_piece(flag, *origin.piece, plan_.pieces[*origin.piece], plan_.store, origin.part,
                     name);
  }

  std::string last_layer() {
    if (last_layer_.empty()) last_layer_ = std::to_string(layers_of(config_.encoder) - 1);
    return last_layer_;
  }

  /// The flags that make a row what it is, where the configuration has no others.
  void set_row_flags(FlagValues& flags, PieceKind kind, const std::string& row) {
    if (row == "madx-2.0" && kind != PieceKind::kScoring)
      flags.insert({"--leave-out", {true, {last_layer()}}});
    if (row == "houlsby" && kind != PieceKind::kScoring)
      flags.insert({"--config", {true, {"houlsby"}}});
    if (kind != PieceKind::kTaskAdapter) return;
    if (row == "fun") flags.insert({"--unfreeze-every", {true, {"50"}}});
    if (row == "averaged") flags.insert({"--average-every", {true, {"100"}}});
  }

  void set_flags(PieceMaker& maker, PieceKind kind, const std::string& row,
                 const std::string& language = "") {
    auto flags = config_.flags_of(kind, row, language);
    set_row_flags(flags, kind, row);
    maker.set(flags);
  }

  /// The row whose language adapters `row` uses: its own where they differ.
  std::string adapter_row(const std::string& row) const {
    const auto own = config_.row_flags.find(row);
    const bool differs =
        row == "madx-2.0" || row == "houlsby" ||
        (own != config_.row_flags.end() && own->second.count(PieceKind::kLanguageAdapter) > 0);
    return differs ? row : "madx";
  }

  void read_text(PieceMaker& maker, const std::string& language) {
    for (const auto& file : config_.text.at(language)) maker.read("--text", file);
    if (config_.eval_text.count(language) > 0)
      maker.read("--eval-text", config_.eval_text.at(language));
    if (!config_.lm_head.empty()) maker.read("--lm-head", config_.lm_head);
  }

  /// Nothing where there is neither a ready adapter nor text.
  std::optional<Origin> language_adapter(const std::string& row, const std::string& language) {
    if (const auto ready = config_.language_adapters.find(language);
        ready != config_.language_adapters.end()) {
      return Origin{ready->second, std::nullopt, ""};
    }
    if (config_.text.count(language) == 0) return std::nullopt;
    const auto of = adapter_row(row);
    PieceMaker maker({PieceKind::kLanguageAdapter, "train_lang_adapter", "", "", language},
                     identified_);
    maker.read("--encoder", config_.encoder);
    read_text(maker, language);
    maker.set("--name", language);
    if (config_.curve > 0) maker.set("--snapshot-every", std::to_string(config_.curve));
    set_flags(maker, PieceKind::kLanguageAdapter, of, language);
    return Origin{"", add(maker, language + (of == "madx" ? "" : "-" + of)), ""};
  }

  std::optional<Origin> adapted_encoder(const std::string& language) {
    if (config_.text.count(language) == 0) return std::nullopt;
    PieceMaker maker({PieceKind::kAdaptedEncoder, "adapt_encoder", "", "", language}, identified_);
    maker.read("--encoder", config_.encoder);
    read_text(maker, language);
    set_flags(maker, PieceKind::kAdaptedEncoder, "", language);
    return Origin{"", add(maker, language), ""};
  }

  const NerFiles& labelled(const std::string& language) const {
    const auto found = config_.ner.find(language);
    if (found == config_.ner.end() || found->second.train.empty())
      input_error(config_.path, ": ner.", language,
                  ".train: expected training data of a source, but found nothing");
    return found->second;
  }

  std::string test_of(const std::string& language) const {
    const auto found = config_.ner.find(language);
    return found == config_.ner.end() ? "" : found->second.test;
  }

  /// --train and --dev, and what is tested beside training: the source's own test set, or else some
  /// file, since the program asks for one.
  void read_labelled(PieceMaker& maker, const std::string& source) {
    const auto& files = labelled(source);
    maker.read("--train", files.train);
    if (!files.dev.empty()) maker.read("--dev", files.dev);
    const auto& test = !files.test.empty()  ? files.test
                       : !files.dev.empty() ? files.dev
                                            : files.train;
    maker.read("--test", test, source);
  }

  size_t fine_tuning(const std::string& row, const Origin& encoder, const std::string& source,
                     const std::string& language, uint64_t seed) {
    PieceMaker maker({PieceKind::kFineTuning, "zero_shot_ner", row, source, language, seed},
                     identified_);
    read(maker, "--encoder", encoder);
    maker.set("--source", source);
    maker.set("--setup", "finetune");
    read_labelled(maker, source);
    maker.set("--seed", std::to_string(seed));
    set_flags(maker, PieceKind::kFineTuning, row);
    const auto target = language.empty() ? "" : "-" + language;
    return add(maker, row + "-" + source + target + "-seed" + std::to_string(seed));
  }

  size_t fine_tuning_score(const std::string& row, size_t training, const std::string& source,
                           const std::string& language, uint64_t seed) {
    const Origin encoder{"", training, "/finetuned"};
    PieceMaker maker({PieceKind::kScoring, "zero_shot_ner", row, source, language, seed},
                     identified_);
    read(maker, "--encoder", encoder);
    read(maker, "--task-adapter", encoder);
    maker.set("--source", source);
    maker.set("--setup", "finetune");
    maker.read("--test", test_of(language), language);
    maker.set("--seed", std::to_string(seed));
    set_flags(maker, PieceKind::kScoring, row);
    return add(maker, row + "-" + source + "-" + language + "-seed" + std::to_string(seed));
  }

  std::string setup_of(const std::string& row) const {
    if (row == "madx-lad-inv") return "no-lang";
    return row == "madx-inv" ? "no-inv" : "madx";
  }

  /// Rows that differ in what they are tested with alone have the task adapter of madx.
  std::string task_row(const std::string& row) const {
    return row == "keep-source" || row == "drop-la" ? "madx" : row;
  }

  /// A task adapter; nothing, with the reason, where something is missing.
  std::optional<size_t> task_adapter(const std::string& asked, const std::string& source,
                                     uint64_t seed, std::string& reason) {
    const auto row = task_row(asked);
    const auto setup = setup_of(row);
    PieceMaker maker({PieceKind::kTaskAdapter, "zero_shot_ner", row, source, "", seed},
                     identified_);
    maker.read("--encoder", config_.encoder);
    maker.set("--source", source);
    maker.set("--setup", setup);
    read_labelled(maker, source);
    std::vector<std::string> learned = {source};
    if (row == "multi-source") {
      for (const auto& other : config_.multi_sources) {
        if (other == source) continue;
        maker.read("--train", labelled(other).train, other);
        if (!labelled(other).dev.empty()) maker.read("--dev", labelled(other).dev, other);
        learned.push_back(other);
      }
    }
    if (row == "tlr") {
      for (const auto& language : config_.languages)
        if (language != source && language_adapter(row, language)) learned.push_back(language);
      maker.set({{"--train-languages", {true, learned}}});
    }
    for (const auto& language : learned) {
      if (setup == "no-lang") break;
      const auto adapter = language_adapter(row, language);
      if (!adapter) {
        reason = "no text of " + language + ", and no ready adapter";
        return std::nullopt;
      }
      read(maker, "--language", *adapter, language);
    }
    maker.set("--seed", std::to_string(seed));
    set_flags(maker, PieceKind::kTaskAdapter, row);
    return add(maker, row + "-" + source + "-seed" + std::to_string(seed));
  }

  /// Scores a task adapter on a target, under `adapter`, where there is one.
  size_t score(const std::string& row, size_t task, const std::string& setup,
               const std::optional<Origin>& adapter, const std::string& source,
               const std::string& language, uint64_t seed, int64_t step = 0) {
    PieceMaker maker({PieceKind::kScoring, "zero_shot_ner", row, source, language, seed, step},
                     identified_);
    maker.read("--encoder", config_.encoder);
    maker.read_piece("--task-adapter", task, plan_.pieces[task], plan_.store, "/task_adapter");
    maker.set("--source", source);
    maker.set("--setup", setup);
    if (adapter) read(maker, "--language", *adapter, language);
    maker.read("--test", test_of(language), language);
    maker.set("--seed", std::to_string(seed));
    set_flags(maker, PieceKind::kScoring, row);
    const auto at = step > 0 ? "-step" + std::to_string(step) : "";
    return add(maker, row + "-" + source + "-" + language + "-seed" + std::to_string(seed) + at);
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
      if (!test_of(language).empty()) languages.push_back(language);
      if (test_of(language).empty()) gap(row, source, language, "no test set");
    }
    return languages;
  }

  // ---- rows ----

  void plan_row(const std::string& row, const std::string& source, uint64_t seed) {
    if (row == "xlm-r") return plan_fine_tuned(row, source, seed, Origin{config_.encoder, {}, ""});
    if (row == "mbert") {
      if (config_.mbert.empty())
        return gap_everywhere(row, source, "no BERT encoder: name one as \"mbert\"");
      return plan_fine_tuned(row, source, seed, Origin{config_.mbert, {}, ""});
    }
    if (row == "mlm-src") {
      const auto encoder = adapted_encoder(source);
      if (!encoder) return gap_everywhere(row, source, "no text of " + source);
      return plan_fine_tuned(row, source, seed, *encoder);
    }
    if (row == "mlm-trg") return plan_mlm_target(row, source, seed);
    if (row == "multi-source" && config_.multi_sources.size() < 2)
      return gap_everywhere(row, source, "no sources: name them as \"multi_sources\"");
    plan_adapters(row, source, seed);
  }

  void plan_fine_tuned(const std::string& row, const std::string& source, uint64_t seed,
                       const Origin& encoder) {
    const auto training = fine_tuning(row, encoder, source, "", seed);
    for (const auto& language : tested(row, source)) {
      const auto piece =
          language == source ? training : fine_tuning_score(row, training, source, language, seed);
      cell(row, source, language, seed, piece);
    }
  }

  void plan_mlm_target(const std::string& row, const std::string& source, uint64_t seed) {
    for (const auto& language : tested(row, source)) {
      const auto encoder = adapted_encoder(language);
      if (language == source) {
        gap(row, source, language, "a model a target: see mlm-src");
        continue;
      }
      if (!encoder) {
        gap(row, source, language, "no text of " + language);
        continue;
      }
      const auto training = fine_tuning(row, *encoder, source, language, seed);
      cell(row, source, language, seed, fine_tuning_score(row, training, source, language, seed));
    }
  }

  void plan_adapters(const std::string& row, const std::string& asked_source, uint64_t seed) {
    std::string reason;
    const auto task = task_adapter(row, asked_source, seed, reason);
    const auto source =
        row == "multi-source" ? joined(multi_source(asked_source), "+") : asked_source;
    if (!task) return gap_everywhere(row, source, reason);
    const auto setup = row == "drop-la" ? "no-lang" : setup_of(task_row(row));
    for (const auto& language : tested(row, source)) {
      if (language == asked_source && row != "drop-la") {
        cell(row, source, language, seed, *task);
        continue;
      }
      std::optional<Origin> adapter;
      if (setup != "no-lang") {
        adapter = language_adapter(row, row == "keep-source" ? asked_source : language);
        if (!adapter) {
          gap(row, source, language, "no text of " + language + ", and no ready adapter");
          continue;
        }
      }
      cell(row, source, language, seed,
           score(row, *task, setup, adapter, asked_source, language, seed));
      if (row == "madx" && adapter->piece) plan_curve(*task, *adapter, source, language, seed);
    }
  }

  std::vector<std::string> multi_source(const std::string& source) const {
    std::vector<std::string> all = {source};
    for (const auto& other : config_.multi_sources)
      if (other != source) all.push_back(other);
    return all;
  }

  void plan_curve(size_t task, const Origin& adapter, const std::string& source,
                  const std::string& language, uint64_t seed) {
    if (config_.curve == 0) return;
    const auto flags = config_.flags_of(PieceKind::kLanguageAdapter, "madx", language);
    const auto steps = flags.find("--steps");
    if (steps == flags.end() || steps->second.values.size() != 1)
      input_error(config_.path, ": curve: expected --steps among the flags of language_adapter, ",
                  "which it divides, but found none");
    const auto last = std::stoll(steps->second.values[0]);
    for (int64_t step = config_.curve; step < last; step += config_.curve) {
      auto snapshot = adapter;
      snapshot.part = "/snapshots/" + std::to_string(step);
      const auto piece = score("madx", task, "madx", snapshot, source, language, seed, step);
      plan_.cells.push_back({"madx", source, language, seed, piece, *adapter.piece, step});
    }
  }

  const ExperimentConfig& config_;
  ExperimentPlan plan_;
  std::map<std::string, size_t> by_digest_;
  PieceMaker::Identified identified_;
  std::string last_layer_;
};

}  // namespace

ExperimentPlan plan_experiment(const ExperimentConfig& config) { return Planner(config).make(); }

}  // namespace madx::apps
