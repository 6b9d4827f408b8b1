#pragma once

#include <string>

#include "apps/experiment/report/row_comparison.h"

namespace madx::apps::detail {

// The table of rows and languages with what it takes to read it; of several sources the means over
// pairs, the heat map of what row madx gains, and a table a source. `marks` counts the differences
// that were tested and those that were marked.
struct MarkCounts {
  size_t tested = 0, marked = 0;
};
std::string scores_section(const ExperimentResults& results, RowComparison& comparison,
                           MarkCounts& marks);

// F1 by row and type of entity, a table a language.
std::string types_section(const ExperimentResults& results);

}  // namespace madx::apps::detail
