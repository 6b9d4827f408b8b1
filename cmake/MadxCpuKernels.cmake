# The CPU kernels, src/cpu, and the products they are made of, src/gemm: plain arrays and loops, so no LibTorch header;
# OpenMP, the threads that LibTorch has; small products by libxsmm where it is installed (x86-64), else by loops that the
# ops leave alone.

# What each capability's objects may use beyond what the compiler takes of itself (madx/gemm/capability.h);
# src/gemm/capability.cpp asks the processor for the same. Nothing else is compiled with such flags (tools/check_portability).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(MADX_CAPABILITIES baseline avx2 avx512)
  set(MADX_AVX2_OPTIONS -mavx2 -mfma -mbmi -mbmi2 -mpopcnt)
  set(MADX_AVX512_OPTIONS ${MADX_AVX2_OPTIONS} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl
    -mtune=icelake-server  # the first of them; GCC's generic tuning made an adapter site's backward pass 15% slower
    -mprefer-vector-width=512)  # compilers take half of that of themselves
else()
  set(MADX_CAPABILITIES baseline)
endif()

# What the targets below have in common.
function(madx_set_kernel_options target)
  madx_set_compile_options(${target})
  # Nobody asks whether a comparison raised a flag; GCC makes no AVX2 or SSE vectors of gelu and exp where somebody might.
  target_compile_options(${target} PRIVATE -O3 -fno-trapping-math ${OpenMP_CXX_FLAGS})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:madx_kernel_definitions>)
endfunction()

# All sources of kernels for one capability, as one object whose only name is that of its table of functions. Else what
# headers define inline, the standard library's among them, would be in several objects, and the linker might take the
# one of more capability than the processor has.
function(madx_add_capability capability object)
  set(target madx_cpu_${capability})
  add_library(${target} OBJECT ${MADX_KERNEL_SOURCES})
  madx_set_kernel_options(${target})
  string(TOUPPER ${capability} upper)
  # A project that optimises at link time would make this object's code there, together with that of the others.
  target_compile_options(${target} PRIVATE ${MADX_${upper}_OPTIONS} -fno-lto)
  target_compile_definitions(${target} PRIVATE MADX_CAPABILITY=${capability})
  if(capability STREQUAL "avx512")
    target_compile_definitions(${target} PRIVATE MADX_MATRIX_UNITS)
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  set(result "${CMAKE_CURRENT_BINARY_DIR}/${target}.o")
  if(NOT CMAKE_OBJCOPY OR MADX_SANITIZERS OR APPLE)
    set(${object} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
    return()
  endif()
  add_custom_command(OUTPUT "${result}"
    COMMAND "${CMAKE_LINKER}" -r --force-group-allocation -o "${result}" $<TARGET_OBJECTS:${target}>
    COMMAND "${CMAKE_OBJCOPY}" --wildcard "--keep-global-symbol=*kernel_tableE" "${result}"
    DEPENDS ${target} $<TARGET_OBJECTS:${target}> COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties("${result}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set(${object} "${result}" PARENT_SCOPE)
endfunction()

# MADX_HAS_XSMM says whether libxsmm is in.
function(madx_add_cpu_kernels target)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  find_path(MADX_XSMM_INCLUDE_DIR libxsmm.h)
  add_library(madx_kernel_definitions INTERFACE)
  set(libraries "")
  set(MADX_HAS_XSMM OFF PARENT_SCOPE)
  if(MADX_XSMM_INCLUDE_DIR AND TARGET madx::xsmm)
    message(STATUS "CPU kernels: libxsmm from ${MADX_XSMM_LIBRARY}")
    set(libraries madx::xsmm)
    set(MADX_HAS_XSMM ON PARENT_SCOPE)
    target_compile_definitions(madx_kernel_definitions INTERFACE MADX_LIBXSMM)
    target_include_directories(madx_kernel_definitions SYSTEM INTERFACE "${MADX_XSMM_INCLUDE_DIR}")
  else()
    message(STATUS "CPU kernels: libxsmm was not found, so LibTorch's own operations run instead, slower")
  endif()
  if("avx2" IN_LIST MADX_CAPABILITIES)
    target_compile_definitions(madx_kernel_definitions INTERFACE MADX_CAPABILITIES)
  endif()

  file(GLOB MADX_KERNEL_SOURCES CONFIGURE_DEPENDS src/cpu/*.cpp src/gemm/*.cpp)
  set(common cpu/available cpu/dispatch gemm/capability gemm/default_products gemm/scratch)  # of all capabilities
  list(TRANSFORM common REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/\\1.cpp")
  list(REMOVE_ITEM MADX_KERNEL_SOURCES ${common})
  # philox.cpp apart, a chain of products, where two narrower vectors at a time are faster than a wide one.
  set(philox "${PROJECT_SOURCE_DIR}/src/cpu/philox.cpp")
  set_source_files_properties("${philox}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if("avx512" IN_LIST MADX_CAPABILITIES)
    set_source_files_properties("${philox}" PROPERTIES COMPILE_OPTIONS -mprefer-vector-width=256)
  endif()
  set(objects "")
  foreach(capability ${MADX_CAPABILITIES})
    madx_add_capability(${capability} object)
    list(APPEND objects ${object})
  endforeach()

  add_library(${target} STATIC ${common} ${objects})
  madx_set_kernel_options(${target})
  target_compile_definitions(${target} PRIVATE MADX_CAPABILITY=baseline)
  target_link_libraries(${target} INTERFACE ${libraries} ${OpenMP_CXX_FLAGS})
endfunction()
