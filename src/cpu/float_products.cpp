#include "madx/cpu/float_products.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "madx/core/error.h"
#include "madx/cpu/bfloat16.h"

namespace madx::cpu {
namespace {

FloatProducts products_at_start() {
  constexpr auto kVariable = "MADX_FLOAT32_PRODUCTS";
  const char* const value = std::getenv(kVariable);
  const std::string wanted = value == nullptr ? "" : value;
  if (wanted == "vector") return FloatProducts::kVector;
  const bool has_matrix = has_bfloat16_products();
  if (wanted.empty()) return has_matrix ? FloatProducts::kMatrix : FloatProducts::kVector;
  if (wanted != "matrix")
    input_error(kVariable, ": expected 'vector' or 'matrix', but got '", wanted, "'");
  if (!has_matrix) {
    input_error(kVariable, ": expected 'vector', since this processor has no matrix units (AMX), ",
                "but got 'matrix'");
  }
  return FloatProducts::kMatrix;
}

std::atomic<FloatProducts>& in_force() {
  static std::atomic<FloatProducts> products = products_at_start();
  return products;
}

}  // namespace

FloatProducts float_products() { return in_force(); }

void set_float_products(FloatProducts products) {
  if (products == FloatProducts::kMatrix && !has_bfloat16_products())
    input_error("set_float_products: expected a processor with matrix units (AMX)");
  in_force() = products;
}

}  // namespace madx::cpu
