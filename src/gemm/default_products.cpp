#include <cstdlib>
#include <string>

#include "madx/core/error.h"
#include "madx/gemm/capability.h"
#include "madx/gemm/products.h"

namespace madx::gemm {
namespace {

Products products_at_start() {
  constexpr auto kVariable = "MADX_FLOAT32_PRODUCTS";
  const char* const value = std::getenv(kVariable);
  const std::string wanted = value == nullptr ? "" : value;
  if (wanted == "vector") return Products::kVector;
  const bool has_matrix = has_matrix_units();
  if (wanted.empty()) return has_matrix ? Products::kMatrix : Products::kVector;
  if (wanted != "matrix")
    input_error(kVariable, ": expected 'vector' or 'matrix', but got '", wanted, "'");
  if (!has_matrix) {
    input_error(kVariable, ": expected 'vector', since this processor has no matrix units (AMX), ",
                "but got 'matrix'");
  }
  return Products::kMatrix;
}

}  // namespace

Products default_products() {
  static const auto products = products_at_start();
  return products;
}

}  // namespace madx::gemm
