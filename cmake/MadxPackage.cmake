# cpack: .deb, one a component of MadxInstall.cmake (madx, madx-libtorch, libmadx-dev), and a .tar.gz of them all. Programs find
# LibTorch beside them, so a package is made of a build with tools/setup's LibTorch; with one of the user's, it would name a
# folder of this machine. A .deb is for the release of Debian that it is built on, whose libraries it needs.
if(Torch_FOUND OR NOT MADX_PROGRAMS)
  return()
endif()
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME madx)
set(MADX_PACKAGE_CONTACT "madx maintainers <maintainers@example.org>" CACHE STRING
  "Who answers for the packages: NAME <ADDRESS>, the Maintainer of each .deb")
set(CPACK_PACKAGE_CONTACT "${MADX_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_VENDOR "madx")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_COMPONENTS_ALL programs libtorch development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE gzip)
# dpkg-shlibdeps says which of Debian's packages have the shared libraries; what madx-libtorch has, only we know. Not asked of
# the headers: CPack would look into each of 9,000.
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBTORCH_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${MADX_TORCH_WHEEL}/torch/lib" "${MADX_TORCH_WHEEL}/nvidia/cu13/lib")
set(needs_libtorch "madx-libtorch (= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME madx)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_DEPENDS "${needs_libtorch}")
set(CPACK_DEBIAN_PROGRAMS_DESCRIPTION "language and task adapters for multilingual encoders
 Teaches a frozen encoder (XLM-R, mBERT) a language from raw text and carries
 a tagger over to it without labels in it (MAD-X). Reads and writes files of
 AdapterHub. Programs, documents and the operators for Python.")

set(CPACK_DEBIAN_LIBTORCH_PACKAGE_NAME madx-libtorch)
set(CPACK_DEBIAN_LIBTORCH_DESCRIPTION "LibTorch ${MADX_TORCH_VERSION} for madx
 PyTorch's C++ library as its project publishes it, for the CPU, in a folder of
 madx's own: madx needs the very version that it was built with.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmadx-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${needs_libtorch}, libsentencepiece-dev, libicu-dev, zlib1g-dev")
if(MADX_HAS_XSMM)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libxsmm-dev")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "madx as a C++ library
 Headers, the static library and CMake's find_package(madx), for programs with
 adapters on LibTorch. LibTorch's headers are in it, too.")

# What Debian asks of each package, and nobody else.
string(TIMESTAMP MADX_DEBIAN_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(file changelog copyright MadxDebianFiles.cmake)
  configure_file(cmake/debian/${file}.in "${PROJECT_BINARY_DIR}/debian/${file}" @ONLY)
endforeach()
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_BINARY_DIR}/debian/MadxDebianFiles.cmake")
set(CPACK_SOURCE_GENERATOR "")
include(CPack)
