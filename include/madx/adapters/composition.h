#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace madx {

/// Which adapters of a bank act, and how they are put together: AdapterHub's composition blocks as
/// a tree, with names of adapters as leaves.
///
///     Stack        one on top of the other, bottom first
///     Fuse         AdapterFusion: attention over the outputs of its members
///     Average      the weighted mean of its members' outputs
///     BatchSplit   the first `batch_sizes[0]` sequences go to the first member, and so on
///     Parallel     every member runs on all sequences: outputs lie one after the other
///
/// \snippet adapters_test.cpp composition
///
/// A list of names is a stack. In place of a name, `kLanguage` stands for the language that each
/// sequence of a batch names (PackedBatch::languages).
struct Composition {
  /// A set by its name, or how blocks are put together.
  enum class Kind {
    kName,        ///< a set: `name`
    kStack,       ///< one on the other, bottom first
    kFuse,        ///< AdapterFusion over the members
    kAverage,     ///< the weighted mean of the members' outputs
    kBatchSplit,  ///< each member for a stretch of the batch's sequences
    kParallel,    ///< each member for a copy of the whole batch
  };

  /// No adapter at all.
  Composition() = default;
  /// One set, by name.
  Composition(std::string adapter)  // NOLINT(google-explicit-constructor)
      : kind(Kind::kName), name(std::move(adapter)) {}
  /// The same.
  Composition(const char* adapter) : Composition(std::string(adapter)) {}  // NOLINT
  /// A stack.
  Composition(std::initializer_list<Composition> members)  // NOLINT(google-explicit-constructor)
      : children(members) {}
  /// A stack of single adapters.
  Composition(const std::vector<std::string>& names)  // NOLINT(google-explicit-constructor)
      : children(names.begin(), names.end()) {}
  /// A block of these members; sizes and weights are set afterwards.
  Composition(Kind kind_, std::vector<Composition> members)
      : kind(kind_), children(std::move(members)) {}

  /// Whether no adapter acts: a block without members.
  bool empty() const { return kind != Kind::kName && children.empty(); }

  Kind kind = Kind::kStack;  ///< which of the blocks, or a name
  std::string name;          ///< of the adapter; for Fuse the fusion's, where it has one of its own
  std::vector<Composition> children;  ///< members of a block, bottom first where it is a stack
  std::vector<int64_t> batch_sizes;   ///< BatchSplit: sequences of each member
  std::vector<double> weights;        ///< Average: of each member; empty: all alike
  bool normalize_weights = true;      ///< Average: weights are divided by their sum
  /// Average: as AdapterHub computes it, which divides the weighted mean by the number of members
  /// once more, and applies the block's LayerNorm twice to members that are blocks.
  bool adapterhub = false;
};

/// Whether both are put together in the same way.
bool operator==(const Composition& left, const Composition& right);
/// Whether they are not.
inline bool operator!=(const Composition& left, const Composition& right) {
  return !(left == right);
}

/// The name that stands for each sequence's language.
inline constexpr auto kLanguage = "LANGUAGE";

/// One set on the other, bottom first: `Stack{"sw", "ner"}`.
struct Stack : Composition {
  /// Names, or blocks that AdapterHub allows in a stack (check_composition).
  Stack(std::initializer_list<Composition> members) : Composition(Kind::kStack, members) {}
};

/// AdapterFusion over the members (Pfeiffer et al. 2021): `Fuse{"ner", "pos"}`.
struct Fuse : Composition {
  /// The fusion of the bank whose name joins the members' names by commas.
  Fuse(std::initializer_list<Composition> members) : Composition(Kind::kFuse, members) {}
  /// For a fusion whose name is not that of its members joined by commas.
  Fuse named(std::string fusion) const {
    auto block = *this;
    block.name = std::move(fusion);
    return block;
  }
};

/// Each member acts on a copy of the batch of its own; outputs lie one after the other.
struct Parallel : Composition {
  /// Names or blocks, one a channel.
  Parallel(std::initializer_list<Composition> members) : Composition(Kind::kParallel, members) {}
};

/// Each member acts on a stretch of the batch: the first on sizes[0] sequences, and so on.
struct BatchSplit : Composition {
  /// Sizes in sequences, one a member; together they are the batch.
  BatchSplit(std::initializer_list<Composition> members, std::vector<int64_t> sizes)
      : Composition(Kind::kBatchSplit, members) {
    batch_sizes = std::move(sizes);
  }
};

/// The weighted mean of what the members give alone. A plan refuses members that end a block in
/// several ways (`is_parallel`, `original_ln_after`), but for `as_adapterhub`.
struct Average : Composition {
  /// Weights are divided by their sum unless `normalize_weights` is false; without any, all count
  /// alike.
  Average(std::initializer_list<Composition> members, std::vector<double> weights_ = {})
      : Composition(Kind::kAverage, members) {
    weights = std::move(weights_);
  }
  /// With AdapterHub's division, for what was trained with it.
  Average as_adapterhub() const {
    auto block = *this;
    block.adapterhub = true;
    return block;
  }
};

/// Reads `Stack(sw, Fuse(ner, pos))`, `BatchSplit(Stack(en, ner), Stack(sw, ner),
/// batch_sizes=[1,1])`, `Average(a, b, weights=[0.3,0.7], normalize_weights=false,
/// adapterhub=true)`, `Fuse(a, b, name="x")`, or a list `sw,ner`, which is a stack. A name with
/// other characters than letters, digits and `_-.+/@` stands in quotes. Throws InputError naming
/// the character, what was expected and what was found; also what `check_composition` throws.
Composition parse_composition(const std::string& expression);

/// As `parse_composition` reads it.
std::string to_string(const Composition& composition);

/// Throws InputError where AdapterHub's table does not allow one block in another, where blocks are
/// too deep, or where sizes or weights are not one a member.
void check_composition(const Composition& composition);

/// The composition with `language` in place of kLanguage.
Composition with_language(const Composition& composition, const std::string& language);
/// Whether kLanguage is in it.
bool names_language(const Composition& composition);

/// The adapters' names, each once, from left to right.
std::vector<std::string> adapter_names(const Composition& composition);

/// The first adapter's name; empty where there is none.
std::string first_adapter(const Composition& composition);
/// The last one's.
std::string last_adapter(const Composition& composition);

/// The name that a Fuse block's fusion has in the bank: its own, or the last adapters of its
/// members joined by commas.
std::string fusion_name(const Composition& fuse);

/// Whether a Fuse block in the composition is of this fusion.
bool names_fusion(const Composition& composition, const std::string& fusion);

/// An Average block's factors, one a member: normalised where that is asked for.
std::vector<double> average_weights(const Composition& average);

}  // namespace madx
