#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "apps/report/span_errors.h"

namespace madx::apps::detail {

// A sentence with its gold and predicted entities, each judged by the other side. The tokens are
// someone else's.
struct JudgedSentence {
  const std::vector<std::string>* tokens;
  std::vector<JudgedSpan> gold;
  std::vector<JudgedSpan> predicted;

  // Each error once: a wrong type or boundary is seen from both sides.
  std::map<SpanError, int64_t> errors() const;
};

JudgedSentence judge_sentence(const std::vector<std::string>& tokens,
                              const std::vector<std::string>& gold,
                              const std::vector<std::string>& predicted);

// The sentence with its entities on their types' colours, wrong ones underlined. Text directions
// follow the sentence (dir="auto"); labels are kept out of that.
std::string marked_text(const std::vector<std::string>& tokens,
                        const std::vector<JudgedSpan>& spans);

// A chip for each kind of error.
std::string error_chips(const std::map<SpanError, int64_t>& errors);

// A card: chips above, then lines of a label and what `marked_text` made.
std::string example_card(const std::string& chips,
                         const std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace madx::apps::detail
