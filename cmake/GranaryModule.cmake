# Modules, their order and their tests. A module may link, and so include, only modules below it.

# One spelling of includes in the tree and installed: "granary/table/schema.h".
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/include/granary SYMBOLIC)

# What the library itself is built with; linked privately, named in no public header.
set(GRANARY_LIBRARIES Threads::Threads fmt::fmt simdjson::simdjson Boost::container
    PkgConfig::LZ4 PkgConfig::XXHASH)

# GCC 12 warns of string concatenations (its bug 105651) and of moved variants that are right.
add_library(granary_options INTERFACE)
target_compile_options(granary_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-maybe-uninitialized>" -ffp-contract=off)
if(GRANARY_SANITIZE)
  target_compile_options(granary_options INTERFACE -fsanitize=${GRANARY_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 -O1)
  target_link_options(granary_options INTERFACE -fsanitize=${GRANARY_SANITIZE})
endif()
if(GRANARY_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "The fuzzers are libFuzzer's and need Clang: cmake --preset fuzz")
  endif()
  # What the fuzzers follow, and the library's own preconditions.
  target_compile_options(granary_options INTERFACE -fsanitize=fuzzer-no-link)
  target_compile_definitions(granary_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# For a shared library: relative relocations take a bit each, not 24 bytes, and what a module calls of
# another is not looked up by name.
set(GRANARY_LINK_OPTIONS LINKER:-z,pack-relative-relocs LINKER:-Bsymbolic)

# granary_module(name below...): the sources of folder `name` as the object library granary_<name>.
function(granary_module name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc
    ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  add_library(granary_${name} OBJECT ${sources})
  set_target_properties(granary_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(granary_${name} PUBLIC ${CMAKE_BINARY_DIR}/include)
  target_link_libraries(granary_${name} PRIVATE granary_options PUBLIC ${GRANARY_LIBRARIES})
endfunction()

# granary_built_for_size(files...): what runs once for a statement or a part, not for each row.
function(granary_built_for_size)
  if(NOT GRANARY_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
  endif()
endfunction()

# granary_source_directory(files...): GRANARY_SOURCE_DIR for those that name it. The others compile to
# the same wherever the tree lies, so that a compiler cache serves every clone.
function(granary_source_directory)
  foreach(source ${ARGN})
    file(STRINGS ${source} uses REGEX GRANARY_SOURCE_DIR LIMIT_COUNT 1)
    if(uses)
      set_source_files_properties(${source} PROPERTIES
        COMPILE_DEFINITIONS GRANARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# granary_tests(name modules...): tests/<name>/*_test.cc as one executable <name>_test, linked with
# the objects of the modules named.
function(granary_tests name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  foreach(module ${ARGN})
    target_link_libraries(${name}_test PRIVATE granary_${module})
  endforeach()
  target_link_libraries(${name}_test PRIVATE granary_options GTest::gtest GTest::gmock GTest::gtest_main)
  granary_source_directory(${sources})
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${name})
endfunction()
