#pragma once

/// The kernels' parts are in namespaces of the capability that they are compiled for; tests are
/// compiled for one of their own (tests/CMakeLists.txt).
namespace madx::gemm {
namespace MADX_CAPABILITY {}
using namespace MADX_CAPABILITY;
}  // namespace madx::gemm
namespace madx::cpu {
namespace MADX_CAPABILITY {}
using namespace MADX_CAPABILITY;
using namespace gemm;
}  // namespace madx::cpu
