#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace madx {

/// Weight and bias of a linear layer, (out, in) and (out), or of a LayerNorm, (hidden) both.
struct LayerWeights {
  at::Tensor weight;  ///< (out, in), of a LayerNorm (hidden)
  at::Tensor bias;    ///< (out), of a LayerNorm (hidden)
};

/// What one layer of an encoder is made from.
struct EncoderLayerWeights {
  LayerWeights query;             ///< (hidden, hidden)
  LayerWeights key;               ///< (hidden, hidden)
  LayerWeights value;             ///< (hidden, hidden)
  LayerWeights attention_output;  ///< (hidden, hidden)
  LayerWeights attention_norm;    ///< (hidden)
  LayerWeights intermediate;      ///< (intermediate, hidden)
  LayerWeights output;            ///< (hidden, intermediate)
  LayerWeights output_norm;       ///< (hidden)
};

/// What an encoder is made from, by names of its own; io/encoder_names.h maps Hugging Face's to
/// them.
struct EncoderWeights {
  at::Tensor words;      ///< (vocabulary, hidden)
  at::Tensor positions;  ///< (positions, hidden)
  at::Tensor types;      ///< (token types, hidden)
  LayerWeights norm;     ///< (hidden)
  /// The weights of layer 0, 1, ..., each asked for once, when its turn has come: who makes an
  /// encoder in a narrower type need not have them all in memory at once.
  std::function<EncoderLayerWeights(int64_t)> layer;
  /// (vocabulary, hidden): an output layer that is not the input embedding; undefined: none.
  at::Tensor output = {};
  /// (vocabulary): of words that are int8 already, what a row counts by.
  at::Tensor word_scales = {};
  /// Whether words lie in a mapped file: there, an encoder in int8 leaves them as they are, since
  /// no more of them comes into memory than is read.
  bool words_are_mapped = false;
  /// Called with tensors that were copied into a narrower type and are not read again; may be
  /// empty.
  std::function<void(const at::Tensor&)> done = {};
};

}  // namespace madx
