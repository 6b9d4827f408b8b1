#pragma once

/// The kernels' parts are in a namespace of the capability that they are compiled for; tests are
/// compiled for one of their own (tests/CMakeLists.txt).
namespace madx::cpu {
namespace MADX_CAPABILITY {}
using namespace MADX_CAPABILITY;
}  // namespace madx::cpu
