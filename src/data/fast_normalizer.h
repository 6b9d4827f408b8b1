#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "normalisation_table.h"

namespace madx {

/// What tokenizer.json has done to a text before its vocabulary is looked up: steps, in order.
class FastNormalizer {
 public:
  using Step = std::function<std::string(std::string_view)>;

  void add(Step step) { steps_.push_back(std::move(step)); }
  std::string operator()(std::string_view text) const;

 private:
  std::vector<Step> steps_;
};

/// Precompiled: the table's keys replaced as the tokenizers library does it, character by character
/// as a reader sees them. One of up to 5 bytes is replaced whole by what stands for the shortest
/// key that begins it (so that a letter with two marks may lose one), of a longer one each code
/// point by itself.
FastNormalizer::Step replace_by_table(NormalisationTable table);

/// Strip: white space at the ends taken away.
FastNormalizer::Step strip(bool left, bool right);

/// Replace: `by` for each `pattern`, which is not empty.
FastNormalizer::Step replace(std::string pattern, std::string by);

/// Replace of the pattern " {2,}": `by` for two spaces or more.
FastNormalizer::Step replace_runs_of_spaces(std::string by);

/// Unicode's form "NFC", "NFD", "NFKC" or "NFKD"; an empty function for another name.
FastNormalizer::Step normal_form(const std::string& name);

}  // namespace madx
