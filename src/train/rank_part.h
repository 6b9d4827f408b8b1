#pragma once

#include "madx/models/batch_part.h"
#include "madx/train/rank_group.h"

namespace madx::detail {

/// What this rank runs of a batch that its group shares out.
BatchPart part_of_rank(const PackedBatch& whole, const RankGroup& ranks);

}  // namespace madx::detail
