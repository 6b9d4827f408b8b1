#pragma once

#include <cstdint>

#include "cpu/matrix_products.h"
#include "cpu/row_tiles.h"
#include "cpu/vector_products.h"
#include "madx/cpu/float_products.h"

namespace madx::cpu {

/// Calls `kernel` with a tag of the products in force, as `kernel(tag)`, `decltype(tag)::Type`.
template <class Products>
struct ProductsTag {
  using Type = Products;
};
template <class Kernel>
void with_float_products(Kernel&& kernel) {
  if (float_products() == FloatProducts::kMatrix) {
    kernel(ProductsTag<MatrixProducts>());
  } else {
    kernel(ProductsTag<VectorProducts>());
  }
}

/// Makes the panels that a weight has; called by all threads of a parallel region, each of which
/// makes some.
template <class Weight>
void make_panels(Weight& weight) {
  if constexpr (Weight::kHasPanels) {
#pragma omp for schedule(dynamic) nowait
    for (int64_t panel = 0; panel < weight.panels(); ++panel) weight.make(panel);
  }
}

/// Tiles that read `in` floats a row and write `out`.
template <class Products>
RowTiles tiles_for(int64_t rows, int threads, int64_t in, int64_t out) {
  return RowTiles(rows, threads, Products::tile_rows(in, out), Products::kGranule);
}

}  // namespace madx::cpu
