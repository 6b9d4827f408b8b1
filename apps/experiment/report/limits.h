#pragma once

#include <string>

#include "apps/experiment/report/scores.h"

namespace madx::apps::detail {

// What a reader may conclude from the figures and what not, computed from seeds, test sets,
// comparisons and gaps.
std::string limits_section(const ExperimentResults& results, RowComparison& comparison,
                           const MarkCounts& marks);

}  // namespace madx::apps::detail
