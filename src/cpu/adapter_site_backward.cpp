// The backward pass of an adapter site, a tile of rows at a time. LayerNorms and dropout are
// computed again; of the forward pass only each adapter's z and sum are kept, so no product is.
#include "cpu/gemm.h"
#include "cpu/gradient_sums.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/site_groups.h"
#include "cpu/stack_weights.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// What a thread has for itself.
template <class Products>
struct BackwardThread {
  BackwardThread(const SiteProblem& problem, int64_t tile)
      : y(tile * problem.hidden, kAnything),
        h(tile * problem.hidden, kAnything),
        a_gradient(tile * problem.hidden, kAnything),
        z(tile * widest_bottleneck(problem), kAnything),
        z_gradient(tile * widest_bottleneck(problem), kAnything),
        row(problem.hidden, kAnything),
        factors(problem.hidden + 4, kAnything),
        y_operand(tile, problem.hidden),
        z_operand(tile, widest_bottleneck(problem)) {}
  static constexpr auto kAnything = Scratch::Start::kAnything;
  Products products;
  Scratch y, h, a_gradient, z, z_gradient, row, factors;
  typename Products::Rows y_operand, z_operand;
};

/// One tile of the backward pass; `y` is the gradient by the output of the adapter at hand.
template <class Products>
class BackwardTile {
 public:
  /// `kept` is the tile's group's.
  BackwardTile(const SiteProblem& problem, const SiteRows& site, const IndexedSiteGroup& group,
               const SiteGroups::Tile& tile, const SiteAdapterKept* kept,
               BackwardThread<Products>& mine)
      : problem_(problem),
        site_(site),
        group_(group),
        kept_(kept),
        hidden_(problem.hidden),
        first_(tile.first),
        first_of_group_(tile.first - group.first),
        rows_(tile.rows),
        tile_(tile.size),
        mine_(mine),
        y_(mine_.y.data()),
        h_(mine_.h.data()),
        a_(mine_.a_gradient.data()) {}

  /// Through the LayerNorm that closes the block.
  void close(const float* out_gradient) {
    for (int64_t row = 0; row < rows_; ++row) {
      const float* const sum = block_sum(group_.adapters.size(), row, h_row(row));
      site_.norm().backward(sum, out_gradient + (first_ + row) * hidden_, y_row(row));
    }
    std::copy_n(y_, rows_ * hidden_, a_);
    std::fill(y_row(rows_), y_row(tile_), 0.0f);
    std::fill(h_row(rows_), h_row(tile_), 0.0f);
  }

  /// Through one adapter of the stack: its weights' gradients if it learns, and what it read if
  /// that is wanted.
  void adapter(size_t index, const typename StackWeights<Products>::Adapter& weights,
               const SiteAdapterGradient& sums, bool below) {
    const auto bottleneck = problem_.adapters[group_.adapters[index]].bottleneck;
    float *const z = mine_.z.data(), *const dz = mine_.z_gradient.data();
    std::copy_n(kept_[index].z + first_of_group_ * bottleneck, rows_ * bottleneck, z);
    std::fill(z + rows_ * bottleneck, z + tile_ * bottleneck, 0.0f);
    mine_.y_operand.load(y_, hidden_, tile_, hidden_);
    mine_.products.times(mine_.y_operand, tile_, weights.up, dz, /*accumulate=*/false);
    // As LibTorch has it, the gradient passes where z is not a number.
#pragma omp simd
    for (int64_t i = 0; i < tile_ * bottleneck; ++i) dz[i] = z[i] <= 0 ? 0.0f : dz[i];
    if (sums.down != nullptr) {
      for (int64_t row = 0; row < rows_; ++row) {
        site_.norm().forward(block_sum(index, row, h_row(row)), h_row(row));
      }
      mine_.products.add_transposed(y_, hidden_, hidden_, tile_, z, bottleneck, bottleneck, sums.up,
                                    bottleneck);
      mine_.products.add_transposed(dz, bottleneck, bottleneck, tile_, h_, hidden_, hidden_,
                                    sums.down, hidden_);
      add_rows_to(sums.up_bias, y_, rows_, hidden_);
      add_rows_to(sums.down_bias, dz, rows_, bottleneck);
    }
    if (!below) return;
    mine_.z_operand.load(dz, bottleneck, tile_, bottleneck);
    mine_.products.times(mine_.z_operand, tile_, weights.down, h_, /*accumulate=*/false);
    for (int64_t row = 0; row < rows_; ++row) {
      const float* const sum = block_sum(index, row, mine_.row.data());
      site_.norm().backward(sum, h_row(row), h_row(row));
      add_to(y_row(row), h_row(row), hidden_);
      add_to(a_ + row * hidden_, h_row(row), hidden_);
    }
    std::fill(h_row(rows_), h_row(tile_), 0.0f);
  }

  /// Writes what is wanted of the gradients by f and a.
  void finish(float* f_gradient, float* a_gradient) {
    for (int64_t row = 0; row < rows_ && f_gradient != nullptr; ++row)
      site_.drop(first_ + row, y_row(row), factors(), f_gradient + (first_ + row) * hidden_);
    if (a_gradient != nullptr) std::copy_n(a_, rows_ * hidden_, a_gradient + first_ * hidden_);
  }

 private:
  float* y_row(int64_t row) const { return y_ + row * hidden_; }
  float* h_row(int64_t row) const { return h_ + row * hidden_; }

  /// a + the output of the `below` lowest adapters: as it was kept, or in `memory`.
  const float* block_sum(size_t below, int64_t row, float* memory) const {
    if (below > 0) return kept_[below - 1].sum + (first_of_group_ + row) * hidden_;
    site_.begin(first_ + row, factors(), memory);
    return memory;
  }
  /// Working memory for dropout factors that is free at any time.
  float* factors() const { return mine_.factors.data(); }

  const SiteProblem& problem_;
  const SiteRows& site_;
  const IndexedSiteGroup& group_;
  const SiteAdapterKept* kept_;
  int64_t hidden_, first_, first_of_group_, rows_, tile_;
  BackwardThread<Products>& mine_;
  float *y_, *h_, *a_;
};

template <class Products>
void backward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
              const float* out_gradient, int threads, float* f_gradient, float* a_gradient,
              const std::vector<SiteAdapterGradient>& gradients) {
  const SiteGroups groups(problem, threads, Products::kSiteRows, Products::kSiteGranule);
  const GradientSums sums(problem, gradients, groups.threads());  // zeros where there are no rows
  if (problem.rows == 0) return;
  const SiteRows site(problem);
  const bool input_wanted = f_gradient != nullptr || a_gradient != nullptr;
  std::vector<size_t> lowest;  // of each group's stack, the lowest adapter that learns
  for (size_t group = 0; group < groups.count(); ++group) {
    const auto& adapters = groups[group].adapters;
    const auto learns = [&](size_t adapter) { return gradients[adapter].down != nullptr; };
    lowest.push_back(static_cast<size_t>(std::find_if(adapters.begin(), adapters.end(), learns) -
                                         adapters.begin()));
  }
  for_each_stack<Products>(
      problem, groups, StackWeights<Products>::Pass::kBackward,
      [&] { return BackwardThread<Products>(problem, groups.largest_tile()); },
      [&](Thread thread, auto& mine, const auto& stack, size_t number) {
        const auto& group = groups[number];
        const auto& sums_here = sums.of(thread.index);
        // Each thread's own ones alone: which sum a tile is added to, and so a gradient's last bit,
        // must not depend on which thread was faster.
        for (int64_t place = thread.index; place < groups.tiles_of(number); place += thread.count) {
          BackwardTile<Products> tile(problem, site, group, groups.tile(number, place),
                                      kept.data() + groups.first_step(number), mine);
          tile.close(out_gradient);
          for (auto above = group.adapters.size(); above > 0; --above) {
            const auto step = above - 1;
            if (!input_wanted && step < lowest[number]) break;
            tile.adapter(step, stack[step], sums_here[group.adapters[step]],
                         input_wanted || step > lowest[number]);
          }
          tile.finish(f_gradient, a_gradient);
        }
      });
  sums.add_up();
}

}  // namespace

void adapter_site_backward(const SiteProblem& problem, const std::vector<SiteAdapterKept>& kept,
                           const float* out_gradient, int threads, float* f_gradient,
                           float* a_gradient, const std::vector<SiteAdapterGradient>& gradients) {
  with_products(problem.products, [&](auto products) {
    backward<typename decltype(products)::Type>(problem, kept, out_gradient, threads, f_gradient,
                                                a_gradient, gradients);
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY
