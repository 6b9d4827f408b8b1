#pragma once

#include "cuda/groups.cuh"
#include "cuda/row_steps.cuh"
#include "cuda/site_forward.cuh"

namespace madx::cuda {

/// One adapter's part of a site's backward pass. Weights come transposed, so that both products
/// read them along their rows, as in the forward pass.
template <class T>
struct SiteBackwardAdapter {
  const T* up_transposed;    // (bottleneck, hidden)
  const T* down_transposed;  // (hidden, bottleneck)
  const T* z;                // (rows of the group, bottleneck)
  T* z_gradient;             // by D h + b; null where the adapter does not learn
  int bottleneck;
  bool up_words, down_words;  // the latter also of z and its gradient
};

/// A site's backward pass. Gradients by weights are sums over all rows, products of what is written
/// here: dU = sums^T z, dD = z_gradient^T h (docs/cuda.md says why not here).
template <class T>
struct SiteBackward {
  Rows<const T> f, a, out_gradient;
  Norm<T> norm;
  const T* y[kSiteAdapters];
  const float* statistics;
  int64_t rows;
  /// Gradient by the output of the lowest n adapters, (rows, hidden). y and a enter a LayerNorm as
  /// a sum at every level, so sums[0] is the gradient by a, and by f but for its dropout. Null
  /// where that level is not reached. Neighbours may be one buffer.
  T* sums[kSiteAdapters + 1];
  T* h[kSiteAdapters];  // what each adapter read, (rows, hidden); null where none at the level
                        // learns
  T* f_gradient;        // null: not wanted, or equal to sums[0]
  DropoutScale dropout;
  int hidden;
  Groups<SiteBackwardAdapter<T>, kSiteAdapters, kSiteGroups> groups;
};

/// The steps of one block's rows. In shared memory lie a tile of whole rows, which holds by turns
/// the gradient by y and that by LN(y + a), and z, then the gradient by it.
template <class T, int kRows>
struct SiteBackwardBlock {
  const SiteBackward<T>& site;
  const Group<SiteBackwardAdapter<T>, kSiteAdapters>& group;
  const BlockRows<kRows> rows;
  const int stride, padded;
  const Shared<T> tile, z;

  MADX_DEVICE explicit SiteBackwardBlock(const SiteBackward<T>& site_)
      : site(site_),
        group(site_.groups.of_block(blockIdx.x)),
        rows(group),
        stride(shared_stride<T>(site_.hidden)),
        padded(round_up(site_.hidden, kStep<T>)),
        tile(reinterpret_cast<T*>(dynamic_shared())),
        z(reinterpret_cast<T*>(dynamic_shared()) + kRows * stride) {}

  /// Rows of a buffer shaped like f.
  template <Access kAccess, class Element>
  MADX_DEVICE Rows<Element, kAccess> like_f(Element* data) const {
    return {data, site.f.row_stride, site.hidden, site.f.whole_words};
  }

  /// What the LayerNorm above the lowest `level` adapters read: y + a. Called by all lanes.
  MADX_DEVICE Eight block_sum(int level, int64_t at, int column, int block) const {
    Eight y;
    if (level == 0) {
      y = site.f.load(at, column);
      drop(site.dropout, at, block, y);
      y = through<T>(y);
    } else {
      y = like_f<Access::kReadOnly>(site.y[level - 1]).load(at, column);
    }
    return through<T>(add(y, site.a.load(at, column)));
  }

  MADX_DEVICE Statistics statistics(int level, int64_t at) const {
    const float* const from = site.statistics + (level * site.rows + at) * 2;
    return {__ldg(from), __ldg(from + 1)};
  }

  /// From the gradient dy by LN(x), x = y + a, to that by y:
  ///   dx = scale (dn - mean(dn) - n mean(dn n)),  n = (x - mean) scale,  dn = dy weight
  /// and what came past the LayerNorm, from `above`. `gradient(row, column)` is dy. Leaves the sum
  /// in the tile and in sums[level]; writes h where it is wanted.
  template <class Gradient>
  MADX_DEVICE void norm_backward(int level, bool from_above, bool h_wanted,
                                 Gradient gradient) const {
    each_row<kRows>(rows.count, [&](int row) {
      const int64_t at = rows.first + row;
      const auto stats = statistics(level, at);
      float total = 0, product = 0;
      each_part(site.hidden, [&](int column, int block) {
        const auto n = Norm<T>::centre(block_sum(level, at, column, block), stats);
        if (column >= site.hidden) return;
        const auto dy = gradient(row, column), w = site.norm.weight.load(0, column);
        MADX_UNROLL
        for (int i = 0; i < kColumns; ++i) {
          const float dn = dy.value[i] * w.value[i];
          total += dn;
          product += dn * n.value[i];
        }
      });
      const float mean = warp_sum(total) / static_cast<float>(site.hidden);
      const float slope = warp_sum(product) / static_cast<float>(site.hidden);
      each_part(padded, [&](int column, int block) {
        const auto x = block_sum(level, at, column, block);
        const auto n = Norm<T>::centre(x, stats);
        Eight dx{};
        if (column < site.hidden) {
          const auto dy = gradient(row, column), w = site.norm.weight.load(0, column);
          MADX_UNROLL
          for (int i = 0; i < kColumns; ++i) {
            const float dn = dy.value[i] * w.value[i];
            dx.value[i] =
                column + i < site.hidden ? stats.scale * (dn - mean - n.value[i] * slope) : 0.0f;
          }
          if (from_above)
            dx = add(dx, like_f<Access::kRewritten>(site.sums[level + 1]).load(at, column));
          if (h_wanted)
            like_f<Access::kRewritten>(site.h[level])
                .store(at, column, site.norm.apply(x, stats, column));
          if (site.sums[level] != nullptr)
            like_f<Access::kRewritten>(site.sums[level]).store(at, column, dx);
        }
        if (column < padded) tile.set_eight(row * stride + column, dx);
        if (level > 0 || site.f_gradient == nullptr) return;
        drop(site.dropout, at, block, dx);
        like_f<Access::kRewritten>(site.f_gradient).store(at, column, dx);
      });
    });
  }

  /// Through the LayerNorm that closes the block.
  MADX_DEVICE void close() const {
    norm_backward(group.levels, /*from_above=*/false, /*h_wanted=*/false, [&](int row, int column) {
      return site.out_gradient.load(rows.first + row, column);
    });
  }

  MADX_DEVICE void load_z(const SiteBackwardAdapter<T>& adapter) const {
    const Rows<const T> from{adapter.z, adapter.bottleneck, adapter.bottleneck, adapter.down_words};
    load_rows<kRows>(from, rows.first - group.first_row, rows.count, z,
                     shared_stride<T>(adapter.bottleneck), round_up(adapter.bottleneck, kStep<T>));
  }

  /// z's gradient in z's place: that by relu's input.
  MADX_DEVICE void up_backward(const SiteBackwardAdapter<T>& adapter) const {
    const int z_stride = shared_stride<T>(adapter.bottleneck);
    const Matrix<T> weights{adapter.up_transposed, adapter.bottleneck, site.hidden,
                            adapter.up_words};
    multiply<kRows>(weights, tile, [&](int neuron, int row, float value) {
      const int at = row * z_stride + neuron;
      z.set(at, rounded<T>(relu_backward(to_float(z.get(at)), value)));
    });
  }

  MADX_DEVICE void keep_z_gradient(const SiteBackwardAdapter<T>& adapter) const {
    if (adapter.z_gradient == nullptr) return;
    const Rows<T> to{adapter.z_gradient, adapter.bottleneck, adapter.bottleneck,
                     adapter.down_words};
    store_rows<kRows>(z, shared_stride<T>(adapter.bottleneck), rows.count, to,
                      rows.first - group.first_row);
  }

  /// The gradient by the adapter's input h, into the tile.
  MADX_DEVICE void down_backward(const SiteBackwardAdapter<T>& adapter) const {
    const Matrix<T> weights{adapter.down_transposed, site.hidden, adapter.bottleneck,
                            adapter.down_words};
    multiply<kRows>(weights, z, [&](int neuron, int row, float value) {
      tile.set(row * stride + neuron, rounded<T>(value));
    });
  }

  /// Through the LayerNorm below an adapter.
  MADX_DEVICE void read_backward(int level, bool h_wanted) const {
    norm_backward(level, /*from_above=*/true, h_wanted,
                  [&](int row, int column) { return tile.get_eight(row * stride + column); });
  }

  /// What the adapter above `level` others read, where nothing below it is wanted.
  MADX_DEVICE void write_h(int level) const {
    each_row<kRows>(rows.count, [&](int row) {
      const int64_t at = rows.first + row;
      const auto stats = statistics(level, at);
      each_part(site.hidden, [&](int column, int block) {
        const auto x = block_sum(level, at, column, block);
        if (column < site.hidden)
          like_f<Access::kRewritten>(site.h[level])
              .store(at, column, site.norm.apply(x, stats, column));
      });
    });
  }
};

template <class T, int kRows>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<T, kRows>)
    site_backward(const __grid_constant__ SiteBackward<T> site) {
  const SiteBackwardBlock<T, kRows> block(site);
  clear_rows<kRows>(block.tile, block.stride, block.padded, block.rows.count);
  block.close();
  for (int level = block.group.levels - 1; level >= block.group.lowest; --level) {
    const auto& adapter = block.group.adapters[level];
    const bool learns = adapter.z_gradient != nullptr;
    block.load_z(adapter);
    __syncthreads();
    block.up_backward(adapter);
    __syncthreads();
    block.keep_z_gradient(adapter);
    if (level == block.group.lowest && site.sums[level] == nullptr) {
      if (learns) block.write_h(level);
      break;
    }
    block.down_backward(adapter);
    __syncthreads();
    block.read_backward(level, learns);
  }
}

}  // namespace madx::cuda
