#pragma once

#include <algorithm>
#include <cstdint>

#include "madx/models/encoder.h"

// An encoder of random weights, as Hugging Face initialises one.
namespace madx::bench {

inline at::Tensor random_matrix(int64_t rows, int64_t columns) {
  return at::empty({rows, columns}).normal_(0, 0.02);
}

/// Word embeddings in the form that the encoder keeps them in, a part at a time: peak memory is
/// measured.
inline void set_random_words(EncoderWeights& weights, const EncoderConfig& config,
                             WeightForm form) {
  const auto rows = config.vocab_size, hidden = config.hidden_size;
  const bool scaled = form == WeightForm::kInt8;
  const auto type = scaled ? at::kChar : form == WeightForm::kFloat32 ? at::kFloat : at::kBFloat16;
  weights.words = at::empty({rows, hidden}, type);
  if (scaled) weights.word_scales = at::empty({rows});
  constexpr int64_t kPart = 4096;
  for (int64_t first = 0; first < rows; first += kPart) {
    const auto size = std::min(kPart, rows - first);
    const auto part = random_matrix(size, hidden);
    if (!scaled) {
      weights.words.narrow(0, first, size).copy_(part);
      continue;
    }
    const auto quantised = ops::quantise_rows(part, [](const at::Tensor&) {});
    weights.words.narrow(0, first, size).copy_(quantised.rows);
    weights.word_scales.narrow(0, first, size).copy_(quantised.scales);
  }
}

/// An encoder as Hugging Face initialises one.
inline Encoder random_encoder(const EncoderConfig& config, WeightForm form) {
  const auto hidden = config.hidden_size, inner = config.intermediate_size;
  const auto linear = [](int64_t out, int64_t in) {
    return LayerWeights{random_matrix(out, in), at::zeros({out})};
  };
  const auto norm = [&] { return LayerWeights{at::ones({hidden}), at::zeros({hidden})}; };
  EncoderWeights weights;
  set_random_words(weights, config, form);
  weights.positions = random_matrix(config.max_position_embeddings, hidden);
  weights.types = random_matrix(config.type_vocab_size, hidden);
  weights.norm = norm();
  weights.layer = [&](int64_t) {
    return EncoderLayerWeights{linear(hidden, hidden),
                               linear(hidden, hidden),
                               linear(hidden, hidden),
                               linear(hidden, hidden),
                               norm(),
                               linear(inner, hidden),
                               linear(hidden, inner),
                               norm()};
  };
  check_weight_form(config, form, "random weights");
  return Encoder(config, weights, form);
}

}  // namespace madx::bench
