#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apps/experiment/experiment_plan.h"
#include "io/test_files.h"
#include "madx/io/adapter_config.h"

namespace madx::apps {

/// An experiment of source en and targets sw and rw, whose files are there but never read.
class ExperimentPlanTest : public testing::Test {
 protected:
  ExperimentPlanTest() {
    std::filesystem::create_directory(folder_ / "encoder");
    io::write_bytes(folder_ / "encoder/config.json", R"({"model_type": "xlm-roberta"})");
    for (const char* name : {"en.txt", "sw.txt", "rw.txt", "en.conll", "sw.conll", "rw.conll"})
      io::write_bytes(folder_ / name, name);
    config_.path = folder_ / "experiment.json";
    config_.output = folder_ / "out";
    config_.encoder = folder_ / "encoder";
    config_.sources = {"en"};
    config_.languages = {"en", "sw", "rw"};
    config_.seeds = {1};
    for (const std::string language : {"en", "sw", "rw"}) {
      config_.text[language] = {folder_ / (language + ".txt")};
      config_.ner[language] = {"", "", folder_ / (language + ".conll")};
    }
    config_.ner["en"].train = folder_ / "en.conll";
  }

  ExperimentPlan plan(const std::vector<std::string>& rows) {
    config_.rows = rows;
    return plan_experiment(config_);
  }
  static int64_t count(const ExperimentPlan& plan, PieceKind kind) {
    return std::count_if(plan.pieces.begin(), plan.pieces.end(),
                         [&](const Piece& piece) { return piece.kind == kind; });
  }
  static std::vector<std::string> names(const ExperimentPlan& plan) {
    std::vector<std::string> names;
    for (const auto& piece : plan.pieces) names.push_back(piece.name);
    return names;
  }
  static std::string text(const Piece& piece) {
    std::string text;
    for (const auto& word : piece.arguments) text += word + " ";
    return text;
  }

  std::string ready_adapter(const std::string& language, bool houlsby) {
    const auto folder = folder_ / ("ready/" + language);
    std::filesystem::create_directories(folder);
    io::AdapterConfigFile file;
    file.config.mh_adapter = houlsby;
    file.model.hidden_size = 384;
    io::write_adapter_config(folder + "/adapter_config.json", file);
    return folder;
  }

  io::TemporaryFolder folder_;
  ExperimentConfig config_;
};

}  // namespace madx::apps
