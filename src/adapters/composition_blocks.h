#pragma once

#include <array>
#include <string>

#include "madx/adapters/composition.h"

namespace madx {

/// A block's name in expressions and files.
struct BlockName {
  Composition::Kind kind;
  const char* name;
};
constexpr std::array<BlockName, 5> kBlocks{{{Composition::Kind::kStack, "Stack"},
                                            {Composition::Kind::kFuse, "Fuse"},
                                            {Composition::Kind::kAverage, "Average"},
                                            {Composition::Kind::kBatchSplit, "BatchSplit"},
                                            {Composition::Kind::kParallel, "Parallel"}}};

inline std::string name_of(Composition::Kind kind) {
  for (const auto& block : kBlocks)
    if (block.kind == kind) return block.name;
  return "a name";
}

}  // namespace madx
