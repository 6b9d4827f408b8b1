#include "train/rank_part.h"

namespace madx::detail {

BatchPart part_of_rank(const PackedBatch& whole, const RankGroup& ranks) {
  const auto shares = share_out(whole.offsets, static_cast<size_t>(ranks.count()));
  return take_part(whole, shares[static_cast<size_t>(ranks.rank())]);
}

}  // namespace madx::detail
