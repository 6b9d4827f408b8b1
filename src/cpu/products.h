#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/gemm.h"
#include "cpu/parallel.h"
#include "cpu/row_tiles.h"
#include "madx/core/error.h"
#include "madx/gemm/capability.h"
#include "madx/gemm/products.h"

namespace madx::cpu::MADX_CAPABILITY {

/// Calls `kernel` with a tag of these products, as `kernel(tag)`, `decltype(tag)::Type`.
template <class Products>
struct ProductsTag {
  using Type = Products;
};
template <class Kernel>
void with_products(gemm::Products products, Kernel&& kernel) {
  if (products == gemm::Products::kMatrix) {
    if (!gemm::has_matrix_units())
      input_error("Products::kMatrix: expected a processor with matrix units (AMX); use kVector");
#ifdef MADX_MATRIX_UNITS
    return kernel(ProductsTag<MatrixProducts>());
#endif
  }
  kernel(ProductsTag<VectorProducts>());
}

/// Makes the panels that weights have, on several threads.
template <class Products>
void make_panels(const std::vector<typename Products::Weight*>& weights, int threads) {
  if constexpr (Products::Weight::kHasPanels) {
    std::vector<int64_t> ends;  // of each weight's panels, all counted through
    int64_t panels = 0;
    for (const auto* weight : weights) ends.push_back(panels += weight->panels());
    if (panels == 0) return;
    SharedPieces pieces(panels);
    parallel(threads, [&](Thread thread) {
      pieces.for_each(thread, [&](int64_t piece) {
        const auto which = std::upper_bound(ends.begin(), ends.end(), piece) - ends.begin();
        auto& weight = *weights[static_cast<size_t>(which)];
        weight.make(piece - (ends[static_cast<size_t>(which)] - weight.panels()));
      });
    });
  }
}

/// Tiles that read `in` floats a row and write `out`.
template <class Products>
RowTiles tiles_for(int64_t rows, int threads, int64_t in, int64_t out) {
  return RowTiles(rows, threads, Products::tile_rows(in, out), Products::kGranule);
}

}  // namespace madx::cpu::MADX_CAPABILITY
