#pragma once

namespace madx {

/// The version of this library, MAJOR.MINOR.PATCH; CMake reads it here.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace madx
