#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "madx/adapters/make_path.h"
#include "madx/adapters/spread.h"

namespace madx {

/// Which path each sequence of a batch takes.
struct Routing {
  int64_t channels = 1;  ///< copies of the batch: members of a Parallel block, else 1
  std::vector<std::shared_ptr<const Path>> paths;  ///< those that occur
  std::vector<size_t> path_of;                     ///< (channels * sequences): an index into paths
};

/// A composition made ready to run: names resolved, batch splits and parallel blocks spread over
/// sequences. Immutable: any number of threads run batches under it at once, and it stays what it
/// is when its bank changes. AdapterStack::plan makes it.
class Plan {
 public:
  /// Throws c10::Error for an adapter that is not in the bank and for options that cannot be,
  /// InputError for a composition that AdapterHub's table does not allow, whose fusion is not in
  /// the bank, or with an average of members that end a block in several ways.
  explicit Plan(const Bank& bank, Composition composition = {}, PlanOptions options = {});

  const Composition& composition() const { return composition_; }  ///< as it was made
  const PlanOptions& options() const { return options_; }          ///< as it was made
  /// The adapters that act, each once, from left to right.
  const std::vector<AdapterSetImpl*>& members() const { return members_; }
  /// Whether batches must name their sequences' languages.
  bool wants_languages() const { return names_language(composition_); }

  int64_t hidden_size() const { return bank_.hidden_size; }  ///< of the encoder that it is for
  int64_t num_layers() const { return bank_.num_layers; }    ///< of the encoder that it is for

  /// The path of all sequences, or nullptr where they go several ways.
  std::shared_ptr<const Path> only_path() const {
    if (channels_.size() != 1 || channels_.front().size() != 1) return nullptr;
    const auto& part = channels_.front().front();
    return part.sequences < 0 ? part.path : nullptr;
  }
  /// The invertible adapter that acts on all sequences, or nullptr.
  InvertibleAdapterImpl* invertible() const {
    const auto path = only_path();
    return path ? path->invertible : nullptr;
  }

  /// Which way each of a batch's sequences goes. `languages` has one name a sequence where the
  /// composition has kLanguage, and is passed over elsewhere. Throws InputError where batch_sizes
  /// are not the batch's, or languages are missing; c10::Error for a language without an adapter.
  Routing route(int64_t sequences, const std::vector<std::string>& languages) const;

 private:
  /// Consecutive sequences that go the same way.
  struct Part {
    int64_t sequences;                 // -1: all there are
    Composition composition;           // of stacks, fusions and averages alone
    std::shared_ptr<const Path> path;  // nullptr: made for each language of a batch
  };
  std::string where() const { return "composition \"" + to_string(composition_) + "\""; }

  Composition composition_;
  PlanOptions options_;
  Bank bank_;  // as it was; of the adapters, where paths are made later
  std::vector<std::vector<Part>> channels_;  // more than one: the batch runs once for each
  std::vector<AdapterSetImpl*> members_;
};

inline Plan::Plan(const Bank& bank, Composition composition, PlanOptions options)
    : composition_(std::move(composition)),
      options_(std::move(options)),
      bank_{bank.hidden_size, bank.num_layers} {
  check_composition(composition_);
  if (wants_languages()) bank_ = bank;
  for (const auto layer : options_.skipped_layers())
    TORCH_CHECK(layer >= 0 && layer < bank.num_layers, "Plan: expected layers below ",
                bank.num_layers, " to skip, but got ", layer);
  for (const auto& [name, steps] : options_.fusion_steps())
    TORCH_CHECK(steps >= 0, "Plan: expected 0 steps or more of fusion ", name, ", but got ", steps);
  for (const auto& name : adapter_names(composition_))
    if (name != kLanguage) members_.push_back(bank.adapter(name).ptr().get());
  const detail::PathMaker make_path(bank, options_);
  for (const auto& stretches : detail::spread(composition_)) {
    auto& parts = channels_.emplace_back();
    for (const auto& stretch : stretches) {
      const bool later = names_language(stretch.composition);
      parts.push_back({stretch.sequences, stretch.composition,
                       later ? nullptr : make_path(stretch.composition)});
    }
  }
}

inline Routing Plan::route(int64_t sequences, const std::vector<std::string>& languages) const {
  Routing routing;
  routing.channels = static_cast<int64_t>(channels_.size());
  const detail::PathMaker make_path(bank_, options_);
  const auto add = [&](std::shared_ptr<const Path> path) {
    routing.paths.push_back(std::move(path));
    return routing.paths.size() - 1;
  };
  if (wants_languages() && static_cast<int64_t>(languages.size()) != sequences) {
    input_error(where(), ": expected a language for each of ", sequences, " sequences, but found ",
                languages.size());
  }
  for (const auto& parts : channels_) {
    int64_t first = 0;
    for (const auto& part : parts) {
      const auto count = part.sequences < 0 ? sequences : part.sequences;
      if (first + count > sequences) break;  // reported below
      if (part.path) {
        routing.path_of.insert(routing.path_of.end(), static_cast<size_t>(count), add(part.path));
      } else {
        std::map<std::string, size_t> known;
        for (auto s = first; s < first + count; ++s) {
          const auto& language = languages[static_cast<size_t>(s)];
          auto found = known.find(language);
          if (found == known.end()) {
            const auto own = with_language(part.composition, language);
            found = known.emplace(language, add(make_path(own))).first;
          }
          routing.path_of.push_back(found->second);
        }
      }
      first += count;
    }
    int64_t wanted = 0;
    for (const auto& part : parts) wanted += part.sequences < 0 ? sequences : part.sequences;
    if (wanted != sequences) {
      input_error(where(), ": expected a batch of ", wanted,
                  " sequences by batch_sizes, but found ", sequences);
    }
  }
  if (routing.paths.empty()) add(make_path(Composition()));  // no sequences: a path for no rows
  return routing;
}

}  // namespace madx
