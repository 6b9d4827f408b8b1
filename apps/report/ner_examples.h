#pragma once

#include <string>

#include "apps/report/ner_report.h"

namespace madx::apps::detail {

// The section of one language in report.html: how many entities went wrong in which way, the
// confusion matrix and example sentences. Checks the predictions: see `ner_report_html`.
std::string language_section(const NerPredictions& predictions);

}  // namespace madx::apps::detail
