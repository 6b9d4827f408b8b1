#pragma once

#include "apps/run/run_state.h"
#include "madx/train/rank_group.h"

namespace madx::apps {

/// Throws InputError, on the rank that it is about, where a rank was not started with rank 0's
/// flags, or finds other input files at their paths. All ranks call it; where it returns, they are
/// at one.
void require_same_recipe(const RunState& state, RankGroup& ranks);

}  // namespace madx::apps
