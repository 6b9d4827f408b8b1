#pragma once

#include "cuda/groups.cuh"
#include "cuda/row_steps.cuh"

namespace madx::cuda {

/// One half of a coupling:  target = target + sign (U act(D source)), where source and target are
/// halves of a row. Forward passes have act = relu(x + down_bias) and U's bias. Backward passes
/// have U transposed in place of D and D transposed in place of U, act = (0 where z <= 0, else x),
/// no bias, and z in place of what they keep.
template <class T>
struct CouplingStep {
  const T *down, *down_bias;  // (bottleneck, source columns), (bottleneck)
  const T *up, *up_bias;  // (target columns, bottleneck), (target columns); biases null in backward
  const T* z;             // backward: (rows of the group, bottleneck)
  T* kept;                // act(D source), the same shape; or null
  int bottleneck;
  bool down_words, up_words;  // the latter also of z and kept
};

constexpr int kCouplingGroups = 24;

/// Two steps, the second with the halves' parts exchanged. Forward:  low += F(high), high +=
/// G(low); inverse:  high -= G(low), low -= F(high). Either's backward pass is again two such
/// steps.
template <class T>
struct Coupling {
  Rows<const T> x;
  Rows<T> out;
  int first_column[2], columns[2];  // of the half that each step changes
  float sign;
  bool backward;
  Groups<CouplingStep<T>, 2, kCouplingGroups> groups;
};

template <class T, int kRows>
struct CouplingBlock {
  const Coupling<T>& coupling;
  const Group<CouplingStep<T>, 2>& group;
  const BlockRows<kRows> rows;
  const Shared<T> tile, z;

  MADX_DEVICE explicit CouplingBlock(const Coupling<T>& coupling_)
      : coupling(coupling_),
        group(coupling_.groups.of_block(blockIdx.x)),
        rows(group),
        tile(reinterpret_cast<T*>(dynamic_shared())),
        z(reinterpret_cast<T*>(dynamic_shared()) +
          kRows * shared_stride<T>(coupling_.columns[0] > coupling_.columns[1]
                                       ? coupling_.columns[0]
                                       : coupling_.columns[1])) {}

  /// The half of x or out that a step changes.
  template <Access kAccess, class Element, class From>
  MADX_DEVICE Rows<Element, kAccess> half(const From& of, int step) const {
    return {of.data + coupling.first_column[step], of.row_stride, coupling.columns[step],
            of.whole_words};
  }

  /// The first step's source: the half that the second step changes, unchanged yet. The tile.
  MADX_DEVICE void load_source() const {
    load_rows<kRows>(half<Access::kReadOnly, const T>(coupling.x, 1), rows.first, rows.count, tile,
                     shared_stride<T>(coupling.columns[1]),
                     round_up(coupling.columns[1], kStep<T>));
  }

  MADX_DEVICE void load_z(const CouplingStep<T>& step) const {
    if (!coupling.backward) return;
    const Rows<const T> from{step.z, step.bottleneck, step.bottleneck, step.up_words};
    load_rows<kRows>(from, rows.first - group.first_row, rows.count, z,
                     shared_stride<T>(step.bottleneck), round_up(step.bottleneck, kStep<T>));
  }

  /// z = act(D source)
  MADX_DEVICE void inner(const CouplingStep<T>& step, int source_columns) const {
    const int z_stride = shared_stride<T>(step.bottleneck);
    const Matrix<T> weights{step.down, step.bottleneck, source_columns, step.down_words};
    multiply<kRows>(weights, tile, [&](int neuron, int row, float value) {
      const int at = row * z_stride + neuron;
      if (coupling.backward) {
        z.set(at, rounded<T>(relu_backward(to_float(z.get(at)), value)));
      } else {
        const float bias = neuron < step.bottleneck
                               ? load_value<Access::kReadOnly>(step.down_bias + neuron)
                               : 0.0f;
        z.set(at, rounded<T>(relu(value + bias)));
      }
    });
  }

  MADX_DEVICE void keep(const CouplingStep<T>& step) const {
    if (step.kept == nullptr) return;
    const Rows<T> to{step.kept, step.bottleneck, step.bottleneck, step.up_words};
    store_rows<kRows>(z, shared_stride<T>(step.bottleneck), rows.count, to,
                      rows.first - group.first_row);
  }

  /// The tile = U z + bias
  MADX_DEVICE void outer(const CouplingStep<T>& step, int target_columns) const {
    const int stride = shared_stride<T>(target_columns);
    const Matrix<T> weights{step.up, target_columns, step.bottleneck, step.up_words};
    multiply<kRows>(weights, z, [&](int neuron, int row, float value) {
      const float bias = step.up_bias != nullptr && neuron < target_columns
                             ? load_value<Access::kReadOnly>(step.up_bias + neuron)
                             : 0.0f;
      tile.set(row * stride + neuron, rounded<T>(value + bias));
    });
  }

  /// The changed half, to global memory and, as the next step's source, into the tile.
  MADX_DEVICE void change(int index) const {
    const auto from = half<Access::kReadOnly, const T>(coupling.x, index);
    const auto to = half<Access::kRewritten, T>(coupling.out, index);
    const int stride = shared_stride<T>(to.columns);
    each_row<kRows>(rows.count, [&](int row) {
      each_part(to.columns, [&](int column, int) {
        if (column >= to.columns) return;
        auto value = tile.get_eight(row * stride + column);
        MADX_UNROLL
        for (int i = 0; i < kColumns; ++i) value.value[i] *= coupling.sign;
        value = add(value, from.load(rows.first + row, column));
        to.store(rows.first + row, column, value);
        tile.set_eight(row * stride + column, value);
      });
    });
  }
};

template <class T, int kRows>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<T, kRows>)
    couple_rows(const __grid_constant__ Coupling<T> problem) {
  const CouplingBlock<T, kRows> block(problem);
  block.load_source();
  for (int index = 0; index < 2; ++index) {
    const auto& step = block.group.adapters[index];
    block.load_z(step);
    __syncthreads();
    block.inner(step, problem.columns[1 - index]);
    __syncthreads();
    block.keep(step);
    block.outer(step, problem.columns[index]);
    __syncthreads();
    block.change(index);
  }
}

}  // namespace madx::cuda
