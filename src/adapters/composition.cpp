#include "madx/adapters/composition.h"

#include <algorithm>
#include <numeric>

#include "adapters/composition_blocks.h"
#include "madx/core/error.h"

namespace madx {
namespace {

using Kind = Composition::Kind;

/// AdapterHub's table: which blocks may be members of a block. A name may be in any.
const std::vector<Kind>& allowed_members(Kind kind) {
  static const std::vector<Kind> stack{Kind::kFuse, Kind::kParallel, Kind::kBatchSplit,
                                       Kind::kAverage};
  static const std::vector<Kind> fuse{Kind::kStack};
  static const std::vector<Kind> parallel{Kind::kStack, Kind::kBatchSplit, Kind::kAverage};
  static const std::vector<Kind> batch_split{Kind::kStack, Kind::kBatchSplit, Kind::kAverage};
  static const std::vector<Kind> average{Kind::kStack, Kind::kBatchSplit};
  switch (kind) {
    case Kind::kStack:
      return stack;
    case Kind::kFuse:
      return fuse;
    case Kind::kParallel:
      return parallel;
    case Kind::kBatchSplit:
      return batch_split;
    default:
      return average;
  }
}

std::string allowed_words(Kind kind) {
  std::string words = "a name";
  const auto& allowed = allowed_members(kind);
  for (size_t i = 0; i < allowed.size(); ++i)
    words += (i + 1 == allowed.size() ? " or " : ", ") + name_of(allowed[i]);
  return words;
}

void check_sizes(const Composition& block) {
  const auto members = block.children.size();
  const auto refuse_count = [&](const char* key, size_t count) {
    input_error("composition \"", to_string(block), "\": expected ", members, " ", key,
                ", one a member, but found ", count);
  };
  if (block.kind == Kind::kBatchSplit) {
    if (block.batch_sizes.size() != members) refuse_count("batch_sizes", block.batch_sizes.size());
    for (const auto size : block.batch_sizes) {
      if (size >= 0) continue;
      input_error("composition \"", to_string(block),
                  "\": expected batch_sizes of 0 or more, but found ", size);
    }
  }
  if (block.kind != Kind::kAverage || block.weights.empty()) return;
  if (block.weights.size() != members) refuse_count("weights", block.weights.size());
  const auto sum = std::accumulate(block.weights.begin(), block.weights.end(), 0.0);
  if (block.normalize_weights && sum == 0) {
    input_error("composition \"", to_string(block),
                "\": expected weights whose sum is not 0, but found ", sum,
                "; add normalize_weights=false to use them as they are");
  }
}

void check_block(const Composition& block, int depth, const Composition& whole) {
  if (block.kind == Kind::kName) {
    if (block.name.empty()) input_error("composition: expected an adapter's name, but found none");
    return;
  }
  // AdapterHub's limit: two levels of blocks, and stacks of names within them.
  if (depth > 1 && block.kind != Kind::kStack) {
    input_error("composition \"", to_string(whole), "\": expected names or stacks of names inside ",
                "two blocks, but found ", to_string(block), "; there it is too deep");
  }
  if (block.children.empty())
    input_error("composition: expected members in ", name_of(block.kind), ", but found none");
  check_sizes(block);
  for (const auto& child : block.children) {
    const auto& allowed = allowed_members(block.kind);
    if (child.kind != Kind::kName &&
        std::find(allowed.begin(), allowed.end(), child.kind) == allowed.end()) {
      input_error("composition \"", to_string(whole), "\": expected ", allowed_words(block.kind),
                  " inside ", name_of(block.kind), ", but found ", to_string(child));
    }
    check_block(child, depth + 1, whole);
  }
}

void collect_names(const Composition& composition, std::vector<std::string>& names) {
  if (composition.kind == Kind::kName) {
    if (std::find(names.begin(), names.end(), composition.name) == names.end())
      names.push_back(composition.name);
  }
  for (const auto& child : composition.children) collect_names(child, names);
}

}  // namespace

bool operator==(const Composition& left, const Composition& right) {
  return left.kind == right.kind && left.name == right.name && left.children == right.children &&
         left.batch_sizes == right.batch_sizes && left.weights == right.weights &&
         left.normalize_weights == right.normalize_weights && left.adapterhub == right.adapterhub;
}

void check_composition(const Composition& composition) {
  if (!composition.empty()) check_block(composition, /*depth=*/0, composition);
}

Composition with_language(const Composition& composition, const std::string& language) {
  auto result = composition;
  if (result.kind == Kind::kName && result.name == kLanguage) result.name = language;
  for (auto& child : result.children) child = with_language(child, language);
  return result;
}

bool names_language(const Composition& composition) {
  return (composition.kind == Kind::kName && composition.name == kLanguage) ||
         std::any_of(composition.children.begin(), composition.children.end(), names_language);
}

std::vector<std::string> adapter_names(const Composition& composition) {
  std::vector<std::string> names;
  collect_names(composition, names);
  return names;
}

std::string first_adapter(const Composition& composition) {
  if (composition.kind == Kind::kName) return composition.name;
  return composition.children.empty() ? "" : first_adapter(composition.children.front());
}

std::string last_adapter(const Composition& composition) {
  if (composition.kind == Kind::kName) return composition.name;
  return composition.children.empty() ? "" : last_adapter(composition.children.back());
}

std::string fusion_name(const Composition& fuse) {
  if (!fuse.name.empty()) return fuse.name;
  std::string name;
  for (const auto& child : fuse.children) name += (name.empty() ? "" : ",") + last_adapter(child);
  return name;
}

bool names_fusion(const Composition& composition, const std::string& fusion) {
  return (composition.kind == Kind::kFuse && fusion_name(composition) == fusion) ||
         std::any_of(composition.children.begin(), composition.children.end(),
                     [&](const Composition& child) { return names_fusion(child, fusion); });
}

std::vector<double> average_weights(const Composition& average) {
  const auto members = static_cast<double>(average.children.size());
  if (average.weights.empty()) return std::vector<double>(average.children.size(), 1 / members);
  auto weights = average.weights;
  if (!average.normalize_weights) return weights;
  const auto sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (auto& weight : weights) weight /= sum;
  return weights;
}

}  // namespace madx
