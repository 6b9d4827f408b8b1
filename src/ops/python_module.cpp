// torch.ops.load_library("libmadx_ops.so") in Python: the operators are there when it is loaded.
#include "madx/ops/schema.h"

namespace {
const bool registered = (madx::ops::register_ops(), true);
}
