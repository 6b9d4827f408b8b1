#pragma once

#include "cuda/groups.cuh"
#include "cuda/row_steps.cuh"

namespace madx::cuda {

/// One adapter's part of a site's forward pass.
template <class T>
struct SiteForwardAdapter {
  const T *down, *down_bias, *up, *up_bias;
  T* z;  // (rows of the group, bottleneck), kept for the backward pass; or null
  int bottleneck;
  bool down_words, up_words;  // whether down, and up and z, have rows of whole words
};

constexpr int kSiteAdapters = 4, kSiteGroups = 14;

/// A site's forward pass; see ops/adapter_site.h for the equation.
template <class T>
struct SiteForward {
  Rows<const T> f, a;
  Norm<T> norm;
  T* y[kSiteAdapters];  // (rows, hidden) of each level, kept for the backward pass; or null
  float* statistics;    // (levels + 1, rows, 2): mean and scale of each LayerNorm; or null
  int64_t rows;
  Rows<T> out;
  DropoutScale dropout;
  int hidden;
  Groups<SiteForwardAdapter<T>, kSiteAdapters, kSiteGroups> groups;
};

/// The steps of one block's rows. In shared memory lie a tile of whole rows, which holds by turns
/// LN(y + a) and U z, and z.
template <class T, int kRows>
struct SiteForwardBlock {
  const SiteForward<T>& site;
  const Group<SiteForwardAdapter<T>, kSiteAdapters>& group;
  const BlockRows<kRows> rows;
  const int stride, padded;
  const Shared<T> tile, z;

  MADX_DEVICE explicit SiteForwardBlock(const SiteForward<T>& site_)
      : site(site_),
        group(site_.groups.of_block(blockIdx.x)),
        rows(group),
        stride(shared_stride<T>(site_.hidden)),
        padded(round_up(site_.hidden, kStep<T>)),
        tile(reinterpret_cast<T*>(dynamic_shared())),
        z(reinterpret_cast<T*>(dynamic_shared()) + kRows * stride) {}

  /// Where the output of the first `level` adapters goes until the next row step, and stays for the
  /// backward pass if it is kept.
  MADX_DEVICE Rows<T, Access::kRewritten> sums(int level) const {
    T* const kept = site.y[level - 1];
    return {kept != nullptr ? kept : site.out.data, site.out.row_stride, site.hidden,
            site.out.whole_words};
  }

  /// y = U z + y below (dropout(f) at level 0), then LN(y + a): into the tile, or out at the end.
  MADX_DEVICE void add_and_norm(int level) const {
    const bool last = level == group.levels;
    each_row<kRows>(rows.count, [&](int row) {
      const int64_t at = rows.first + row;
      const Shared<T> own = tile + row * stride;
      float own_sum = 0;
      each_part(padded, [&](int column, int block) {
        Eight y;
        if (level < 2) {
          y = site.f.load(at, column);
          drop(site.dropout, at, block, y);
          y = through<T>(y);
        } else {
          y = sums(level - 1).load(at, column);
        }
        if (column >= padded) return;
        if (level > 0) {
          y = through<T>(add(y, own.get_eight(column)));
          if (!last || site.y[level - 1] != nullptr) sums(level).store(at, column, y);
        }
        const auto s = through<T>(add(y, site.a.load(at, column)));
        own.set_eight(column, s);
        own_sum += sum(s);
      });
      const auto statistics = site.norm.statistics(own, site.hidden, padded, own_sum);
      if (site.statistics != nullptr && lane_index() == 0) {
        float* const to = site.statistics + (level * site.rows + at) * 2;
        __stcg(to, statistics.mean);
        __stcg(to + 1, statistics.scale);
      }
      each_part(padded, [&](int column, int) {
        if (column >= padded) return;
        if (column >= site.hidden) return own.set_eight(column, Eight{});
        const auto h = site.norm.apply(own.get_eight(column), statistics, column);
        if (last) {
          site.out.store(at, column, h);
        } else {
          own.set_eight(column, h);
        }
      });
    });
  }

  /// z = relu(D h + b)
  MADX_DEVICE void down(const SiteForwardAdapter<T>& adapter) const {
    const int z_stride = shared_stride<T>(adapter.bottleneck);
    const Matrix<T> weights{adapter.down, adapter.bottleneck, site.hidden, adapter.down_words};
    multiply<kRows>(weights, tile, [&](int neuron, int row, float value) {
      const float bias = neuron < adapter.bottleneck
                             ? load_value<Access::kReadOnly>(adapter.down_bias + neuron)
                             : 0.0f;
      z.set(row * z_stride + neuron, rounded<T>(relu(value + bias)));
    });
  }

  /// The tile = U z + b
  MADX_DEVICE void up(const SiteForwardAdapter<T>& adapter) const {
    const Matrix<T> weights{adapter.up, site.hidden, adapter.bottleneck, adapter.up_words};
    multiply<kRows>(weights, z, [&](int neuron, int row, float value) {
      const float bias =
          neuron < site.hidden ? load_value<Access::kReadOnly>(adapter.up_bias + neuron) : 0.0f;
      tile.set(row * stride + neuron, rounded<T>(value + bias));
    });
  }

  MADX_DEVICE void keep_z(const SiteForwardAdapter<T>& adapter) const {
    if (adapter.z == nullptr) return;
    const Rows<T> kept{adapter.z, adapter.bottleneck, adapter.bottleneck, adapter.up_words};
    store_rows<kRows>(z, shared_stride<T>(adapter.bottleneck), rows.count, kept,
                      rows.first - group.first_row);
  }
};

template <class T, int kRows>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<T, kRows>)
    site_forward(const __grid_constant__ SiteForward<T> site) {
  const SiteForwardBlock<T, kRows> block(site);
  clear_rows<kRows>(block.tile, block.stride, block.padded, block.rows.count);
  block.add_and_norm(0);
  for (int level = 0; level < block.group.levels; ++level) {
    const auto& adapter = block.group.adapters[level];
    __syncthreads();
    block.down(adapter);
    __syncthreads();
    block.keep_z(adapter);
    block.up(adapter);
    __syncthreads();
    block.add_and_norm(level + 1);
  }
}

}  // namespace madx::cuda
