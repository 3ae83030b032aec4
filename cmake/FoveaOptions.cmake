# Options, compiler flags and output folders. Target-based: nothing here is directory-wide but the output folders.
include_guard(GLOBAL)

option(FOVEA_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
option(FOVEA_LTO "Link-time optimisation" OFF)
set(FOVEA_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

get_filename_component(FOVEA_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(FOVEA_DEPS "${FOVEA_ROOT}/.deps" CACHE PATH "What ./run deps fetched from PyPI")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# -O2, not -O3: the hot loops sit in the kernels, which ask for what they need; everything else compiles faster.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# An installed tree finds its own libraries, LibTorch among them, wherever it is moved. RPATH, not RUNPATH: an LD_LIBRARY_PATH of the
# program that starts us (3D Slicer's launcher sets one) does not come first, and libraries that Debian built find theirs through ours.
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../lib/fovea")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH OFF)
add_link_options($<$<LINK_LANGUAGE:CXX>:LINKER:--disable-new-dtags>)

find_program(FOVEA_CCACHE ccache)
if(FOVEA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FOVEA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${FOVEA_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${FOVEA_CCACHE})
endif()

if(NOT TARGET fovea_options)
  add_library(fovea_options INTERFACE)
  target_compile_features(fovea_options INTERFACE cxx_std_20)
  target_compile_options(fovea_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${FOVEA_WARNINGS_AS_ERRORS}>>:-Werror>)
  if(FOVEA_SANITIZE)
    target_compile_options(fovea_options INTERFACE -fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(fovea_options INTERFACE -fsanitize=${FOVEA_SANITIZE})
  endif()
endif()
