# `cmake --install`: one relative layout, whatever the prefix, so that a tree can be moved and packages are the same tree.
#   bin                       programs
#   lib/fovea                 our libraries, LibTorch and OpenSlide 4: private, found through RPATH ($ORIGIN)
#   lib/fovea/slicer          3D Slicer: Fovea (scripted) and cli-modules
#   lib/cmake/fovea, include  for programs that use the libraries: find_package(fovea)
#   share                     encoder, demo models, man pages, completion, desktop entry, icon, MIME types
# Components: runtime, desktop, dev. Debian's libraries are dependencies; packaging/bundle.sh copies them for relocatable folders.
include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

set(FOVEA_LIB lib/fovea)
set(FOVEA_SHARE share/fovea)

install(TARGETS fovea_cli fovea_tiles fovea_slide_reader fovea_slicer_job RUNTIME DESTINATION bin COMPONENT runtime)
install(TARGETS fovea_io fovea_models fovea_pipeline LIBRARY DESTINATION ${FOVEA_LIB} COMPONENT runtime)
if(TARGET fovea_cuda)
  # It loads nothing of ours.
  set_target_properties(fovea_cuda PROPERTIES BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "")
  install(TARGETS fovea_cuda LIBRARY DESTINATION ${FOVEA_LIB} COMPONENT runtime)
endif()

# LibTorch's processor half and the two CUDA libraries that it cannot start without.
file(GLOB _cuda_stubs ${FOVEA_LIBTORCH_ROOT}/../nvidia/cu*/lib/libcudart.so.* ${FOVEA_LIBTORCH_ROOT}/../nvidia/cu*/lib/libcupti.so.*)
install(PROGRAMS ${FOVEA_LIBTORCH_ROOT}/lib/libtorch_cpu.so ${FOVEA_LIBTORCH_ROOT}/lib/libc10.so ${_cuda_stubs}
  DESTINATION ${FOVEA_LIB} COMPONENT runtime)
if(FOVEA_OPENSLIDE_LIBRARY MATCHES "^${FOVEA_DEPS}/")
  install(PROGRAMS ${FOVEA_OPENSLIDE_LIBRARY} DESTINATION ${FOVEA_LIB} COMPONENT runtime)
endif()

# 3D Slicer. No file without a dot but the modules may lie in cli-modules: Slicer takes every such file for a module.
install(PROGRAMS $<TARGET_FILE:FoveaMeningioma> $<TARGET_FILE:FoveaThrombus> $<TARGET_FILE:FoveaSlideAttention>
  DESTINATION ${FOVEA_LIB}/slicer/cli-modules COMPONENT runtime)
install(DIRECTORY ${CMAKE_BINARY_DIR}/cli-modules/ DESTINATION ${FOVEA_LIB}/slicer/cli-modules COMPONENT runtime
  FILES_MATCHING PATTERN "*.xml")
install(DIRECTORY ${FOVEA_ROOT}/app/slicer/Fovea DESTINATION ${FOVEA_LIB}/slicer COMPONENT runtime
  FILES_MATCHING PATTERN "*.py" PATTERN "*.png" PATTERN "CMakeLists.txt" EXCLUDE PATTERN "__pycache__" EXCLUDE)

# Weights: the imported encoder where `./run build` made it, and the demo models (the scripted module offers them).
install(FILES ${FOVEA_DEPS}/encoder/efficientnet_lite0.safetensors DESTINATION ${FOVEA_SHARE}/encoders COMPONENT runtime OPTIONAL)
install(FILES ${FOVEA_DEPS}/encoder/LICENSE DESTINATION ${FOVEA_SHARE}/encoders COMPONENT runtime OPTIONAL)
install(DIRECTORY ${FOVEA_ROOT}/demo/models/ DESTINATION ${FOVEA_SHARE}/models COMPONENT runtime)

install(DIRECTORY ${CMAKE_BINARY_DIR}/share/man ${CMAKE_BINARY_DIR}/share/bash-completion DESTINATION share COMPONENT runtime)
install(FILES ${FOVEA_ROOT}/LICENSE DESTINATION share/doc/fovea COMPONENT runtime RENAME copyright)
file(GLOB _openslide_licences ${FOVEA_DEPS}/openslide/COPYING* ${FOVEA_DEPS}/openslide/LICENSE* ${FOVEA_DEPS}/openslide/README.ijg)
install(FILES ${_openslide_licences} DESTINATION share/doc/fovea/openslide COMPONENT runtime)
install(FILES ${FOVEA_ROOT}/packaging/fovea-mime.xml DESTINATION share/mime/packages COMPONENT runtime RENAME fovea.xml)

if(TARGET fovea_desktop)
  install(TARGETS fovea_desktop RUNTIME DESTINATION bin COMPONENT desktop)
  install(TARGETS fovea_gui LIBRARY DESTINATION ${FOVEA_LIB} COMPONENT desktop)
  install(FILES ${FOVEA_ROOT}/packaging/fovea.desktop DESTINATION share/applications COMPONENT desktop)
  install(FILES ${FOVEA_ROOT}/packaging/fovea.svg DESTINATION share/icons/hicolor/scalable/apps COMPONENT desktop)
endif()

foreach(layer base io pipeline)
  install(DIRECTORY ${FOVEA_ROOT}/${layer}/include/ DESTINATION include COMPONENT dev)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/base/include/fovea/base/version.h DESTINATION include/fovea/base COMPONENT dev)
# Written by hand: an install(EXPORT) would name every private library of ours, and ask the consumer to have it.
configure_package_config_file(${FOVEA_ROOT}/cmake/foveaConfig.cmake.in ${CMAKE_BINARY_DIR}/foveaConfig.cmake INSTALL_DESTINATION lib/cmake/fovea)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/foveaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/foveaConfig.cmake ${CMAKE_BINARY_DIR}/foveaConfigVersion.cmake DESTINATION lib/cmake/fovea COMPONENT dev)
