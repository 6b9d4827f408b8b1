#pragma once

#include <string>

#include "apps/experiment/report/row_comparison.h"

namespace madx::apps::detail {

// What came out, in a few sentences of plain text: the best row, and how row madx differs from the
// rows it is meant to beat. Says so where there is nothing to say.
std::string headline(const ExperimentResults& results, RowComparison& comparison);

}  // namespace madx::apps::detail
