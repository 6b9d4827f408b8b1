#include "apps/experiment/experiment_pieces.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/experiment/experiment_rows.h"
#include "madx/core/error.h"
#include "madx/io/encoder_files.h"

namespace madx::apps {
namespace {

namespace fs = std::filesystem;

/// The number of an encoder's layers, by its directory's config.json, else by loading it.
int64_t layers_of(const std::string& encoder) {
  if (std::ifstream stream(fs::path(encoder) / "config.json"); stream) {
    const auto json = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.value("num_hidden_layers", nlohmann::json()).is_number_integer())
      return json["num_hidden_layers"].get<int64_t>();
  }
  const auto options = io::LoadEncoderOptions().weights_only(true);
  return io::load_encoder(encoder, options).encoder->config().num_hidden_layers;
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

std::string ExperimentPieces::last_layer() {
  if (last_layer_.empty()) last_layer_ = std::to_string(layers_of(config_.encoder) - 1);
  return last_layer_;
}

void ExperimentPieces::set_row_flags(FlagValues& flags, PieceKind kind, const std::string& row) {
  const auto set = [&](const std::string& flag, const std::string& value) {
    const auto own = config_.row_flags.find(row);
    const bool asked = own != config_.row_flags.end() && own->second.count(kind) > 0 &&
                       own->second.at(kind).count(flag) > 0;
    if (!asked) flags[flag] = {true, {value}};
  };
  const bool adapter = kind == PieceKind::kLanguageAdapter || kind == PieceKind::kTaskAdapter;
  if (adapter && row == "madx-2.0") set("--leave-out", last_layer());
  if (adapter && row == "houlsby") set("--config", "houlsby");
  // One of another shape cannot be what they start from.
  if (kind == PieceKind::kLanguageAdapter && (row == "madx-2.0" || row == "houlsby"))
    for (const char* flag : {"--init-adapter", "--init-weight"}) flags.erase(flag);
  if (kind == PieceKind::kTaskAdapter && row == "fun") set("--unfreeze-every", "50");
  if (kind == PieceKind::kTaskAdapter && row == "averaged") set("--average-every", "100");
}

void ExperimentPieces::set_flags(PieceMaker& maker, PieceKind kind, const std::string& row,
                                 const std::string& language) {
  auto flags = config_.flags_of(kind, row, language);
  set_row_flags(flags, kind, row);
  maker.set(flags);
}

std::string ExperimentPieces::no_language_adapter(const std::string& row,
                                                  const std::string& language) const {
  return "no text of " + language + ", and no ready adapter" +
         (config_.language_adapters.count(language) > 0 ? " of the kind that " + row + " has" : "");
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

void ExperimentPieces::check_companions(const FlagValues& flags) const {
  static const std::vector<std::pair<std::string, std::string>> kNeeds = {
      {"--init-weight", "--init-adapter"},
      {"--stay-near-adapter", "--stay-near"},
      {"--stay-near-layers", "--stay-near"}};
  for (const auto& [flag, needed] : kNeeds)
    if (flags.count(flag) > 0 && flags.count(needed) == 0)
      input_error(config_.path, ": ", flag, ": expected ", needed,
                  " beside it among the flags of language_adapter; give one, or leave it out");
}

bool ExperimentPieces::read_source_adapter(PieceMaker& maker, FlagValues& flags,
                                           const std::string& row, const std::string& language,
                                           const std::string& source) {
  // Flags that say nothing without the flag of an adapter before them.
  static const std::map<std::string, std::vector<std::string>> kBeside = {
      {"--init-adapter", {"--init-weight"}},
      {"--stay-near-adapter", {"--stay-near", "--stay-near-layers"}}};
  std::vector<std::string> dropped;
  for (auto flag = flags.begin(); flag != flags.end();) {
    if (!flag->second.of_source) {
      ++flag;
      continue;
    }
    if (language != source) {
      const auto adapter = language_adapter(row, source, source);
      if (!adapter) return false;
      read(maker, flag->first, *adapter);
    } else {
      const auto& beside = kBeside.at(flag->first);
      dropped.insert(dropped.end(), beside.begin(), beside.end());
    }
    flag = flags.erase(flag);
  }
  for (const auto& flag : dropped) flags.erase(flag);
  return true;
}

std::optional<PieceOrigin> ExperimentPieces::language_adapter(const std::string& row,
                                                              const std::string& language,
                                                              const std::string& source) {
  const auto of = adapter_row(config_, row);
  const bool has_text = config_.text.count(language) > 0;
  if (const auto ready = config_.language_adapters.find(language);
      ready != config_.language_adapters.end() &&
      (of == "madx" || (!has_text && ready_adapter_serves(of, ready->second)))) {
    return PieceOrigin{ready->second, std::nullopt, ""};
  }
  if (!has_text) return std::nullopt;
  PieceMaker maker({PieceKind::kLanguageAdapter, "train_lang_adapter", "", "", language},
                   identified_);
  maker.read("--encoder", config_.encoder);
  read_text(maker, language);
  read_head(maker, PieceKind::kLanguageAdapter, of, language);
  maker.set("--name", language);
  if (config_.curve > 0) maker.set("--snapshot-every", std::to_string(config_.curve));
  auto flags = config_.flags_of(PieceKind::kLanguageAdapter, of, language);
  set_row_flags(flags, PieceKind::kLanguageAdapter, of);
  check_companions(flags);
  if (!read_source_adapter(maker, flags, of, language, source)) return std::nullopt;
  maker.set(flags);
  return PieceOrigin{"", add(maker, language), ""};
}

std::optional<PieceOrigin> ExperimentPieces::adapted_encoder(const std::string& language) {
  if (config_.text.count(language) == 0) return std::nullopt;
  PieceMaker maker({PieceKind::kAdaptedEncoder, "adapt_encoder", "", "", language}, identified_);
  maker.read("--encoder", config_.encoder);
  read_text(maker, language);
  read_head(maker, PieceKind::kAdaptedEncoder, "", language);
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
      reason = no_language_adapter(row, language);
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
  if (row == "madx-2.0" && !adapter.piece) maker.set("--leave-out-loaded", last_layer());
}

}  // namespace madx::apps
