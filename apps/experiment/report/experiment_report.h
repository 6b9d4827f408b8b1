#pragma once

#include <string>

#include "apps/experiment/experiment_results.h"

namespace madx::apps {

/// The experiment as one HTML page that needs no other file and runs no script: what came out, the
/// table of scores with significance against the baseline, scores by type, charts, costs with the
/// commands that make each piece again, sentences that row madx and the baseline differ on, and
/// what the figures do not show. Reads the predictions that `scores` name; the same results give
/// the same page. InputError for a file of predictions that is missing, is of another form or has
/// another test set than those beside it.
std::string experiment_report_html(const ExperimentResults& results);

/// Writes `experiment_report_html` to a file. Throws as it and `write_file` do.
void write_experiment_report(const std::string& path, const ExperimentResults& results);

}  // namespace madx::apps
