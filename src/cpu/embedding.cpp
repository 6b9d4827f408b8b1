#include "madx/cpu/embedding.h"

#include <vector>

#include "cpu/bfloat16_round.h"
#include "cpu/layer_norm.h"
#include "cpu/parallel.h"
#include "cpu/philox.h"

namespace madx::cpu::MADX_CAPABILITY {

void embed(const EmbeddingInput& input, int threads, float* out) {
  const auto hidden = input.hidden;
  const LayerNorm norm{input.norm_weight, input.norm_bias, static_cast<float>(input.norm_eps),
                       hidden};
  const Dropout dropout(input.dropout, input.seed);
  parallel(threads, [&](Thread thread) {
    std::vector<float> factors(static_cast<size_t>(hidden) + 4);
    for_each_of_block(thread, input.rows, [&](int64_t row) {
      const float* const position = input.positions + input.position_ids[row] * hidden;
      const auto word = input.word_ids[row] * hidden;
      float* const to = out + row * hidden;
      const auto add = [&](auto&& element) {
#pragma omp simd
        for (int64_t i = 0; i < hidden; ++i)
          to[i] = element(word + i) + position[i] + input.type[i];
      };
      const auto& words = input.words;
      if (words.float32 != nullptr) {
        add([&](int64_t i) { return words.float32[i]; });
      } else if (words.bfloat16 != nullptr) {
        add([&](int64_t i) { return to_float(words.bfloat16[i]); });
      } else {
        const float scale = words.scales[input.word_ids[row]];
        add([&](int64_t i) { return scale * static_cast<float>(words.int8[i]); });
      }
      norm.forward(to, to);
      if (!dropout.active()) return;
      dropout.row(row_number(input.row_numbers, row), hidden, factors.data());
#pragma omp simd
      for (int64_t i = 0; i < hidden; ++i) to[i] *= factors[static_cast<size_t>(i)];
    });
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY
