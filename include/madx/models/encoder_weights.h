#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace madx {

/// Weight and bias of a linear layer, (out, in) and (out), or of a LayerNorm, (hidden) both.
struct LayerWeights {
  at::Tensor weight, bias;
};

/// What one layer of an encoder is made from.
struct EncoderLayerWeights {
  LayerWeights query, key, value, attention_output;  // (hidden, hidden)
  LayerWeights attention_norm;
  LayerWeights intermediate;  // (intermediate, hidden)
  LayerWeights output;        // (hidden, intermediate)
  LayerWeights output_norm;
};

/// What an encoder is made from, by names of its own; io/encoder_names.h maps Hugging Face's to
/// them.
struct EncoderWeights {
  at::Tensor words;      // (vocabulary, hidden)
  at::Tensor positions;  // (positions, hidden)
  at::Tensor types;      // (token types, hidden)
  LayerWeights norm;
  std::vector<EncoderLayerWeights> layers;
  /// (vocabulary, hidden): an output layer that is not the input embedding; undefined: none.
  at::Tensor output;
};

}  // namespace madx
