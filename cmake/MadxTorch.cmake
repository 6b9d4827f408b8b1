# Finds LibTorch and offers it as the target madx::torch: to this build, and from an installed package to those who use it.
# MADX_TORCH_VERSION is then its version; where there is none, MADX_TORCH_PROBLEM says so.
#
# 1. A LibTorch that the user names (CMAKE_PREFIX_PATH or Torch_DIR) is used as it is, with CUDA where it has it. One that
#    merely is on the system, or beside a folder of PATH, is not looked for: it would stand before the one of 2.
# 2. Else an unpacked torch wheel in the folder MADX_TORCH_WHEEL: linked as libtorch_cpu and libc10 alone. TorchConfig.cmake
#    of the same wheel would insist on a CUDA toolkit; those two libraries need only libcudart and libcupti, which the
#    wheel's own run path finds beside it.
set(MADX_TORCH_PROBLEM "")
set(MADX_TORCH_VERSION "")
if(NOT TARGET madx::torch)
  add_library(madx::torch INTERFACE IMPORTED)
endif()
find_package(Torch 2.6 CONFIG QUIET NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_PACKAGE_REGISTRY NO_CMAKE_SYSTEM_PATH
  NO_CMAKE_SYSTEM_PACKAGE_REGISTRY)
set(madx_torch_passed_over "")
if(NOT Torch_FOUND AND Torch_CONSIDERED_VERSIONS)
  set(madx_torch_passed_over "expected LibTorch 2.6 or newer, but found ${Torch_CONSIDERED_VERSIONS} in ${Torch_CONSIDERED_CONFIGS}")
  message(WARNING "LibTorch: ${madx_torch_passed_over}; it is passed over")
endif()
if(Torch_FOUND)
  string(REGEX REPLACE "[+].*" "" MADX_TORCH_VERSION "${Torch_VERSION}")  # without "+cpu"
  set(madx_torch_place "${Torch_DIR}")
  separate_arguments(madx_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  set_target_properties(madx::torch PROPERTIES
    INTERFACE_LINK_LIBRARIES "${TORCH_LIBRARIES}" INTERFACE_COMPILE_OPTIONS "${madx_torch_flags}")
elseif(EXISTS "${MADX_TORCH_WHEEL}/torch/lib/libtorch_cpu.so")
  set(madx_torch_place "${MADX_TORCH_WHEEL}")
  set(madx_torch_root "${MADX_TORCH_WHEEL}/torch")
  file(STRINGS "${madx_torch_root}/share/cmake/Torch/TorchConfigVersion.cmake" madx_torch_line REGEX "PACKAGE_VERSION \"")
  string(REGEX MATCH "[0-9]+[.][0-9.]+[0-9]" MADX_TORCH_VERSION "${madx_torch_line}")
  # libtorch_cpu.so finds its NVIDIA libraries by its own run path, which the linker does not follow.
  set_target_properties(madx::torch PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${madx_torch_root}/include;${madx_torch_root}/include/torch/csrc/api/include"
    INTERFACE_INCLUDE_DIRECTORIES "${madx_torch_root}/include;${madx_torch_root}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "${madx_torch_root}/lib/libtorch_cpu.so;${madx_torch_root}/lib/libc10.so"
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined;LINKER:-rpath-link,${MADX_TORCH_WHEEL}/nvidia/cu13/lib")
else()
  set(MADX_TORCH_PROBLEM "LibTorch was not found")
  if(madx_torch_passed_over)
    set(MADX_TORCH_PROBLEM "LibTorch: ${madx_torch_passed_over}")
  endif()
endif()
