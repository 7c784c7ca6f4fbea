# The steps of Install.ConsumerFindsBuildsAndRuns; see CMakeLists.txt.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(expect_nearest program)
  execute_process(COMMAND ${program} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  if(NOT output STREQUAL "nearest: 2 at distance 1\n")
    message(FATAL_ERROR "${program} printed: ${output}")
  endif()
endfunction()

set(prefix ${SCRATCH_DIR}/prefix)
file(REMOVE_RECURSE ${SCRATCH_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})

run(${CMAKE_COMMAND} -G Ninja -S ${CONSUMER_DIR} -B ${SCRATCH_DIR}/build
  -D CMAKE_CXX_COMPILER=${CXX_COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${SCRATCH_DIR}/build)
expect_nearest(${SCRATCH_DIR}/build/consumer)

file(GLOB_RECURSE pkgconfig_file ${prefix}/granary.pc)
cmake_path(GET pkgconfig_file PARENT_PATH pkgconfig_dir)
set(ENV{PKG_CONFIG_PATH} ${pkgconfig_dir})
execute_process(COMMAND pkg-config --cflags --libs granary
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${CXX_COMPILER} -std=c++20 ${CONSUMER_DIR}/main.cc ${flags} -o ${SCRATCH_DIR}/with_pkgconfig)
expect_nearest(${SCRATCH_DIR}/with_pkgconfig)
