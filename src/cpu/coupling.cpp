#include "madx/cpu/coupling.h"

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/products.h"
#include "cpu/row_loops.h"

namespace madx::cpu::MADX_CAPABILITY {
namespace {

/// Weights of F or G as products read them.
template <class Products>
struct NetWeights {
  NetWeights(const CouplingNet& net, int64_t source, int64_t target) : net(net) {
    down.set_transposed(net.down, net.bottleneck, source);
    up.set_transposed(net.up, target, net.bottleneck);
  }
  const CouplingNet& net;
  typename Products::Weight down, up;
};

/// A thread's tile of rows: both halves of its channels, and what is added to one of them.
template <class Products>
class CouplingTile {
 public:
  CouplingTile(const CouplingProblem& problem, int64_t size)
      : problem_(problem),
        low_(size * low(), kAnything),
        high_(size * high(), kAnything),
        z_(size * bottleneck(), kAnything),
        added_(size * high(), kAnything),
        source_operand_(size, high()),
        z_operand_(size, bottleneck()) {}

  void compute(int64_t first, int64_t rows, int64_t size, const NetWeights<Products>& f,
               const NetWeights<Products>& g, float* y) {
    rows_ = rows;
    size_ = size;
    const float* const x = problem_.x + first * problem_.hidden;
    for (int64_t row = 0; row < rows; ++row) {
      const float* const from = x + row * problem_.hidden;
      std::copy_n(from, low(), low_.data() + row * low());
      std::copy_n(from + low(), high(), high_.data() + row * high());
    }
    if (problem_.inverse) {
      add(g, -1, low_.data(), low(), high_.data(), high());
      add(f, -1, high_.data(), high(), low_.data(), low());
    } else {
      add(f, 1, high_.data(), high(), low_.data(), low());
      add(g, 1, low_.data(), low(), high_.data(), high());
    }
    for (int64_t row = 0; row < rows; ++row) {
      float* const to = y + (first + row) * problem_.hidden;
      std::copy_n(low_.data() + row * low(), low(), to);
      std::copy_n(high_.data() + row * high(), high(), to + low());
    }
  }

 private:
  static constexpr auto kAnything = Scratch::Start::kAnything;
  int64_t low() const { return problem_.hidden / 2; }
  int64_t high() const { return problem_.hidden - low(); }
  int64_t bottleneck() const { return std::max(problem_.f.bottleneck, problem_.g.bottleneck); }

  /// to += sign * net(from), from (rows, source), to (rows, target). What is added is summed apart,
  /// so that the inverse takes away the same numbers.
  void add(const NetWeights<Products>& weights, float sign, const float* from, int64_t source,
           float* to, int64_t target) {
    const auto& net = weights.net;
    const auto inner = net.bottleneck;
    source_operand_.load(from, source, size_, source);
    products_.times(source_operand_, size_, weights.down, z_.data(), /*accumulate=*/false);
    bias_and_relu(z_.data(), net.down_bias, rows_, inner);
    z_operand_.load(z_.data(), inner, size_, inner);
    products_.times(z_operand_, size_, weights.up, added_.data(), /*accumulate=*/false);
    for (int64_t row = 0; row < rows_; ++row) {
      float *const to_row = to + row * target, *const added = added_.data() + row * target;
#pragma omp simd
      for (int64_t i = 0; i < target; ++i) to_row[i] += sign * (added[i] + net.up_bias[i]);
    }
  }

  const CouplingProblem& problem_;
  int64_t rows_ = 0, size_ = 0;
  Products products_;
  Scratch low_, high_, z_, added_;
  typename Products::Rows source_operand_, z_operand_;
};

template <class Products>
void compute(const CouplingProblem& problem, int threads, float* y) {
  const RowTiles tiles(problem.rows, threads, Products::kSiteRows, Products::kSiteGranule);
  const auto low = problem.hidden / 2, high = problem.hidden - low;
  NetWeights<Products> f(problem.f, high, low), g(problem.g, low, high);
  make_panels<Products>({&f.down, &f.up, &g.down, &g.up}, tiles.threads());
  SharedPieces pieces(tiles.count());
  parallel(tiles.threads(), [&](Thread thread) {
    CouplingTile<Products> tile(problem, tiles.size());
    pieces.for_each(thread, [&](int64_t i) {
      tile.compute(tiles.first(i), tiles.rows_of(i), tiles.size_of(i), f, g, y);
    });
  });
}

}  // namespace

void coupling(const CouplingProblem& problem, int threads, float* y) {
  if (problem.rows == 0) return;
  with_products(problem.products, [&](auto products) {
    compute<typename decltype(products)::Type>(problem, threads, y);
  });
}

}  // namespace madx::cpu::MADX_CAPABILITY
