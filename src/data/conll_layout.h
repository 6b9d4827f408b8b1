#pragma once

#include <string>
#include <vector>

#include "conll_lines.h"
#include "madx/data/conll.h"

namespace madx {

/// Where a CoNLL file has its tokens and tags.
struct ConllLayout {
  ConllColumns columns;
  bool has_index = false;       // the first column counts tokens
  TagScheme scheme = TagScheme::kSpans;
  std::size_t also_tagged = 0;  // a column besides the tag's that has a tag in every line, or 0
};

/// Finds the columns that `given` leaves open by the rules of read_conll_file. `lines` have `width`
/// columns each, apart from comments. InputError, naming `path`, where they cannot be told for
/// certain, and for columns beyond the width.
ConllLayout find_conll_layout(const std::string& path, const std::vector<ConllLine>& lines,
                              std::size_t width, ConllColumns given, TagScheme scheme);

}  // namespace madx
