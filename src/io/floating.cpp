#include "madx/io/floating.h"

#include "madx/core/error.h"

namespace madx::io {

std::string type_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kShort:
      return "int16";
    case at::kChar:
      return "int8";
    case at::kByte:
      return "uint8";
    case at::kBool:
      return "bool";
    case at::kComplexFloat:
      return "complex64";
    case at::kComplexDouble:
      return "complex128";
    default:
      return c10::toString(type);  // Float8_e4m3fn, QInt8, ...
  }
}

void check_floating(const std::string& what, const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  if (tensor.layout() != at::kStrided) {
    input_error(what, ": expected a dense tensor, but found a sparse one; save it as a dense one");
  }
  if (type == at::kFloat || type == at::kHalf || type == at::kBFloat16 || type == at::kDouble)
    return;
  input_error(what,
              ": expected a weight in float32, float16, bfloat16 or float64, but found one in ",
              type_name(type), "; convert it to float32");
}

}  // namespace madx::io
