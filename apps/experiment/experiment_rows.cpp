#include "apps/experiment/experiment_rows.h"

#include "madx/io/adapter_config.h"

namespace madx::apps {

std::string setup_of(const std::string& row) {
  if (row == "madx-lad-inv") return "no-lang";
  return row == "madx-inv" ? "no-inv" : "madx";
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

bool ready_adapter_serves(const std::string& row, const std::string& adapter) {
  if (row == "madx-2.0") return true;
  return row == "houlsby" &&
         io::read_adapter_config(adapter + "/adapter_config.json").config.mh_adapter;
}

}  // namespace madx::apps
