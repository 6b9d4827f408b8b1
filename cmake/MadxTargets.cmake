# Warnings, sanitizers and optimisation are set on targets, here and nowhere else.
set(MADX_SANITIZERS "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")
option(MADX_WERROR "Treat warnings as errors" OFF)

function(madx_set_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter)
  # For programs, too: the library goes into libmadx_ops.so, and all share one precompiled header.
  target_compile_options(${target} PRIVATE -fPIC)
  if(MADX_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(MADX_SANITIZERS)
    # GCC takes what sanitizers add for reads of what nobody has written, in LibTorch's headers.
    target_compile_options(${target} PUBLIC -fsanitize=${MADX_SANITIZERS} -fno-omit-frame-pointer
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(${target} PUBLIC -fsanitize=${MADX_SANITIZERS})
  endif()
endfunction()

# For what includes LibTorch: two thirds of such a file's build are LibTorch's inline functions, which only call into its
# libraries, so they are not worth -O3; and a few files together share what they instantiate.
option(MADX_UNITY "Compile several source files together" ON)
function(madx_set_tensor_options target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${MADX_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# Of these sources, those of one folder are compiled together, eight at a time, and with no others (UNITY_BUILD_MODE GROUP).
function(madx_group_sources)
  foreach(source ${ARGN})
    get_filename_component(folder "${source}" DIRECTORY)
    get_filename_component(folder "${folder}" NAME)
    if(NOT DEFINED ${folder}_count)
      set(${folder}_count 0)
    endif()
    math(EXPR group "${${folder}_count} / 8")
    math(EXPR ${folder}_count "${${folder}_count} + 1")
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP ${folder}_${group})
  endforeach()
endfunction()

# One program from one source file: build/bin/<name of the file>. Beside it, what runs before all else in a program.
function(madx_add_program source)
  if(NOT TARGET madx_start)
    add_library(madx_start OBJECT "${PROJECT_SOURCE_DIR}/apps/start/spin_count.cpp")
    target_compile_features(madx_start PRIVATE cxx_std_17)
    target_compile_options(madx_start PRIVATE -Wall -Wextra)
  endif()
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  if(NOT MADX_SANITIZERS)  # whose own set-up runs first
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:madx_start>)
  endif()
  madx_set_compile_options(${name})
  madx_set_tensor_options(${name})
  target_link_libraries(${name} PRIVATE madx_apps madx::madx nlohmann_json::nlohmann_json)
  target_precompile_headers(${name} REUSE_FROM madx)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()
