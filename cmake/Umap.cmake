# UMAP for reports: headers of PyPI's assorthead (umappp, knncolle, Eigen and what they use), unpacked by ./run deps. Without them the
# program says so and draws principal components.
set(FOVEA_ASSORTHEAD "${FOVEA_DEPS}/assorthead/include" CACHE PATH "Folder with umappp/umappp.hpp")
# Only `source` sees them: the other files of the target keep their compile commands.
function(fovea_use_umap source)
  if(EXISTS "${FOVEA_ASSORTHEAD}/umappp/umappp.hpp")
    set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS FOVEA_WITH_UMAP
      COMPILE_OPTIONS "-isystem;${FOVEA_ASSORTHEAD}")
  else()
    message(STATUS "UMAP headers not found in ${FOVEA_ASSORTHEAD}: reports draw principal components")
  endif()
endfunction()
