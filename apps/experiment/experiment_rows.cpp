#include "apps/experiment/experiment_rows.h"

#include "madx/io/adapter_config.h"

namespace madx::apps {

std::string setup_of(const std::string& row) {
  if (row == "madx-lad-inv") return "no-lang";
  return row == "madx-inv" ? "no-inv" : "madx";
}

std::vector<std::string> kinds_of_row(const std::string& row) {
  if (row == "keep-source" || row == "drop-la") return {"scoring"};
  if (row == "madx-lad-inv") return {"task_adapter", "scoring"};
  for (const char* tuned : {"xlm-r", "mbert", "mlm-src", "mlm-trg"})
    if (row == tuned) return {"fine_tuning", "scoring"};
  return {"language_adapter", "task_adapter", "scoring"};
}

std::string task_row(const std::string& row) {
  return row == "keep-source" || row == "drop-la" ? "madx" : row;
}

std::string adapter_row(const ExperimentConfig& config, const std::string& row) {
  const auto own = config.row_flags.find(row);
  const bool differs =
      row == "madx-2.0" || row == "houlsby" ||
      (own != config.row_flags.end() && own->second.count(PieceKind::kLanguageAdapter) > 0);
  return differs ? row : "madx";
}

std::optional<std::string> ready_adapter(const ExperimentConfig& config, const std::string& row,
                                         const std::string& language) {
  const auto found = config.language_adapters.find(language);
  if (found == config.language_adapters.end()) return std::nullopt;
  const auto& path = found->second;
  if (row == "madx") return path;
  if (config.text.count(language) > 0) return std::nullopt;
  if (row == "madx-2.0") return path;
  if (row == "houlsby" && io::read_adapter_config(path + "/adapter_config.json").config.mh_adapter)
    return path;
  return std::nullopt;
}

bool row_has_flag(const ExperimentConfig& config, PieceKind kind, const std::string& row,
                  const std::string& flag) {
  const auto own = config.row_flags.find(row);
  return own != config.row_flags.end() && own->second.count(kind) > 0 &&
         own->second.at(kind).count(flag) > 0;
}

void add_row_flags(const ExperimentConfig& config, PieceKind kind, const std::string& row,
                   const std::string& last_layer, FlagValues& flags) {
  const auto set = [&](const std::string& flag, const std::string& value) {
    if (!row_has_flag(config, kind, row, flag)) flags[flag] = {true, {value}};
  };
  const bool adapter = kind == PieceKind::kLanguageAdapter || kind == PieceKind::kTaskAdapter;
  if (adapter && row == "madx-2.0") set("--leave-out", last_layer);
  if (adapter && row == "houlsby") set("--config", "houlsby");
  if (kind == PieceKind::kTaskAdapter && row == "fun") set("--unfreeze-every", "50");
  if (kind == PieceKind::kTaskAdapter && row == "averaged") set("--average-every", "100");
}

}  // namespace madx::apps
