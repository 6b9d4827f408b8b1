#pragma once

#include <functional>
#include <string>

#include "madx/core/tensor_map.h"
#include "madx/models/encoder.h"
#include "madx/models/mlm_head.h"

namespace madx::io {

/// An encoder's weights out of a map by Hugging Face's names without the model's prefix
/// (`embeddings.word_embeddings.weight`, `encoder.layer.0.output.dense.bias`, ...). Throws
/// InputError naming `where`, key, expected and found when a weight is missing or of another shape
/// than `config` says, and when there are more layers.
EncoderWeights import_encoder(const EncoderConfig& config, const TensorMap& weights,
                              const std::string& where);

/// The encoder of them. `done`, where it is given, is called with each weight that it has copied.
Encoder make_encoder(const EncoderConfig& config, const TensorMap& weights,
                     const std::string& where, WeightForm form = WeightForm::kFloat32,
                     const std::function<void(const at::Tensor&)>& done = {});

/// The other way round: by Hugging Face's names without prefix, the output layer apart; words that
/// are int8 in float32.
TensorMap hugging_face_weights(const Encoder& encoder);

/// Hugging Face's names of a masked-LM head's parts: of layers without `.weight` and `.bias`.
struct MlmHeadNames {
  std::string dense;         ///< of the layer before the output embedding
  std::string norm;          ///< of its LayerNorm
  std::string bias;          ///< of the output
  std::string decoder_bias;  ///< its other name
};
/// XLM-R's or BERT's, by `config.model_type`.
MlmHeadNames mlm_head_names(const EncoderConfig& config);

/// A masked-LM head's tensors by these names, and the encoder's output layer where it has one of
/// its own. A tied one has no tensor, as in what Python saves.
TensorMap hugging_face_weights(const MlmHead& head, const Encoder& encoder);

/// The tensor under `key`, of this shape. Throws InputError as import_encoder does.
const at::Tensor& find_weight(const TensorMap& weights, const std::string& where,
                              const std::string& key, at::IntArrayRef shape);

}  // namespace madx::io
