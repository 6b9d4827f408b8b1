#include "madx/eval/span_f1.h"

#include <algorithm>

#include "madx/core/error.h"

namespace madx {
namespace {

double ratio(double numerator, double denominator) {
  return denominator == 0 ? 0 : numerator / denominator;
}

void set_percentages(SpanScores& scores) {
  const auto correct = static_cast<double>(scores.correct);
  const double precision = ratio(correct, static_cast<double>(scores.predicted));
  const double recall = ratio(correct, static_cast<double>(scores.entities));
  scores.precision = 100 * precision;
  scores.recall = 100 * recall;
  scores.f1 = 100 * ratio(2 * precision * recall, precision + recall);
}

/// `spans` are in order and do not overlap: the one that begins where `span` does is the only
/// candidate.
bool contains(const std::vector<Span>& spans, const Span& span) {
  const auto found =
      std::lower_bound(spans.begin(), spans.end(), span,
                       [](const Span& a, const Span& b) { return a.begin < b.begin; });
  return found != spans.end() && *found == span;
}

std::vector<Span> spans_of_sentence(const char* which, std::size_t sentence,
                                    const std::vector<std::string>& tags) {
  try {
    return spans_of(tags);
  } catch (const InputError& error) {
    input_error("sentence ", sentence + 1, ", ", which, ", ", error.what());
  }
}

}  // namespace

NerScores span_f1(const std::vector<std::vector<std::string>>& gold,
                  const std::vector<std::vector<std::string>>& predicted) {
  if (gold.size() != predicted.size()) {
    input_error("expected predicted tags for ", gold.size(), " sentences, but found ",
                predicted.size(), "; predict every sentence of the gold file");
  }

  NerScores scores;
  scores.sentences = static_cast<std::int64_t>(gold.size());
  for (std::size_t i = 0; i < gold.size(); ++i) {
    if (gold[i].size() != predicted[i].size()) {
      input_error("sentence ", i + 1, ": expected ", gold[i].size(), " predicted tags, but found ",
                  predicted[i].size(), "; predict every token of the sentence");
    }
    const auto gold_spans = spans_of_sentence("gold", i, gold[i]);
    for (const Span& span : gold_spans) ++scores.per_type[span.type].entities;
    for (const Span& span : spans_of_sentence("predicted", i, predicted[i])) {
      SpanScores& of_type = scores.per_type[span.type];
      ++of_type.predicted;
      if (contains(gold_spans, span)) ++of_type.correct;
    }
  }

  for (auto& [type, of_type] : scores.per_type) {
    scores.micro.entities += of_type.entities;
    scores.micro.predicted += of_type.predicted;
    scores.micro.correct += of_type.correct;
    set_percentages(of_type);
  }
  set_percentages(scores.micro);
  return scores;
}

}  // namespace madx
