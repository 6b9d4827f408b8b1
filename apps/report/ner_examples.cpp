#include "apps/report/ner_examples.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "apps/report/entity_colours.h"
#include "apps/report/html.h"
#include "apps/report/span_errors.h"
#include "apps/report/svg.h"

namespace madx::apps::detail {
namespace {

constexpr size_t kExamples = 40;

struct JudgedSentence {
  const std::vector<std::string>* tokens;
  std::vector<JudgedSpan> gold;
  std::vector<JudgedSpan> predicted;

  // Each error once: a wrong type or boundary is seen from both sides.
  std::map<SpanError, int64_t> errors() const {
    std::map<SpanError, int64_t> counts;
    for (const JudgedSpan& judged : gold) ++counts[judged.error];
    for (const JudgedSpan& judged : predicted) {
      if (judged.error == SpanError::kSpurious) ++counts[judged.error];
    }
    counts.erase(SpanError::kNone);
    return counts;
  }
};

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
    const std::vector<Span> gold = spans_of(predictions.gold[i].tags);
    const std::vector<Span> predicted = spans_of(predictions.predicted[i]);
    sentences.push_back({&predictions.gold[i].tokens, judge_gold(gold, predicted),
                         judge_predicted(gold, predicted)});
  }
  return sentences;
}

std::string chip(const std::string& kind, const std::string& text) {
  return "<span class=\"chip " + kind + "\">" + escape_html(text) + "</span>";
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
    html += chip(kind, std::to_string(count) + " " + error_name(error)) + " ";
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
      "<p class=\"dim\">Tokens by gold type (rows) and predicted type (columns); the stronger a "
      "colour, the larger the share of its row.</p>\n<div class=\"wide\"><table "
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

// Text directions follow the sentence (dir="auto"); labels are kept out of that.
std::string marked_text(const std::vector<std::string>& tokens,
                        const std::vector<JudgedSpan>& spans) {
  std::string html = "<p dir=\"auto\">";
  auto next = spans.begin();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) html += ' ';
    if (next != spans.end() && i == next->span.begin) {
      const bool wrong = next->error != SpanError::kNone;
      html += "<mark class=\"e" + std::to_string(entity_colour(next->span.type)) +
              (wrong ? " wrong" : "") + "\" title=\"" + error_name(next->error) + "\">";
    }
    html += escape_html(tokens[i]);
    if (next != spans.end() && i + 1 == next->span.end) {
      html += " <b dir=\"ltr\">" + escape_html(next->span.type) + "</b></mark>";
      ++next;
    }
  }
  return html + "</p>";
}

std::string example(const JudgedSentence& sentence) {
  const auto errors = sentence.errors();
  std::string html = "<div class=\"example\"><div class=\"chips\">";
  if (errors.empty()) html += chip("right", "correct");
  for (const auto& [error, count] : errors) {
    html += chip("wrong",
                 count == 1 ? error_name(error) : std::to_string(count) + " " + error_name(error));
  }
  html += "</div>";
  if (errors.empty()) {
    html += "<span>both</span>" + marked_text(*sentence.tokens, sentence.gold);
  } else {
    html += "<span>gold</span>" + marked_text(*sentence.tokens, sentence.gold) +
            "<span>predicted</span>" + marked_text(*sentence.tokens, sentence.predicted);
  }
  return html + "</div>\n";
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

  std::string html =
      "<p>" + std::to_string(wrong) + " of " + std::to_string(all) +
      " sentences are not entirely right. " + std::to_string(sentences.size()) +
      " examples, wrong ones first; what is underlined in red is not exactly right.</p>\n";
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
