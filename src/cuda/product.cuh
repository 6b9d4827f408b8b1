#pragma once

#include "cuda/memory.cuh"
#include "cuda/mma.cuh"

namespace madx::cuda {

// Every product here is  out (rows, neurons) = tile (rows, inputs) weights (neurons, inputs)^T  for
// the rows of one block's tile, which lies in shared memory.
//
// A warp takes some neurons and all rows. So each weight is read once a block, by one warp,
// straight from global memory into the registers in which it is multiplied: no staging and no
// barrier inside a product, and loads run some steps ahead. Lane 4 g + q holds neurons g, g + 8,
// ... and, of each 64-byte step along the inputs, the 16 bytes at place q. The order of the terms
// of a sum is free, so for the tensor cores these eight neighbours stand for whichever eight the
// instruction's layout names, as long as tile and weights agree.

/// Bytes of a row that one step of a product takes.
constexpr int kStepBytes = 64;
/// Inputs a step.
template <class T>
constexpr int kStep = kStepBytes / static_cast<int>(sizeof(T));

MADX_BOTH constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Elements from row to row of a matrix in shared memory: whole steps, and an odd number of them,
/// so that two neighbouring rows lie in different halves of the 32 banks.
template <class T>
MADX_BOTH constexpr int shared_stride(int columns) {
  const int steps = round_up(columns, kStep<T>) / kStep<T>;
  return (steps + (steps % 2 == 0 ? 1 : 0)) * kStep<T>;
}

/// Weights of a product, (neurons, inputs), as torch::nn::Linear has them.
template <class T>
struct Matrix {
  const T* data;
  int neurons, inputs;
  bool whole_words;

  /// Sixteen bytes of a neuron's weights; zeros outside.
  MADX_DEVICE Words load(int neuron, int input) const {
    if (neuron >= neurons || input >= inputs) return Words{};
    const T* from = data + static_cast<int64_t>(neuron) * inputs + input;
    if (whole_words) return load_words<Access::kReadOnly>(from);
    return Packed<T>::pack(load_some<T, Access::kReadOnly>(
                               from, inputs - input < 16 / static_cast<int>(sizeof(T))
                                         ? inputs - input
                                         : 16 / static_cast<int>(sizeof(T))))
        .words[0];
  }
};

/// A warp's sums for 16 neurons and all rows of the tile, on the tensor cores.
template <class T, int kRows>
class Product {
 public:
  static constexpr int kNeurons = 16, kSums = kRows / 2;  // the latter a lane
  struct Weights {
    Words low, high;  // neurons g and g + 8
  };

  MADX_DEVICE static Weights load(const Matrix<T>& matrix, int first, int step) {
    const int g = lane_index() / 4, input = step * kStep<T> + lane_index() % 4 * kColumns;
    return {matrix.load(first + g, input), matrix.load(first + g + 8, input)};
  }

  MADX_DEVICE void add(const Weights& weights, Shared<T> tile, int stride, int step) {
    const int g = lane_index() / 4, input = step * kStep<T> + lane_index() % 4 * kColumns;
    const auto *low = weights.low.word, *high = weights.high.word;
    MADX_UNROLL
    for (int part = 0; part < kRows / 8; ++part) {
      const auto rows = tile.get_words((part * 8 + g) * stride + input);
      multiply_add(sums_[part], {low[0], high[0], low[1], high[1]}, {rows.word[0], rows.word[1]},
                   T{});
      multiply_add(sums_[part], {low[2], high[2], low[3], high[3]}, {rows.word[2], rows.word[3]},
                   T{});
    }
  }

  /// visit(neuron, row, sum) in the lane that has the sum.
  template <class Visit>
  MADX_DEVICE void finish(int first, Visit visit) const {
    const int g = lane_index() / 4, q = lane_index() % 4;
    MADX_UNROLL
    for (int part = 0; part < kRows / 8; ++part) {
      MADX_UNROLL
      for (int i = 0; i < 4; ++i)
        visit(first + g + i / 2 * 8, part * 8 + 2 * q + i % 2, sums_[part][i]);
    }
  }

 private:
  float sums_[kRows / 8][4] = {};
};

/// A warp's sums for 32 neurons and all rows of the tile, in fp32 throughout.
template <int kRows>
class Product<float, kRows> {
 public:
  static constexpr int kNeurons = 32, kSums = 4 * kRows;
  struct Weights {
    Words words[4];  // neurons g, g + 8, g + 16, g + 24
  };

  MADX_DEVICE static Weights load(const Matrix<float>& matrix, int first, int step) {
    const int g = lane_index() / 4, input = step * kStep<float> + lane_index() % 4 * 4;
    Weights weights;
    MADX_UNROLL
    for (int i = 0; i < 4; ++i) weights.words[i] = matrix.load(first + g + 8 * i, input);
    return weights;
  }

  MADX_DEVICE void add(const Weights& weights, Shared<float> tile, int stride, int step) {
    const int input = step * kStep<float> + lane_index() % 4 * 4;
    MADX_UNROLL
    for (int row = 0; row < kRows; ++row) {
      const auto values = tile.get_words(row * stride + input);
      MADX_UNROLL
      for (int i = 0; i < 4; ++i) {
        MADX_UNROLL
        for (int j = 0; j < 4; ++j)
          sums_[row][i] = __fmaf_rn(__uint_as_float(weights.words[i].word[j]),
                                    __uint_as_float(values.word[j]), sums_[row][i]);
      }
    }
  }

  template <class Visit>
  MADX_DEVICE void finish(int first, Visit visit) const {
    const int g = lane_index() / 4, q = lane_index() % 4;
    MADX_UNROLL
    for (int row = 0; row < kRows; ++row) {
      MADX_UNROLL
      for (int i = 0; i < 4; ++i) {
        // Each of the four lanes of a neuron has the sum over its quarter of the inputs.
        float sum = sums_[row][i];
        sum += __shfl_xor_sync(kAllLanes, sum, 1);
        sum += __shfl_xor_sync(kAllLanes, sum, 2);
        if (i == q) visit(first + g + 8 * i, row, sum);
      }
    }
  }

 private:
  float sums_[kRows][4] = {};
};

/// Blocks that a multiprocessor shall hold at once as far as registers go: two, with 128 registers
/// a lane, unless sums and what a step reads need more.
template <class T, int kRows>
constexpr int kLeastBlocks = sizeof(T) == 2 && Product<T, kRows>::kSums < 32 ? 2 : 1;

/// Steps that loads of weights run ahead; fewer where a second block hides the wait too.
template <class T, int kRows>
constexpr int kStepsAhead = kLeastBlocks<T, kRows> == 2 ? 2 : 3;

/// The product of a block's tile: visit(neuron, row, sum) once for every neuron and row, neurons up
/// to the next whole step with sums of 0. Threads must have synchronised since the tile was
/// written, and must before what `visit` wrote is read.
template <int kRows, class T, class Visit>
MADX_DEVICE void multiply(const Matrix<T>& matrix, Shared<T> tile, Visit visit) {
  using WarpProduct = Product<T, kRows>;
  constexpr int kAhead = kStepsAhead<T, kRows>;
  const int stride = shared_stride<T>(matrix.inputs);
  const int steps = round_up(matrix.inputs, kStep<T>) / kStep<T>;
  const int neurons = round_up(matrix.neurons, kStep<T>);
  for (int first = warp_index() * WarpProduct::kNeurons; first < neurons;
       first += kWarps * WarpProduct::kNeurons) {
    WarpProduct product;
    typename WarpProduct::Weights ahead[kAhead];
    MADX_UNROLL
    for (int i = 0; i < kAhead; ++i) ahead[i] = WarpProduct::load(matrix, first, i);
    for (int step = 0; step < steps; step += kAhead) {
      MADX_UNROLL
      for (int i = 0; i < kAhead; ++i) {
        if (step + i >= steps) break;
        const auto weights = ahead[i];
        ahead[i] = WarpProduct::load(matrix, first, step + i + kAhead);
        product.add(weights, tile, stride, step + i);
      }
    }
    product.finish(first, [&](int neuron, int row, float sum) {
      if (neuron < neurons) visit(neuron, row, sum);
    });
  }
}

}  // namespace madx::cuda
