// torch.ops.load_library("libmadx_ops.so") in Python: the operators are there when it is loaded.
#include <torch/version.h>

#include "madx/ops/register_ops.h"

/// For who wants to know before loading it, which fails beside another version.
extern "C" const char madx_torch_version[] = "built with LibTorch " TORCH_VERSION;

namespace {
const bool registered = (madx::ops::register_ops(), true);
}
