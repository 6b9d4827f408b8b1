# cmake --install: in three components, each a Debian package (MadxPackage.cmake).
#   development  the library, its headers and LibTorch's, and what find_package(madx) reads
#   libtorch     LibTorch's libraries, where tools/setup got them; a LibTorch of the user's stays where it is
#   programs     what users run, the operators for Python, documents
# All paths in it are relative to the prefix, which may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(madx_private "${CMAKE_INSTALL_LIBDIR}/madx")  # what nobody but madx looks for
set(madx_config "${CMAKE_INSTALL_LIBDIR}/cmake/madx")

install(TARGETS madx madx_cpu EXPORT madxTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
set_target_properties(madx_cpu PROPERTIES EXPORT_NAME cpu)
install(DIRECTORY include/madx DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
  FILES_MATCHING PATTERN "*.h")
install(EXPORT madxTargets NAMESPACE madx:: DESTINATION "${madx_config}" COMPONENT development)
configure_package_config_file(cmake/madxConfig.cmake.in "${PROJECT_BINARY_DIR}/madxConfig.cmake"
  INSTALL_DESTINATION "${madx_config}" PATH_VARS madx_private)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/madxConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/madxConfig.cmake" "${PROJECT_BINARY_DIR}/madxConfigVersion.cmake"
  cmake/MadxTorch.cmake cmake/MadxLibraries.cmake
  DESTINATION "${madx_config}" COMPONENT development)

# The wheel as it was unpacked, so that its libraries find each other as they do there.
if(NOT Torch_FOUND)
  set(wheel "${madx_private}/libtorch")
  install(DIRECTORY "${MADX_TORCH_WHEEL}/torch/include" "${MADX_TORCH_WHEEL}/torch/share"
    DESTINATION "${wheel}/torch" COMPONENT development)
  install(DIRECTORY "${MADX_TORCH_WHEEL}/torch/lib" DESTINATION "${wheel}/torch" COMPONENT libtorch
    PATTERN "libshm*" EXCLUDE)  # which Python's processes share tensors by
  install(DIRECTORY "${MADX_TORCH_WHEEL}/nvidia" DESTINATION "${wheel}" COMPONENT libtorch OPTIONAL)  # not with a "+cpu" wheel
  file(GLOB licences "${MADX_TORCH_WHEEL}/*.dist-info/licenses")
  foreach(folder ${licences})
    file(RELATIVE_PATH name "${MADX_TORCH_WHEEL}" "${folder}")
    install(DIRECTORY "${folder}/" DESTINATION "${wheel}/${name}" COMPONENT libtorch)
  endforeach()
endif()

# madx_set_run_path(TARGET FOLDER): installed to FOLDER, the target finds LibTorch.
function(madx_set_run_path target folder)
  file(RELATIVE_PATH path "/${folder}" "/${madx_private}/libtorch/torch/lib")
  if(Torch_FOUND)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  else()
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/${path}")
  endif()
endfunction()

if(MADX_PROGRAMS)
  file(GLOB installed_programs CONFIGURE_DEPENDS apps/*.cpp tools/*.cpp)
  list(APPEND installed_programs train_lang_adapter zero_shot_ner)
  # Manual pages: help2man asks each program, by its name alone, for its flags. It runs them, so not for another processor.
  find_program(MADX_HELP2MAN help2man)
  set(manual "${PROJECT_BINARY_DIR}/manual")
  set(pages)
  foreach(source ${installed_programs})
    get_filename_component(name "${source}" NAME_WE)
    madx_set_run_path(${name} "${CMAKE_INSTALL_BINDIR}")
    install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT programs)
    if(MADX_HELP2MAN AND NOT CMAKE_CROSSCOMPILING)
      set(page "${manual}/${name}.1")
      add_custom_command(OUTPUT "${page}" DEPENDS ${name} VERBATIM
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${manual}"
        COMMAND sh -c [[PATH="$1:$PATH" && exec "$2" --no-info --section 1 --name "$("$3" --help | head -n 1)" --output "$4" "$3"]]
          sh "${PROJECT_BINARY_DIR}/bin" "${MADX_HELP2MAN}" ${name} "${page}")
      list(APPEND pages "${page}")
      install(FILES "${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT programs)
    endif()
  endforeach()
  add_custom_target(madx_manual ALL DEPENDS ${pages})
  madx_set_run_path(madx_ops "${madx_private}")
  install(TARGETS madx_ops LIBRARY DESTINATION "${madx_private}" COMPONENT programs)
  install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT programs)
  install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT programs)  # which the documents name
  install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT programs PATTERN "site" EXCLUDE)
endif()
