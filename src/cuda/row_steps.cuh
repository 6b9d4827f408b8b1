#pragma once

#include "cuda/dropout.cuh"
#include "cuda/product.cuh"

namespace madx::cuda {

// What happens to whole rows between two products: a warp takes every eighth row of the tile, a
// lane eight columns of each 256. A lane always has the same elements, so what it wrote in an
// earlier row step, to global memory too, it reads again without a barrier.

/// act(column, block) for a lane's parts of `columns` columns; `act` is called by all lanes, also
/// where the column lies outside.
template <class Act>
MADX_DEVICE void each_part(int columns, Act act) {
  const int lane_column = lane_index() * kColumns;
  for (int block = 0; block * kLanes * kColumns < columns; ++block)
    act(block * kLanes * kColumns + lane_column, block);
}

/// act(row of the tile) for a warp's rows.
template <int kRows, class Act>
MADX_DEVICE void each_row(int rows, Act act) {
  for (int row = warp_index(); row < rows; row += kWarps) act(row);
}

MADX_DEVICE Eight add(Eight x, const Eight& y) {
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i) x.value[i] += y.value[i];
  return x;
}

/// What is not a number stays so, which fmaxf would take for 0.
MADX_DEVICE float relu(float x) { return x < 0 ? 0.0f : x; }
/// The gradient by relu's input, from the one by z, its output: as LibTorch has it, it passes where
/// z is not a number.
MADX_DEVICE float relu_backward(float z, float gradient) { return z <= 0 ? 0.0f : gradient; }

/// x as it would be after a store in T.
template <class T>
MADX_DEVICE Eight through(Eight x) {
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i) x.value[i] = through<T>(x.value[i]);
  return x;
}

MADX_DEVICE float sum(const Eight& x) {
  float total = 0;
  MADX_UNROLL
  for (int i = 0; i < kColumns; ++i) total += x.value[i];
  return total;
}

/// Mean and 1 / sqrt(variance + eps) of a row.
struct Statistics {
  float mean, scale;
};

/// A frozen LayerNorm.
template <class T>
struct Norm {
  Rows<const T> weight, bias;  // of one row
  float eps;

  /// x -> (x - mean) scale, no weight and no bias.
  MADX_DEVICE static Eight centre(Eight x, const Statistics& of) {
    MADX_UNROLL
    for (int i = 0; i < kColumns; ++i) x.value[i] = (x.value[i] - of.mean) * of.scale;
    return x;
  }
  MADX_DEVICE Eight apply(const Eight& x, const Statistics& of, int column) const {
    Eight y = centre(x, of);
    const auto w = weight.load(0, column), b = bias.load(0, column);
    MADX_UNROLL
    for (int i = 0; i < kColumns; ++i) y.value[i] = y.value[i] * w.value[i] + b.value[i];
    return y;
  }
  /// Statistics of a row of the tile, of which lanes have just written their own columns, zeros
  /// from `size` on, and know the sum of what they wrote.
  MADX_DEVICE Statistics statistics(Shared<T> row, int size, int padded, float own_sum) const {
    const float mean = warp_sum(own_sum) / static_cast<float>(size);
    float squares = 0;
    each_part(padded, [&](int column, int) {
      if (column >= size) return;
      const auto x = row.get_eight(column);
      MADX_UNROLL
      for (int i = 0; i < kColumns; ++i) {
        const float centred = column + i < size ? x.value[i] - mean : 0.0f;
        squares += centred * centred;
      }
    });
    return {mean, rsqrtf(warp_sum(squares) / static_cast<float>(size) + eps)};
  }
};

/// Writes zeros to rows [first, end) of a tile.
template <int kRows, class T>
MADX_DEVICE void clear_rows(Shared<T> tile, int stride, int padded, int first) {
  each_row<kRows>(kRows, [&](int row) {
    if (row < first) return;
    each_part(padded, [&](int column, int) {
      if (column < padded) tile.set_eight(row * stride + column, Eight{});
    });
  });
}

/// Rows of a tile to and from global memory.
template <int kRows, class T>
MADX_DEVICE void store_rows(Shared<T> tile, int stride, int rows, Rows<T> to, int64_t first) {
  each_row<kRows>(rows, [&](int row) {
    each_part(to.columns, [&](int column, int) {
      if (column < to.columns) to.store(first + row, column, tile.get_eight(row * stride + column));
    });
  });
}
template <int kRows, class T, class Source>
MADX_DEVICE void load_rows(const Source& from, int64_t first, int rows, Shared<T> tile, int stride,
                           int padded) {
  each_row<kRows>(kRows, [&](int row) {
    each_part(padded, [&](int column, int) {
      if (column < padded)
        tile.set_eight(row * stride + column,
                       row < rows ? from.load(first + row, column) : Eight{});
    });
  });
}

}  // namespace madx::cuda
