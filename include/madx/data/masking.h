#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "madx/data/tokenizer.h"

namespace madx {

/// Draws that come out the same with every standard library.
class RandomStream {
 public:
  /// The same seed gives the same draws.
  explicit RandomStream(uint64_t seed) : engine_(seed) {}
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, bound).
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(uniform() * static_cast<double>(bound));
  }

 private:
  std::mt19937_64 engine_;
};

/// One seed from several numbers, such as a run's seed and a step (splitmix64 over each).
inline uint64_t mix_seeds(std::initializer_list<uint64_t> numbers) {
  uint64_t state = 0;
  for (const auto number : numbers) {
    state += number + 0x9e3779b97f4a7c15ULL;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebULL;
    state ^= state >> 31;
  }
  return state;
}

/// Tokens chosen for masked LM: their places in the sequence and what stood there.
struct MaskedTokens {
  std::vector<int64_t> places;   ///< positions in the sequence, ascending
  std::vector<int64_t> targets;  ///< what stood there: sub-word ids
};

/// Masks the chosen token at `place`: 80 % become `<mask>`, 10 % a random token, 10 % stay.
inline void mask_token(std::vector<int64_t>& ids, size_t place, const Tokenizer& tokenizer,
                       RandomStream& random) {
  const auto fate = random.uniform();
  if (fate < 0.8) {
    ids[place] = tokenizer.special().mask;
  } else if (fate < 0.9) {
    do {
      ids[place] = random.below(tokenizer.vocab_size());
    } while (tokenizer.is_special(ids[place]));
  }
}

/// BERT's dynamic masking (Devlin et al. 2019, section 3.1): each token that is no special one is
/// chosen with `probability` and masked. `ids` changes in place.
inline MaskedTokens mask_tokens(std::vector<int64_t>& ids, const Tokenizer& tokenizer,
                                double probability, RandomStream& random) {
  MaskedTokens masked;
  for (size_t place = 0; place < ids.size(); ++place) {
    if (tokenizer.is_special(ids[place]) || random.uniform() >= probability) continue;
    masked.places.push_back(static_cast<int64_t>(place));
    masked.targets.push_back(ids[place]);
    mask_token(ids, place, tokenizer, random);
  }
  return masked;
}

}  // namespace madx
