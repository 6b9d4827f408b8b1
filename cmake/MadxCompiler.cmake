# The compilers that madx is written for: older ones fail in the middle of a build, with errors that say nothing.
set(madx_compilers "GCC 12 or newer, or Clang 14 or newer")
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR
    "The C++ compiler: expected ${madx_compilers}, but found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} "
    "(${CMAKE_CXX_COMPILER}). Install a newer one and name it: CXX=g++-12 cmake ..., in a fresh build directory.")
endif()
