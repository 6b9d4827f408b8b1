#include "apps/report/ner_examples.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "apps/report/html.h"
#include "apps/report/html_page.h"
#include "apps/report/marked_text.h"
#include "apps/report/svg.h"

namespace madx::apps::detail {
namespace {

constexpr size_t kExamples = 40;

void check(const NerPredictions& predictions) {
  bool fits = predictions.gold.size() == predictions.predicted.size();
  for (size_t i = 0; fits && i < predictions.gold.size(); ++i) {
    const TaggedSentence& sentence = predictions.gold[i];
    fits = sentence.tags.size() == sentence.tokens.size() &&
           predictions.predicted[i].size() == sentence.tokens.size();
  }
  if (!fits) {
    throw std::invalid_argument(
        "NerReport: expected a gold and a predicted tag for each token of language \"" +
        predictions.language + "\"");
  }
}

std::vector<JudgedSentence> judge(const NerPredictions& predictions) {
  std::vector<JudgedSentence> sentences;
  for (size_t i = 0; i < predictions.gold.size(); ++i) {
    const TaggedSentence& gold = predictions.gold[i];
    sentences.push_back(judge_sentence(gold.tokens, gold.tags, predictions.predicted[i]));
  }
  return sentences;
}

std::string summary(const std::vector<JudgedSentence>& sentences) {
  int64_t entities = 0;
  std::map<SpanError, int64_t> counts;
  for (const JudgedSentence& sentence : sentences) {
    for (const auto& [error, count] : sentence.errors()) counts[error] += count;
    for (const JudgedSpan& judged : sentence.gold) {
      ++entities;
      if (judged.error == SpanError::kNone) ++counts[SpanError::kNone];
    }
  }
  std::string html = "<p>" + std::to_string(entities) + " entities: ";
  for (const SpanError error : {SpanError::kNone, SpanError::kMissed, SpanError::kWrongType,
                                SpanError::kWrongBoundary, SpanError::kSpurious}) {
    const int64_t count = counts[error];
    const char* kind = count == 0 ? "dim" : error == SpanError::kNone ? "right" : "wrong";
    html += html_chip(kind, std::to_string(count) + " " + error_name(error)) + " ";
  }
  return html + "</p>\n";
}

std::string type_of(const std::string& tag) {
  const size_t hyphen = tag.find('-');
  return hyphen == std::string::npos ? "O" : tag.substr(hyphen + 1);
}

std::string confusion_matrix(const NerPredictions& predictions) {
  std::set<std::string> found;
  std::map<std::pair<std::string, std::string>, int64_t> counts;  // (gold, predicted)
  std::map<std::string, int64_t> gold_counts;
  for (size_t i = 0; i < predictions.gold.size(); ++i) {
    for (size_t j = 0; j < predictions.predicted[i].size(); ++j) {
      const std::string gold = type_of(predictions.gold[i].tags[j]);
      const std::string predicted = type_of(predictions.predicted[i][j]);
      found.insert({gold, predicted});
      ++counts[{gold, predicted}];
      ++gold_counts[gold];
    }
  }
  found.erase("O");
  std::vector<std::string> types(found.begin(), found.end());
  types.push_back("O");

  std::string html =
      "<p class=\"dim\">Tokens by gold type (rows) and predicted type (columns); the stronger the "
      "colour, the larger the share of the row.</p>\n<div class=\"wide\"><table "
      "class=\"matrix\">\n<tr><th></th>";
  for (const std::string& predicted : types) html += "<th>" + escape_html(predicted) + "</th>";
  html += "</tr>\n";
  for (const std::string& gold : types) {
    html += "<tr><th>" + escape_html(gold) + "</th>";
    for (const std::string& predicted : types) {
      const int64_t count = counts[{gold, predicted}];
      const double share =
          count == 0 ? 0 : static_cast<double>(count) / static_cast<double>(gold_counts[gold]);
      const char* colour = gold == predicted ? "46,160,67," : "218,54,51,";
      html += std::string("<td style=\"background:rgba(") + colour + number(0.6 * share, 2) +
              ")\">" + std::to_string(count) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string example(const JudgedSentence& sentence) {
  const auto errors = sentence.errors();
  const std::string gold = marked_text(*sentence.tokens, sentence.gold);
  if (errors.empty()) return example_card(html_chip("right", "correct"), {{"both", gold}});
  return example_card(
      error_chips(errors),
      {{"gold", gold}, {"predicted", marked_text(*sentence.tokens, sentence.predicted)}});
}

// Wrong ones first, then right ones with entities, then those where there was nothing to find; each
// in the file's order.
int rank(const JudgedSentence& sentence) {
  if (!sentence.errors().empty()) return 0;
  return sentence.gold.empty() ? 2 : 1;
}

std::string examples(std::vector<JudgedSentence> sentences) {
  const size_t all = sentences.size();
  const auto wrong =
      std::count_if(sentences.begin(), sentences.end(),
                    [](const JudgedSentence& sentence) { return rank(sentence) == 0; });
  std::stable_sort(
      sentences.begin(), sentences.end(),
      [](const JudgedSentence& a, const JudgedSentence& b) { return rank(a) < rank(b); });
  sentences.resize(std::min(all, kExamples));

  std::string html = "<p>Errors in " + std::to_string(wrong) + " of " + std::to_string(all) +
                     " sentences. " + std::to_string(sentences.size()) +
                     " examples, those with errors first; errors are underlined in red.</p>\n";
  for (const JudgedSentence& sentence : sentences) html += example(sentence);
  return html;
}

}  // namespace

std::string language_section(const NerPredictions& predictions) {
  check(predictions);
  const std::vector<JudgedSentence> sentences = judge(predictions);
  const std::string language = escape_html(predictions.language);
  return "<section id=\"language-" + language + "\">\n<h2>Language: " + language + "</h2>\n" +
         summary(sentences) + confusion_matrix(predictions) + "<h3>Examples</h3>\n" +
         examples(sentences) + "</section>\n";
}

}  // namespace madx::apps::detail
