#include "apps/report/marked_text.h"

#include "apps/report/entity_colours.h"
#include "apps/report/html.h"
#include "apps/report/html_page.h"

namespace madx::apps::detail {

std::map<SpanError, int64_t> JudgedSentence::errors() const {
  std::map<SpanError, int64_t> counts;
  for (const JudgedSpan& judged : gold) ++counts[judged.error];
  for (const JudgedSpan& judged : predicted) {
    if (judged.error == SpanError::kSpurious) ++counts[judged.error];
  }
  counts.erase(SpanError::kNone);
  return counts;
}

JudgedSentence judge_sentence(const std::vector<std::string>& tokens,
                              const std::vector<std::string>& gold,
                              const std::vector<std::string>& predicted) {
  const std::vector<Span> gold_spans = spans_of(gold);
  const std::vector<Span> predicted_spans = spans_of(predicted);
  return {&tokens, judge_gold(gold_spans, predicted_spans),
          judge_predicted(gold_spans, predicted_spans)};
}

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

std::string error_chips(const std::map<SpanError, int64_t>& errors) {
  std::string html;
  for (const auto& [error, count] : errors) {
    html += html_chip(
        "wrong", count == 1 ? error_name(error) : std::to_string(count) + " " + error_name(error));
  }
  return html;
}

std::string example_card(const std::string& chips,
                         const std::vector<std::pair<std::string, std::string>>& lines) {
  std::string html = "<div class=\"example\"><div class=\"chips\">" + chips + "</div>";
  for (const auto& [label, text] : lines) html += "<span>" + escape_html(label) + "</span>" + text;
  return html + "</div>\n";
}

}  // namespace madx::apps::detail
