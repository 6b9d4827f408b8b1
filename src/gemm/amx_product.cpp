// Products on the processor's matrix units (Intel AMX); docs/log/performance.md has libraries'
// beside them.
#include "gemm/amx_product.h"

#include "gemm/tile_products.h"
#include "madx/core/error.h"

namespace madx::gemm::MADX_CAPABILITY {

#ifdef MADX_MATRIX_UNITS

void amx_product(const Bfloat16Product& product) { TileProducts<AmxBfloat16>::multiply(product); }
void split_product(const SplitProduct& product) { TileProducts<AmxBfloat16>::multiply(product); }

#else

void amx_product(const Bfloat16Product&) {
  machine_error("products of bfloat16: expected a processor with AMX; use float32");
}
void split_product(const SplitProduct&) {
  machine_error("split products: expected a processor with AMX");
}

#endif

}  // namespace madx::gemm::MADX_CAPABILITY
