#pragma once

#include <memory>
#include <vector>

#include "madx/adapters/adapter_stack.h"
#include "madx/models/encoder.h"
#include "madx/train/rank_group.h"

namespace madx {

/// What hidden states stay near to while masked LM learns. An adapter that moves them far from
/// those under the source language's one leaves a task adapter, which learned on the latter, with
/// inputs that it has not seen (docs/results.md, "Near the source").
///
/// \snippet train_test.cpp stay near
struct StayNear {
  double weight = 0;           ///< of the distance, beside the masked-LM loss; 0: no such term
  Composition adapters = {};   ///< of the bank: the states are those under them; {}: under none
  bool every_layer = false;    ///< states after each layer, in equal shares, not the last alone
  Encoder reference{nullptr};  ///< in the encoder's place, where its own weights learn
};

/// Measures how far hidden states are from those that they stay near to.
///
/// \snippet train_test.cpp stay near distance
class StayNearDistance {
 public:
  StayNearDistance() = default;
  /// Of `encoder` with the adapters of `bank`. Throws c10::Error for adapters that the bank lacks.
  StayNearDistance(const StayNear& near, Encoder encoder, const AdapterStack& bank);

  bool counts() const { return weight_ > 0; }

  /// What is measured of an encoder: the last hidden states, (rows, hidden), or those after each
  /// layer.
  std::vector<at::Tensor> states(const Encoder& encoder, const PackedBatch& batch,
                                 const Plan& plan) const;

  /// The weighted distance: (). Of the rows of `states` that are not `masked`, squared and relative
  /// to the squared length of those that `text` has, the batch as it was before masking; the mean
  /// of what is measured. Over all `ranks`, each of which adds its own rows.
  at::Tensor of(const std::vector<at::Tensor>& states, const PackedBatch& text,
                const at::Tensor& masked, RankGroup& ranks);

 private:
  /// Without dropout of encoder or adapters.
  std::vector<at::Tensor> states_near(const PackedBatch& text);

  double weight_ = 0;
  bool every_layer_ = false, own_ = true;
  Encoder encoder_{nullptr};
  AdapterStack bank_{nullptr};
  std::shared_ptr<const Plan> plan_;
};

}  // namespace madx
