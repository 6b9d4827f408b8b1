#include "apps/experiment/experiment_pieces.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "apps/experiment/adapter_flags.h"
#include "apps/experiment/experiment_rows.h"
#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/io/encoder_files.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

/// By its directory's config.json, else by loading it.
EncoderConfig config_of(const std::string& encoder) {
  const auto file = fs::path(encoder) / "config.json";
  if (fs::exists(file)) return parse_encoder_config(read_bytes(file.string()), file.string());
  const auto options = io::LoadEncoderOptions().weights_only(true);
  return io::load_encoder(encoder, options).encoder->config();
}

}  // namespace

size_t ExperimentPieces::add(PieceMaker& maker, const std::string& label) {
  auto piece = maker.finish(label);
  const auto [place, fresh] = by_digest_.emplace(recipe_digest(piece.recipe), pieces_.size());
  if (fresh) pieces_.push_back(std::move(piece));
  return place->second;
}

void ExperimentPieces::read(PieceMaker& maker, const std::string& flag, const PieceOrigin& origin,
                            const std::string& name) {
  if (!origin.piece) return maker.read(flag, origin.path, name);
  maker.read_piece(flag, *origin.piece, pieces_[*origin.piece], store_, origin.part, name);
}

std::string ExperimentPieces::bert() {
  if (mbert_type_.empty()) mbert_type_ = config_of(config_.mbert).model_type;
  if (mbert_type_ == "bert") return config_.mbert;
  input_error(config_.path, ": expected a BERT encoder as \"mbert\", but found one of type ",
              mbert_type_, " in ", config_.mbert,
              "; name a BERT's directory, or leave \"mbert\" out");
}

std::string ExperimentPieces::last_layer_for(const std::string& row) {
  if (row != "madx-2.0") return "";
  if (last_layer_.empty())
    last_layer_ = std::to_string(config_of(config_.encoder).num_hidden_layers - 1);
  return last_layer_;
}

void ExperimentPieces::set_flags(PieceMaker& maker, PieceKind kind, const std::string& row,
                                 const std::string& language) {
  auto flags = config_.flags_of(kind, row, language);
  add_row_flags(config_, kind, row, last_layer_for(row), flags);
  maker.set(flags);
}

std::string ExperimentPieces::no_language_adapter(const std::string& row,
                                                  const std::string& language,
                                                  const std::string& source) const {
  const auto of_kind = " of the kind that " + row + " has";
  if (config_.text.count(language) > 0)
    return "no adapter of " + source + of_kind + " for that of " + language +
           " to start from or stay near";
  return "no text of " + language + ", and no ready adapter" +
         (config_.language_adapters.count(language) > 0 ? of_kind : "");
}

void ExperimentPieces::read_text(PieceMaker& maker, const std::string& language) {
  for (const auto& file : config_.text.at(language)) maker.read("--text", file);
  if (config_.eval_text.count(language) > 0)
    maker.read("--eval-text", config_.eval_text.at(language));
}

void ExperimentPieces::read_head(PieceMaker& maker, PieceKind kind, const std::string& row,
                                 const std::string& language) {
  if (config_.flags_of(kind, row, language).count("--lm-head") > 0) return;  // it comes with them
  if (kind == PieceKind::kLmHead || config_.flags.count(PieceKind::kLmHead) == 0) {
    if (!config_.lm_head.empty()) maker.read("--lm-head", config_.lm_head);
    return;
  }
  PieceMaker head({PieceKind::kLmHead, "train_lm_head", "", "", language}, identified_);
  head.read("--encoder", config_.encoder);
  read_text(head, language);
  read_head(head, PieceKind::kLmHead, "", language);
  set_flags(head, PieceKind::kLmHead, "", language);
  read(maker, "--lm-head", PieceOrigin{"", add(head, language), ""});
}

const NerFiles& ExperimentPieces::labelled(const std::string& language) const {
  const auto found = config_.ner.find(language);
  if (found == config_.ner.end() || found->second.train.empty())
    input_error(config_.path, ": ner.", language,
                ".train: expected training data of a source, but found nothing");
  return found->second;
}

void ExperimentPieces::read_labelled(PieceMaker& maker, const std::string& source) {
  const auto& files = labelled(source);
  maker.read("--train", files.train);
  if (!files.dev.empty()) maker.read("--dev", files.dev);
  const auto& test = !files.test.empty()  ? files.test
                     : !files.dev.empty() ? files.dev
                                          : files.train;
  maker.read("--test", test, source);
}

bool ExperimentPieces::read_source_adapter(PieceMaker& maker, FlagValues& flags,
                                           const std::string& row, const std::string& source) {
  for (auto flag = flags.begin(); flag != flags.end();) {
    if (!flag->second.of_source) {
      ++flag;
      continue;
    }
    const auto adapter = language_adapter(row, source, source);
    // A ready one has the layers that madx-2.0 leaves out as it loads it, which a training cannot.
    if (!adapter || (row == "madx-2.0" && !adapter->piece)) return false;
    read(maker, flag->first, *adapter);
    flag = flags.erase(flag);
  }
  return true;
}

std::optional<PieceOrigin> ExperimentPieces::language_adapter(const std::string& row,
                                                              const std::string& language,
                                                              const std::string& source) {
  const auto of = adapter_row(config_, row);
  if (const auto ready = ready_adapter(config_, of, language))
    return PieceOrigin{*ready, std::nullopt, ""};
  if (config_.text.count(language) == 0) return std::nullopt;
  PieceMaker maker({PieceKind::kLanguageAdapter, "train_lang_adapter", "", "", language},
                   identified_);
  maker.read("--encoder", config_.encoder);
  read_text(maker, language);
  read_head(maker, PieceKind::kLanguageAdapter, of, language);
  maker.set("--name", language);
  if (config_.curve > 0) maker.set("--snapshot-every", std::to_string(config_.curve));
  auto flags = adapter_flags(config_, of, language, source, last_layer_for(of));
  if (!read_source_adapter(maker, flags, of, source)) return std::nullopt;
  maker.set(flags);
  return PieceOrigin{"", add(maker, language), ""};
}

std::optional<PieceOrigin> ExperimentPieces::adapted_encoder(const std::string& language) {
  if (config_.text.count(language) == 0) return std::nullopt;
  PieceMaker maker({PieceKind::kAdaptedEncoder, "adapt_encoder", "", "", language}, identified_);
  maker.read("--encoder", config_.encoder);
  read_text(maker, language);
  read_head(maker, PieceKind::kAdaptedEncoder, "", language);
  check_companions(config_, config_.flags_of(PieceKind::kAdaptedEncoder, ""));
  set_flags(maker, PieceKind::kAdaptedEncoder, "", language);
  return PieceOrigin{"", add(maker, language), ""};
}

size_t ExperimentPieces::fine_tuning(const std::string& row, const PieceOrigin& encoder,
                                     const std::string& source, const std::string& language,
                                     uint64_t seed) {
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

size_t ExperimentPieces::fine_tuning_score(const std::string& row, size_t training,
                                           const std::string& source, const std::string& language,
                                           uint64_t seed) {
  const PieceOrigin encoder{"", training, "/finetuned"};
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

std::optional<size_t> ExperimentPieces::task_adapter(const std::string& asked,
                                                     const std::string& source, uint64_t seed,
                                                     std::string& reason) {
  const auto row = task_row(asked);
  const auto setup = setup_of(row);
  PieceMaker maker({PieceKind::kTaskAdapter, "zero_shot_ner", row, source, "", seed}, identified_);
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
      if (language != source && language_adapter(row, language, source))
        learned.push_back(language);
    maker.set({{"--train-languages", {true, learned}}});
  }
  for (const auto& language : learned) {
    if (setup == "no-lang") break;
    const auto adapter = language_adapter(row, language, source);
    if (!adapter) {
      reason = no_language_adapter(row, language, source);
      return std::nullopt;
    }
    read(maker, "--language", *adapter, language);
    if (language == source) leave_out_of(maker, row, *adapter);
  }
  maker.set("--seed", std::to_string(seed));
  set_flags(maker, PieceKind::kTaskAdapter, row);
  return add(maker, row + "-" + source + "-seed" + std::to_string(seed));
}

size_t ExperimentPieces::score(const std::string& row, size_t task, const std::string& setup,
                               const std::optional<PieceOrigin>& adapter, const std::string& source,
                               const std::string& language, uint64_t seed, int64_t step) {
  PieceMaker maker({PieceKind::kScoring, "zero_shot_ner", row, source, language, seed, step},
                   identified_);
  maker.read("--encoder", config_.encoder);
  maker.read_piece("--task-adapter", task, pieces_[task], store_, "/task_adapter");
  maker.set("--source", source);
  maker.set("--setup", setup);
  if (adapter) {
    read(maker, "--language", *adapter, language);
    leave_out_of(maker, row, *adapter);
  }
  maker.read("--test", test_of(language), language);
  maker.set("--seed", std::to_string(seed));
  set_flags(maker, PieceKind::kScoring, row);
  const auto at = step > 0 ? "-step" + std::to_string(step) : "";
  return add(maker, row + "-" + source + "-" + language + "-seed" + std::to_string(seed) + at);
}

std::string ExperimentPieces::test_of(const std::string& language) const {
  const auto found = config_.ner.find(language);
  return found == config_.ner.end() ? "" : found->second.test;
}

void ExperimentPieces::leave_out_of(PieceMaker& maker, const std::string& row,
                                    const PieceOrigin& adapter) {
  if (row == "madx-2.0" && !adapter.piece) maker.set("--leave-out-loaded", last_layer_for(row));
}

}  // namespace madx::apps
