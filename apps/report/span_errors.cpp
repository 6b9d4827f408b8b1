#include "apps/report/span_errors.h"

#include <algorithm>

namespace madx::apps::detail {
namespace {

// `alone` is what a span is called that shares no token with the other side.
SpanError judge(const Span& span, const std::vector<Span>& others, SpanError alone) {
  for (const Span& other : others) {
    if (other == span) return SpanError::kNone;
    if (other.begin == span.begin && other.end == span.end) return SpanError::kWrongType;
    if (other.begin < span.end && span.begin < other.end) return SpanError::kWrongBoundary;
  }
  return alone;
}

std::vector<JudgedSpan> judge_all(const std::vector<Span>& spans, const std::vector<Span>& others,
                                  SpanError alone) {
  std::vector<JudgedSpan> judged;
  for (const Span& span : spans) judged.push_back({span, judge(span, others, alone)});
  return judged;
}

}  // namespace

std::vector<JudgedSpan> judge_gold(const std::vector<Span>& gold,
                                   const std::vector<Span>& predicted) {
  return judge_all(gold, predicted, SpanError::kMissed);
}

std::vector<JudgedSpan> judge_predicted(const std::vector<Span>& gold,
                                        const std::vector<Span>& predicted) {
  return judge_all(predicted, gold, SpanError::kSpurious);
}

const char* error_name(SpanError error) {
  switch (error) {
    case SpanError::kNone:
      return "correct";
    case SpanError::kWrongType:
      return "wrong type";
    case SpanError::kWrongBoundary:
      return "wrong boundary";
    case SpanError::kMissed:
      return "missed";
    case SpanError::kSpurious:
      return "spurious";
  }
  return "";
}

}  // namespace madx::apps::detail
