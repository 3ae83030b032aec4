# OpenSlide: Debian's 3.4.1 headers, and the 4.x library of PyPI's openslide-bin when ./run deps has fetched it (DICOM, TIFF mpp, two
# CVEs fixed). The soname differs, so the file is named in full. Debian's own library is the fall-back.
include_guard(GLOBAL)

find_path(FOVEA_OPENSLIDE_INCLUDE openslide.h PATH_SUFFIXES openslide)
file(GLOB _wheel_openslide "${FOVEA_DEPS}/openslide/libopenslide.so.*")
if(_wheel_openslide AND NOT FOVEA_OPENSLIDE_LIBRARY)
  list(GET _wheel_openslide 0 _library)
  set(FOVEA_OPENSLIDE_LIBRARY "${_library}" CACHE FILEPATH "OpenSlide shared library")
else()
  find_library(FOVEA_OPENSLIDE_LIBRARY openslide)
endif()
if(NOT FOVEA_OPENSLIDE_INCLUDE OR NOT FOVEA_OPENSLIDE_LIBRARY)
  message(FATAL_ERROR "OpenSlide not found: apt-get install libopenslide-dev, or ./run deps")
endif()
if(NOT TARGET fovea::openslide)
  add_library(fovea::openslide SHARED IMPORTED GLOBAL)
  set_target_properties(fovea::openslide PROPERTIES IMPORTED_LOCATION "${FOVEA_OPENSLIDE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${FOVEA_OPENSLIDE_INCLUDE}")
endif()
