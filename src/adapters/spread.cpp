// Batch splits and parallel blocks, taken out of a composition: what is left for each stretch of a
// batch is made of stacks, fusions and averages.
#include "madx/adapters/spread.h"

#include <algorithm>

#include "madx/core/error.h"

namespace madx::detail {
namespace {

using Kind = Composition::Kind;
using Stretches = std::vector<Stretch>;

int64_t total(const Stretches& stretches) {
  int64_t sum = 0;
  for (const auto& stretch : stretches) sum += stretch.sequences;
  return sum;
}

bool covers_all(const Stretches& stretches) { return stretches.front().sequences < 0; }

/// A block whose members are the stretches of `members` side by side: cut wherever one of them is.
Stretches zip(const Composition& block, const std::vector<const Stretches*>& members) {
  int64_t sequences = -1;
  for (const auto* stretches : members) {
    if (covers_all(*stretches)) continue;
    if (sequences >= 0 && total(*stretches) != sequences) {
      input_error("composition \"", to_string(block),
                  "\": expected batch_sizes of one sum, but found ", sequences, " and ",
                  total(*stretches));
    }
    sequences = total(*stretches);
  }
  Stretches zipped;
  std::vector<size_t> index(members.size(), 0);
  std::vector<int64_t> used(members.size(), 0);  // sequences of the member's stretch that are gone
  for (int64_t done = 0; done == 0 || done < sequences;) {
    int64_t count = sequences;  // -1 where no member is split
    Composition part = block;
    part.children.clear();
    for (size_t i = 0; i < members.size(); ++i) {
      const auto& stretches = *members[i];
      while (!covers_all(stretches) && index[i] + 1 < stretches.size() &&
             used[i] == stretches[index[i]].sequences) {
        ++index[i];
        used[i] = 0;
      }
      const auto& stretch = stretches[index[i]];
      part.children.push_back(stretch.composition);
      const auto left = covers_all(stretches) ? sequences - done : stretch.sequences - used[i];
      if (sequences >= 0) count = std::min(i == 0 ? left : count, left);
    }
    zipped.push_back({count, std::move(part)});
    if (sequences < 0) break;
    for (auto& gone : used) gone += count;
    done += count;
    if (sequences == 0) break;
  }
  return zipped;
}

Stretches batch_split(const Composition& block) {
  Stretches split;
  for (size_t i = 0; i < block.children.size(); ++i) {
    auto channels = spread(block.children[i]);
    auto& stretches = channels.front();  // a batch split has no parallel block inside
    const auto size = block.batch_sizes[i];
    if (covers_all(stretches)) {
      stretches.front().sequences = size;
    } else if (total(stretches) != size) {
      input_error("composition \"", to_string(block.children[i]),
                  "\": expected batch_sizes whose sum is ", size,
                  ", the size that the block around it gives, but found ", total(stretches));
    }
    split.insert(split.end(), stretches.begin(), stretches.end());
  }
  return split;
}

}  // namespace

std::vector<std::vector<Stretch>> spread(const Composition& composition) {
  if (composition.kind == Kind::kName || composition.children.empty()) return {{{-1, composition}}};
  if (composition.kind == Kind::kBatchSplit) return {batch_split(composition)};
  std::vector<std::vector<Stretches>> members;
  size_t channels = 1;
  for (const auto& child : composition.children) {
    members.push_back(spread(child));
    const auto count = members.back().size();
    if (count > 1 && channels > 1 && count != channels) {
      input_error("composition \"", to_string(composition), "\": expected Parallel blocks of one ",
                  "size, but found one of ", channels, " and one of ", count);
    }
    channels = std::max(channels, count);
  }
  std::vector<Stretches> result;
  if (composition.kind == Kind::kParallel) {
    for (const auto& member : members) result.push_back(member.front());
    return result;
  }
  for (size_t channel = 0; channel < channels; ++channel) {
    std::vector<const Stretches*> side_by_side;
    for (const auto& member : members)
      side_by_side.push_back(&member[member.size() == 1 ? 0 : channel]);
    result.push_back(zip(composition, side_by_side));
  }
  return result;
}

}  // namespace madx::detail
