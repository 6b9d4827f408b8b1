// What of the parts is not inline. Where there are no matrix units, products run on emulated ones.
#include "gemm/amx_tiles.cpp"

#ifdef MADX_MATRIX_UNITS
#include "gemm/emulated_tiles.h"
#include "gemm/tile_products.h"

namespace madx::gemm::MADX_CAPABILITY {

template <class Product>
void multiply(const Product& product) {
  if (has_matrix_units()) return TileProducts<AmxBfloat16>::multiply(product);
  TileProducts<EmulatedBfloat16>::multiply(product);
}
void amx_product(const Bfloat16Product& product) { multiply(product); }
void split_product(const SplitProduct& product) { multiply(product); }

}  // namespace madx::gemm::MADX_CAPABILITY
#endif
