# LibTorch through two imported targets of our own. find_package(Torch) of the CUDA wheel demands the whole CUDA toolkit;
# linking libtorch_cpu and libc10 does not, and libtorch_cuda is loaded at run time when a GPU is asked for.
include_guard(GLOBAL)

set(FOVEA_LIBTORCH_ROOT "${FOVEA_DEPS}/libtorch/torch" CACHE PATH "Folder with LibTorch's include and lib")
if(NOT EXISTS "${FOVEA_LIBTORCH_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch not found in ${FOVEA_LIBTORCH_ROOT}: run ./run deps, or pass -DFOVEA_LIBTORCH_ROOT=<folder of torch>")
endif()

foreach(part torch_cpu c10)
  if(NOT TARGET fovea::${part})
    add_library(fovea::${part} SHARED IMPORTED GLOBAL)
    set_target_properties(fovea::${part} PROPERTIES IMPORTED_LOCATION "${FOVEA_LIBTORCH_ROOT}/lib/lib${part}.so" IMPORTED_NO_SONAME OFF)
  endif()
endforeach()
if(NOT TARGET fovea::torch)
  add_library(fovea::torch INTERFACE IMPORTED GLOBAL)
  target_include_directories(fovea::torch SYSTEM INTERFACE
    "${FOVEA_LIBTORCH_ROOT}/include" "${FOVEA_LIBTORCH_ROOT}/include/torch/csrc/api/include")
  # Narrow per-operator headers: a network compiles in 3 s instead of 22.
  target_compile_definitions(fovea::torch INTERFACE AT_PER_OPERATOR_HEADERS)
  target_link_libraries(fovea::torch INTERFACE fovea::torch_cpu fovea::c10)
endif()
