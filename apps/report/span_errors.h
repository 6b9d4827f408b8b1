#pragma once

#include <string>
#include <vector>

#include "madx/data/tags.h"

namespace madx::apps::detail {

enum class SpanError {
  kNone,           // the other side has the same tokens and the same type
  kWrongType,      // the same tokens, another type
  kWrongBoundary,  // some of the tokens in common
  kMissed,         // gold, and nothing predicted there
  kSpurious,       // predicted, and nothing in gold there
};

struct JudgedSpan {
  Span span;
  SpanError error;
};

std::vector<JudgedSpan> judge_gold(const std::vector<Span>& gold,
                                   const std::vector<Span>& predicted);
std::vector<JudgedSpan> judge_predicted(const std::vector<Span>& gold,
                                        const std::vector<Span>& predicted);

// "wrong type", for people; "correct" for kNone.
const char* error_name(SpanError error);

}  // namespace madx::apps::detail
