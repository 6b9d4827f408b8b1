# Finds LibTorch and offers it as the target madx_torch.
#
# 1. A LibTorch that the user names (CMAKE_PREFIX_PATH or Torch_DIR) is used as it is, with CUDA where it has it.
# 2. Else the wheel that tools/setup unpacked to .deps/libtorch: linked as libtorch_cpu and libc10 alone. TorchConfig.cmake
#    of the same wheel would insist on a CUDA toolkit; those two libraries need only libcudart and libcupti, which the
#    wheel's own run path finds beside it.
set(MADX_TORCH_WHEEL "${PROJECT_SOURCE_DIR}/.deps/libtorch" CACHE PATH
    "Folder of an unpacked torch wheel, used when CMAKE_PREFIX_PATH and Torch_DIR name no LibTorch")

add_library(madx_torch INTERFACE)
set(MADX_TORCH_RPATH "")
find_package(Torch 2.6 CONFIG QUIET)
if(Torch_FOUND)
  message(STATUS "LibTorch: ${Torch_VERSION} from ${Torch_DIR}")
  target_link_libraries(madx_torch INTERFACE ${TORCH_LIBRARIES})
  separate_arguments(MADX_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(madx_torch INTERFACE ${MADX_TORCH_FLAGS})
elseif(EXISTS "${MADX_TORCH_WHEEL}/torch/lib/libtorch_cpu.so")
  set(torch_root "${MADX_TORCH_WHEEL}/torch")
  message(STATUS "LibTorch: the wheel in ${MADX_TORCH_WHEEL} (libtorch_cpu and libc10)")
  target_include_directories(madx_torch SYSTEM INTERFACE
    "${torch_root}/include" "${torch_root}/include/torch/csrc/api/include")
  target_link_libraries(madx_torch INTERFACE
    "${torch_root}/lib/libtorch_cpu.so" "${torch_root}/lib/libc10.so")
  # libtorch_cpu.so finds its NVIDIA libraries by its own run path, which the linker does not follow.
  target_link_options(madx_torch INTERFACE "LINKER:--allow-shlib-undefined"
    "LINKER:-rpath-link,${MADX_TORCH_WHEEL}/nvidia/cu13/lib")
  set(MADX_TORCH_RPATH "${torch_root}/lib")
else()
  message(FATAL_ERROR
    "LibTorch was not found. Run tools/setup, which unpacks one into .deps/libtorch, or pass "
    "-DCMAKE_PREFIX_PATH=/path/to/libtorch.")
endif()
