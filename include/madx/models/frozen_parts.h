#pragma once

#include <string>
#include <utility>
#include <vector>

#include "madx/models/encoder.h"

namespace madx {

/// What of an encoder stays as it is while all else learns by masked LM.
struct FrozenParts {
  /// Word, position and type embeddings with their LayerNorm, and the output embedding.
  bool embeddings = false;
  int64_t lowest_layers = 0;  ///< how many layers, from the lowest on
};

/// Makes the encoder's weights trainable, but for what stays frozen; an output layer of its own
/// learns with the embeddings. Throws c10::Error where weights are not float32, or for more layers
/// than there are.
inline void unfreeze(Encoder& encoder, const FrozenParts& frozen) {
  const auto layers = encoder->children();
  TORCH_CHECK(
      frozen.lowest_layers >= 0 && frozen.lowest_layers <= static_cast<int64_t>(layers.size()),
      "unfreeze: expected 0 to ", layers.size(), " layers to stay frozen, but got ",
      frozen.lowest_layers);
  encoder->unfreeze();
  for (int64_t index = 0; index < frozen.lowest_layers; ++index) {
    for (auto& weight : layers[static_cast<size_t>(index)]->parameters())
      weight.requires_grad_(false);
  }
  for (auto& weight : encoder->parameters(/*recurse=*/false))
    weight.requires_grad_(!frozen.embeddings);
  if (encoder->has_own_output()) encoder->output_embeddings().set_requires_grad(!frozen.embeddings);
}

/// The encoder's weights that learn, an output layer of its own among them, by names that are
/// stable between runs.
inline std::vector<std::pair<std::string, at::Tensor>> learning_weights(const Encoder& encoder) {
  std::vector<std::pair<std::string, at::Tensor>> weights;
  for (const auto& item : encoder->named_parameters())
    if (item.value().requires_grad()) weights.emplace_back(item.key(), item.value());
  if (encoder->has_own_output() && encoder->output_embeddings().requires_grad())
    weights.emplace_back("output_embeddings", encoder->output_embeddings());
  return weights;
}

}  // namespace madx
