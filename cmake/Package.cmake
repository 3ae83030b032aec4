# Debian packages through CPack: fovea (engine, command line, 3D Slicer), fovea-desktop, fovea-dev. Debian's libraries become
# dependencies (dpkg-shlibdeps), LibTorch and OpenSlide 4 lie inside.
include_guard(GLOBAL)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fovea)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR Fovea)
set(CPACK_PACKAGE_CONTACT "Fovea <fovea@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Attention for medical images: whole slides and MRI")
set(CPACK_RESOURCE_FILE_LICENSE ${FOVEA_ROOT}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime dev)
if(TARGET fovea_desktop)
  list(APPEND CPACK_COMPONENTS_ALL desktop)
endif()
set(CPACK_COMPONENT_DESKTOP_DEPENDS runtime)
set(CPACK_COMPONENT_DEV_DEPENDS runtime)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
get_filename_component(_openslide_folder "${FOVEA_OPENSLIDE_LIBRARY}" DIRECTORY)
file(GLOB _cuda_folders ${FOVEA_LIBTORCH_ROOT}/../nvidia/cu*/lib)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib ${FOVEA_LIBTORCH_ROOT}/lib ${_openslide_folder} ${_cuda_folders})
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME fovea)
set(CPACK_DEBIAN_DESKTOP_PACKAGE_NAME fovea-desktop)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME fovea-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Fovea: attention for medical images
 Whole-slide images through multiple-instance learning, MRI through
 attention-gated networks: command line, libraries and 3D Slicer modules.
 Research software: not a medical device, not for clinical decisions.")
set(CPACK_COMPONENT_DESKTOP_DESCRIPTION "Fovea for the desktop
 The Qt application over the same engine.")
set(CPACK_COMPONENT_DEV_DESCRIPTION "Fovea for programs
 Headers and CMake configuration: find_package(fovea).")
include(CPack)
