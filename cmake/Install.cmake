# Installation: the library, its public headers under include/granary, a CMake package
# (find_package(granary), target granary::granary) and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(${CMAKE_CURRENT_LIST_DIR}/PublicHeaders.cmake)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/granary)
install(TARGETS granary EXPORT granary
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT granary NAMESPACE granary:: FILE granaryTargets.cmake DESTINATION ${package_dir})

granary_public_headers(public_headers)
foreach(header ${public_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/granary/${folder})
endforeach()

configure_package_config_file(cmake/granaryConfig.cmake.in ${CMAKE_BINARY_DIR}/granaryConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/granaryConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/granaryConfig.cmake ${CMAKE_BINARY_DIR}/granaryConfigVersion.cmake
  DESTINATION ${package_dir})

# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH pkgconfig_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
# A static library leaves its own libraries to whoever links it.
if(NOT BUILD_SHARED_LIBS)
  set(pkgconfig_requires "fmt simdjson liblz4 libxxhash")
  set(pkgconfig_libraries "-lboost_container -pthread")
endif()
configure_file(cmake/granary.pc.in ${CMAKE_BINARY_DIR}/granary.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/granary.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
