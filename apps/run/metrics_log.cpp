#include "apps/run/metrics_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "madx/core/error.h"
#include "madx/core/system_failure.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kFieldNames = {"step",      "loss",      "lr", "tokens_per_second",
                                    "eval_loss", "perplexity"};

bool is_field(const std::string& key) {
  return std::find(kFieldNames.begin(), kFieldNames.end(), key) != kFieldNames.end();
}

double to_number(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

void for_each_row(const std::string& path,
                  const std::function<void(const std::string& line, MetricsRow row)>& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file && is_machine_failure(errno))
    machine_error(path, ": expected to read the metrics, but found: ", std::strerror(errno),
                  "; check the disk, and run the command again");
  if (!file) {
    input_error(path, ": expected a metrics file, but found: ", std::strerror(errno),
                "; check the path");
  }
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    if (file.eof()) break;  // no newline: the row was being written when the run ended
    MetricsRow row;
    try {
      row = parse_metrics_line(line);
    } catch (const nlohmann::json::exception& error) {
      input_error(path, ":", number,
                  ": expected a JSON object with step, loss, lr and tokens_per_second, but found: ",
                  error.what(), "; remove the line or begin a new file");
    }
    visit(line, std::move(row));
  }
  if (file.bad()) machine_error(path, ": reading failed: ", std::strerror(errno));
}

}  // namespace

// The library writes NaN and infinities as null.
std::string metrics_line(const MetricsRow& row) {
  Json json = {{"step", row.step},
               {"loss", row.loss},
               {"lr", row.lr},
               {"tokens_per_second", row.tokens_per_second}};
  if (row.eval_loss) json["eval_loss"] = *row.eval_loss;
  if (row.perplexity) json["perplexity"] = *row.perplexity;
  const auto add = [&](const std::string& key, const auto& value) {
    if (is_field(key)) {
      throw std::invalid_argument(
          "MetricsLog: expected an extra key of its own, but found the field \"" + key + "\"");
    }
    json[key] = value;
  };
  for (const auto& [key, value] : row.extra) add(key, value);
  for (const auto& [key, value] : row.labels) add(key, value);
  return json.dump();
}

MetricsRow parse_metrics_line(const std::string& line) {
  const Json json = Json::parse(line);
  MetricsRow row;
  row.step = json.at("step").get<int64_t>();
  row.loss = to_number(json.at("loss"));
  row.lr = to_number(json.at("lr"));
  row.tokens_per_second = to_number(json.at("tokens_per_second"));
  if (json.contains("eval_loss")) row.eval_loss = to_number(json["eval_loss"]);
  if (json.contains("perplexity")) row.perplexity = to_number(json["perplexity"]);
  for (const auto& [key, value] : json.items()) {
    if (is_field(key)) continue;
    if (value.is_string()) {
      row.labels[key] = value.get<std::string>();
    } else {
      row.extra[key] = to_number(value);
    }
  }
  return row;
}

MetricsLog::MetricsLog(std::string path, Mode mode) : path_(std::move(path)) {
  if (mode == Mode::kAppend && std::filesystem::exists(path_)) {
    truncate_after(std::numeric_limits<int64_t>::max());
  } else {
    open(std::ios::trunc);
  }
}

void MetricsLog::open(std::ios::openmode mode) {
  file_.open(path_, std::ios::binary | std::ios::out | mode);
  if (!file_) {
    input_error(path_, ": expected a path that can be written, but found: ", std::strerror(errno),
                "; create its folder or choose another one");
  }
}

void MetricsLog::write(const MetricsRow& row) {
  file_ << metrics_line(row) << '\n' << std::flush;
  if (!file_)
    machine_error(path_, ": writing failed: ", std::strerror(errno), "; free some disk space");
}

void MetricsLog::truncate_after(int64_t step) {
  std::string kept;  // lines as they stand, so that no figure changes by being read and written
  for_each_row(path_, [&](const std::string& line, const MetricsRow& row) {
    if (row.step <= step) kept += line + "\n";
  });
  if (file_.is_open()) file_.close();
  io::write_file(path_, kept);
  open(std::ios::app);
}

std::vector<MetricsRow> read_metrics(const std::string& path) {
  std::vector<MetricsRow> rows;
  for_each_row(path, [&](const std::string&, MetricsRow row) { rows.push_back(std::move(row)); });
  return rows;
}

}  // namespace madx::apps
