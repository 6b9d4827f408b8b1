#include "apps/report/ner_results.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "madx/core/error.h"
#include "madx/core/read_bytes.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

Json optional_number(const std::optional<double>& value) {
  return value ? Json(rounded(*value)) : Json(nullptr);
}

std::optional<double> to_optional(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

Json to_json(const SpanScores& scores) {
  return {{"precision", rounded(scores.precision)},
          {"recall", rounded(scores.recall)},
          {"f1", rounded(scores.f1)},
          {"entities", scores.entities}};
}

Json to_json(const NerScores& scores) {
  Json json = to_json(scores.micro);
  json["sentences"] = scores.sentences;
  json["per_type"] = Json::object();
  for (const auto& [type, of_type] : scores.per_type) json["per_type"][type] = to_json(of_type);
  return json;
}

SpanScores to_span_scores(const Json& json) {
  SpanScores scores;
  scores.precision = json.at("precision").get<double>();
  scores.recall = json.at("recall").get<double>();
  scores.f1 = json.at("f1").get<double>();
  scores.entities = json.at("entities").get<int64_t>();
  return scores;
}

NerResults to_results(const Json& json) {
  NerResults results;
  results.setup = json.at("setup").get<std::string>();
  results.source = json.at("source").get<std::string>();
  results.seed = json.at("seed").get<uint64_t>();
  results.train_seconds = to_optional(json.at("train").at("seconds"));
  results.best_dev_f1 = to_optional(json.at("train").at("best_dev_f1"));
  for (const auto& [language, of_language] : json.at("languages").items()) {
    NerScores scores;
    scores.micro = to_span_scores(of_language);
    scores.sentences = of_language.at("sentences").get<int64_t>();
    for (const auto& [type, of_type] : of_language.at("per_type").items()) {
      scores.per_type[type] = to_span_scores(of_type);
    }
    results.runs.push_back({results.setup, language, scores});
  }
  return results;
}

}  // namespace

bool is_source(const NerResults& results, const std::string& language) {
  std::istringstream sources(results.source);
  for (std::string source; std::getline(sources, source, '+');)
    if (source == language) return true;
  return language == results.source;
}

void write_results_json(const std::string& path, const NerResults& results) {
  Json languages = Json::object();
  for (const NerRun& run : results.runs) {
    if (run.setup == results.setup) languages[run.language] = to_json(run.scores);
  }
  const Json json = {{"setup", results.setup},
                     {"source", results.source},
                     {"seed", results.seed},
                     {"languages", std::move(languages)},
                     {"train",
                      {{"seconds", optional_number(results.train_seconds)},
                       {"best_dev_f1", optional_number(results.best_dev_f1)}}}};
  io::write_file(path, json.dump(2) + "\n");
}

NerResults read_results_json(const std::string& path) {
  const auto bytes = read_bytes(path, "a results.json");
  try {
    return to_results(Json::parse(bytes));
  } catch (const nlohmann::json::exception& error) {
    input_error(path, ": expected a results.json of zero_shot_ner, but found: ", error.what(),
                "; run it again");
  }
}

}  // namespace madx::apps
