#include "apps/experiment/report/limits.h"

#include <algorithm>
#include <map>

#include "apps/experiment/report/rows.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/html_table.h"
#include "madx/core/plain_text.h"

namespace madx::apps::detail {
namespace {

constexpr int64_t kFewEntities = 500;

std::string item(const std::string& text) { return "<li>" + escape_html(text) + "</li>\n"; }

std::string about_seeds(const ExperimentResults& results) {
  if (results.seeds.size() < 2) {
    return "One seed: nothing here says how much a score changes from one training to the next. "
           "Differences of a few points may turn round under another seed, marked or not.";
  }
  double largest = 0;
  std::string where;
  for (const std::string& source : results.sources) {
    const ScoreTable table = score_table(results, source);
    for (const ScoreTableLine& line : table.lines) {
      for (size_t i = 0; i < line.cells.size(); ++i) {
        const auto& score = line.cells[i].score;
        if (!score || !score->deviation || *score->deviation < largest) continue;
        largest = *score->deviation;
        where = line.name + " on " + table.languages[i];
      }
    }
  }
  std::string text = std::to_string(results.seeds.size()) + " seeds";
  if (where.empty()) return text + ", but no score has two of them: no spread is known.";
  text += "; the widest spread between them is ± " + score_text(largest) + " (" + where +
          "). A difference that is smaller than both spreads says nothing about another training.";
  if (results.seeds.size() < 5) text += " So few seeds give the spread itself only roughly.";
  return text;
}

std::map<std::string, int64_t> entities_by_language(const ExperimentResults& results) {
  std::map<std::string, int64_t> entities;
  for (const ExperimentScore& score : results.scores)
    entities[score.language] = std::max(entities[score.language], score.entities);
  return entities;
}

std::string about_test_sets(const ExperimentResults& results) {
  std::vector<std::string> few;
  for (const auto& [language, entities] : entities_by_language(results)) {
    if (entities < kFewEntities) few.push_back(language + " (" + exact_text(entities) + ")");
  }
  if (few.empty()) return "";
  return "Test sets of fewer than " + std::to_string(kFewEntities) +
         " entities: " + list_text(few) +
         ". One entity in a hundred is a point of F1 there; read their "
         "differences by the intervals below.";
}

std::string about_unseen(const ExperimentResults& results) {
  std::vector<std::string> unseen;
  for (const std::string& language : results.languages) {
    if (is_unseen(results, language)) unseen.push_back(language);
  }
  if (unseen.empty()) {
    return "The configuration names no language as unseen by the encoder: nothing here is about "
           "languages that it does not know.";
  }
  std::string text = "Unseen by the encoder, as the configuration says: " + list_text(unseen) +
                     "; this was not checked.";
  if (unseen.size() == 1) text += " One language does not stand for all unseen ones.";
  return text;
}

std::string about_marks(const MarkCounts& marks) {
  if (marks.tested == 0) return "";
  return std::to_string(marks.marked) + " of " + std::to_string(marks.tested) +
         " tested differences are marked; where none were real, about " +
         fixed_text(0.05 * static_cast<double>(marks.tested), 0) +
         " would be. A mark says that other sentences of the same kind would show the same sign, "
         "for these trained models; it says nothing about other seeds, texts or domains.";
}

std::string about_gaps(const ExperimentResults& results) {
  size_t cells = 0, absent = 0;
  for (const std::string& source : results.sources) {
    for (const ScoreTableLine& line : score_table(results, source).lines) {
      for (const ScoreCell& cell : line.cells) {
        ++cells;
        absent += cell.score ? 0 : 1;
      }
    }
  }
  if (absent == 0) return "";
  return std::to_string(absent) + " of " + std::to_string(cells) +
         " cells have no score; a row that lacks a target has no mean and cannot be best in it.";
}

std::string test_sets_table(const ExperimentResults& results, RowComparison& comparison) {
  const std::string baseline = baseline_of(results);
  HtmlTable table{"Test sets, and 95 % intervals of F1 of " + std::string(kMainRow) +
                      " less that of " + (baseline.empty() ? "a baseline" : baseline) +
                      ", from the drawing of sentences alone",
                  {"language", "sentences", "entities", "difference", "interval", "p"},
                  {}};
  const auto entities = entities_by_language(results);
  for (const std::string& language : results.languages) {
    if (entities.count(language) == 0) continue;
    std::vector<Pair> pairs;
    for (const Pair& pair : target_pairs(results, false)) {
      if (pair.second == language) pairs.push_back(pair);
    }
    if (pairs.empty()) pairs = {{language, language}};
    const auto tested = comparison.compare(kMainRow, baseline, pairs);
    const int64_t sentences = comparison.sentences(language);
    HtmlRow row;
    for (const std::string& text :
         {language, sentences == 0 ? std::string("–") : exact_text(sentences),
          exact_text(entities.at(language)),
          tested ? difference_text(tested->difference) : std::string("–"),
          tested ? difference_text(tested->low) + " to " + difference_text(tested->high)
                 : std::string("–"),
          tested ? p_text(tested->p) : std::string("–")})
      row.cells.push_back(text_cell(text));
    table.rows.push_back(std::move(row));
  }
  return html_table(table);
}

}  // namespace

std::string limits_section(const ExperimentResults& results, RowComparison& comparison,
                           const MarkCounts& marks) {
  std::string html = "<section id=\"limits\">\n<h2>What may be concluded</h2>\n<ul>\n";
  for (const std::string& text : {about_seeds(results), about_test_sets(results),
                                  about_unseen(results), about_marks(marks), about_gaps(results)}) {
    if (!text.empty()) html += item(text);
  }
  html += "<li>Encoder: " + html_code(results.encoder) +
          ". How the rows order on another one is not known from this; they share its "
          "vocabulary and what it was pretrained on.</li>\n";
  html += item("Labels in " + list_text(results.sources) +
               ": other sources and other annotation guidelines may give another picture.");
  html += "</ul>\n";
  if (!results.scores.empty()) html += test_sets_table(results, comparison);
  return html + "</section>\n";
}

}  // namespace madx::apps::detail
