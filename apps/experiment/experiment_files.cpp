#include "apps/experiment/experiment_files.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/experiment/score_table.h"
#include "madx/core/plain_text.h"
#include "madx/io/write_file.h"

namespace madx::apps {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

/// How a kind of table is written.
struct Style {
  std::string (*bold)(const std::string&);
  std::string plus_minus;
};

/// Reasons, numbered as they come.
class Footnotes {
 public:
  std::string mark(const std::string& reason) {
    const auto [place, fresh] = numbers_.emplace(reason, numbers_.size() + 1);
    if (fresh) reasons_.push_back(reason);
    return std::to_string(place->second);
  }
  const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> reasons_;
};

std::string score_text(const ScoreCell& cell, const Style& style) {
  auto text = fixed_text(cell.score->mean, /*decimals=*/1);
  if (cell.score->deviation)
    text += " " + style.plus_minus + " " + fixed_text(*cell.score->deviation, /*decimals=*/1);
  return cell.best ? style.bold(text) : text;
}

std::vector<const ScoreCell*> all_cells(const ScoreTable& table, const ScoreTableLine& line) {
  std::vector<const ScoreCell*> cells;
  for (const auto& cell : line.cells) cells.push_back(&cell);
  cells.push_back(&line.targets);
  if (table.has_unseen) cells.push_back(&line.unseen);
  return cells;
}

std::vector<std::string> all_heads(const ScoreTable& table) {
  auto heads = table.languages;
  heads.emplace_back("targets");
  if (table.has_unseen) heads.emplace_back("unseen");
  return heads;
}

// ---- Markdown ----

std::string bold_markdown(const std::string& text) { return "**" + text + "**"; }

void write_markdown(std::ostream& out, const ScoreTable& table, const std::string& first) {
  out << "| " << first << " |";
  for (const auto& head : all_heads(table)) out << " " << head << " |";
  out << "\n|---|";
  for (size_t i = 0; i < all_heads(table).size(); ++i) out << "---|";
  out << "\n";
  Footnotes notes;
  for (const auto& line : table.lines) {
    out << "| " << line.name << " |";
    for (const auto* cell : all_cells(table, line)) {
      out << " ";
      if (cell->score) {
        out << score_text(*cell, {bold_markdown, "±"});
      } else {
        out << "–";
        if (!cell->reason.empty()) out << " (" << notes.mark(cell->reason) << ")";
      }
      out << " |";
    }
    out << "\n";
  }
  if (!notes.reasons().empty()) out << "\n";
  for (const auto& reason : notes.reasons())
    out << "(" << notes.mark(reason) << ") " << reason << "  \n";
}

// ---- LaTeX ----

std::string bold_latex(const std::string& text) { return "\\textbf{" + text + "}"; }

std::string latex(const std::string& text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\\') {
      escaped += "\\textbackslash{}";
    } else if (letter == '~' || letter == '^') {
      escaped += std::string("\\") + letter + "{}";
    } else {
      if (std::string("&%$#_{}").find(letter) != std::string::npos) escaped += '\\';
      escaped += letter;
    }
  }
  return escaped;
}

void write_latex(std::ostream& out, const ScoreTable& table, const std::string& first,
                 const std::string& caption) {
  const auto heads = all_heads(table);
  out << "\\begin{table}\n\\centering\n\\caption{" << latex(caption) << "}\n\\begin{tabular}{l"
      << std::string(heads.size(), 'c') << "}\n\\hline\n"
      << latex(first);
  for (const auto& head : heads) out << " & " << latex(head);
  out << " \\\\\n\\hline\n";
  Footnotes notes;
  for (const auto& line : table.lines) {
    out << latex(line.name);
    for (const auto* cell : all_cells(table, line)) {
      out << " & ";
      if (cell->score) {
        out << score_text(*cell, {bold_latex, "$\\pm$"});
      } else {
        out << "--";
        if (!cell->reason.empty()) out << "$^{" << notes.mark(cell->reason) << "}$";
      }
    }
    out << " \\\\\n";
  }
  out << "\\hline\n\\end{tabular}\n";
  for (const auto& reason : notes.reasons())
    out << "\n\\footnotesize $^{" << notes.mark(reason) << "}$ " << latex(reason) << "\n";
  out << "\\end{table}\n";
}

// ---- CSV ----

std::string csv_text(const ExperimentResults& results) {
  auto out = plain_stream();
  out << "row,source,language,seed,f1,precision,recall,entities\n";
  for (const auto& score : results.scores) {
    out << score.row << "," << score.source << "," << score.language << "," << score.seed << ","
        << fixed_text(score.f1, 4) << "," << fixed_text(score.precision, 4) << ","
        << fixed_text(score.recall, 4) << "," << score.entities << "\n";
  }
  return out.str();
}

std::string title(const ExperimentResults& results, const std::string& source) {
  return "F1 in percent, labels in " + source + ", " + std::to_string(results.seeds.size()) +
         (results.seeds.size() == 1 ? " seed" : " seeds");
}

}  // namespace

void write_experiment_json(const ExperimentResults& results, const std::string& directory) {
  Json json = {{"rows", Json::array()},
               {"curve", Json::array()},
               {"trainings", Json::array()},
               {"gaps", Json::array()}};
  for (const auto& score : results.scores) {
    json["rows"].push_back({{"row", score.row},
                            {"source", score.source},
                            {"language", score.language},
                            {"seed", score.seed},
                            {"f1", rounded(score.f1)},
                            {"precision", rounded(score.precision)},
                            {"recall", rounded(score.recall)},
                            {"entities", score.entities}});
  }
  for (const auto& point : results.curve) {
    json["curve"].push_back({{"source", point.source},
                             {"language", point.language},
                             {"seed", point.seed},
                             {"tokens", point.tokens},
                             {"f1", rounded(point.f1)}});
  }
  for (const auto& training : results.trainings) {
    json["trainings"].push_back(
        {{"kind", training.kind},
         {"row", training.row},
         {"language", training.language},
         {"seed", training.row.empty() ? Json(nullptr) : Json(training.seed)},
         {"steps", training.steps},
         {"tokens", training.tokens},
         {"seconds", training.seconds},
         {"peak_memory", training.peak_memory},
         {"size", training.size},
         {"held_out_loss",
          training.held_out_loss ? Json(rounded(*training.held_out_loss)) : Json(nullptr)}});
  }
  for (const auto& gap : results.gaps) {
    json["gaps"].push_back({{"row", gap.row},
                            {"source", gap.source},
                            {"language", gap.language},
                            {"reason", gap.reason}});
  }
  io::write_file(directory + "/results.json",
                 json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string experiment_markdown(const ExperimentResults& results) {
  auto out = plain_stream();
  for (const auto& source : results.sources) {
    out << "### " << title(results, source) << "\n\n";
    write_markdown(out, score_table(results, source), "row");
    out << "\n";
  }
  if (results.sources.size() < 2) return out.str();
  for (const auto& row : results.rows) {
    out << "### " << row << ": every source to every target\n\n";
    write_markdown(out, transfer_table(results, row), "source");
    out << "\n";
  }
  return out.str();
}

void write_experiment_tables(const ExperimentResults& results, const std::string& directory) {
  io::write_file(directory + "/table.md", experiment_markdown(results));
  io::write_file(directory + "/table.csv", csv_text(results));
  auto out = plain_stream();
  for (const auto& source : results.sources)
    write_latex(out, score_table(results, source), "row", title(results, source));
  if (results.sources.size() > 1) {
    for (const auto& row : results.rows)
      write_latex(out, transfer_table(results, row), "source",
                  row + ": every source to every target");
  }
  io::write_file(directory + "/table.tex", out.str());
}

}  // namespace madx::apps
