#pragma once

#include <string>

#include "madx/core/tensor_map.h"
#include "madx/models/encoder_config.h"

namespace madx::io {

/// The weights of an encoder and its masked-LM head among a checkpoint's tensors, in float32, by
/// Hugging Face's names without what stands before them (`roberta.`, `bert.`, `model.`, ...): the
/// key of the word embeddings says what that is. All else is left out. `where` names the file in
/// messages. Throws InputError for a weight that is not of a floating type, and where the file
/// holds two encoders.
TensorMap checkpoint_weights(const TensorMap& file, const std::string& where);

/// Whether a name of `checkpoint_weights` is one of the masked-LM head, its output layer included.
bool is_head_weight(const std::string& name);

/// Leaves the output layer among `weights` only where it is one of the checkpoint's own. Python
/// ties it to the word embeddings by config.json, whatever the file holds; `runs`, an archive, is
/// the model itself. Throws InputError where config.json wants one and there is none.
void settle_output_layer(TensorMap& weights, const EncoderConfig& config, bool runs,
                         const std::string& where);

}  // namespace madx::io
