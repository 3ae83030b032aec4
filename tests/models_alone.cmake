# Configures, builds and tests models with nothing else of the repository.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "models alone: failed: ${ARGN}")
  endif()
endfunction()
# The same flags as the whole build's, so that the compiler cache serves both.
step(${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G Ninja -DFOVEA_DEPS=${DEPS} -DFOVEA_WITH_CUDA=OFF
  -DFOVEA_WARNINGS_AS_ERRORS=${STRICT})
set(programs fovea_models_test fovea_cuda_emulated_test fovea_gpu_test)
step(${CMAKE_COMMAND} --build ${BUILD} --parallel 2 --target ${programs})
# Each program as a whole: a process for every test would take minutes, and the whole build runs them one by one.
foreach(program ${programs})
  step(${BUILD}/bin/${program} --gtest_brief=1)
endforeach()
