# Finds the system's libraries that madx is linked with and that bring no CMake targets of their own. Included by this build
# and by the installed madxConfig.cmake; MADX_LIBRARIES_MISSING names those that were not found.
set(MADX_LIBRARIES_MISSING "")

# SentencePiece before LibTorch: both define FLAGS_minloglevel, of 32 and of 4 bytes, and the first one linked serves both.
# The other way round SentencePiece's constructor overruns LibTorch's, and every TorchScript call waits forever. So here it
# is said to need LibTorch, which CMake then puts behind it.
find_library(MADX_SENTENCEPIECE_LIBRARY sentencepiece)
if(NOT MADX_SENTENCEPIECE_LIBRARY)
  list(APPEND MADX_LIBRARIES_MISSING "SentencePiece (Debian: libsentencepiece-dev)")
elseif(NOT TARGET madx::sentencepiece)
  add_library(madx::sentencepiece SHARED IMPORTED)
  set_target_properties(madx::sentencepiece PROPERTIES
    IMPORTED_LOCATION "${MADX_SENTENCEPIECE_LIBRARY}" INTERFACE_LINK_LIBRARIES madx::torch)
endif()

# Small products of the CPU kernels, which are built without where it is not installed (MADX_LIBXSMM).
find_library(MADX_XSMM_LIBRARY xsmm)
find_library(MADX_XSMM_NO_BLAS_LIBRARY xsmmnoblas)
if(NOT MADX_XSMM_LIBRARY OR NOT MADX_XSMM_NO_BLAS_LIBRARY)
  list(APPEND MADX_LIBRARIES_MISSING "libxsmm (Debian: libxsmm-dev)")
elseif(NOT TARGET madx::xsmm)
  add_library(madx::xsmm INTERFACE IMPORTED)
  set_target_properties(madx::xsmm PROPERTIES
    INTERFACE_LINK_LIBRARIES "${MADX_XSMM_LIBRARY};${MADX_XSMM_NO_BLAS_LIBRARY};${CMAKE_DL_LIBS}")
endif()
