# What `cmake --install` puts beside the binaries so that jobs are built elsewhere: the headers, and
# what find_package(Quern) reads. Alone with --component api.
include(CMakePackageConfigHelpers)

set(QUERN_INCLUDE_DIR include/quern)
install(TARGETS quern_mapreduce_api FILE_SET HEADERS DESTINATION ${QUERN_INCLUDE_DIR}
  COMPONENT api)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/QuernConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/QuernConfig.cmake"
  INSTALL_DESTINATION lib/cmake/Quern PATH_VARS QUERN_INCLUDE_DIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/QuernConfigVersion.cmake"
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_BINARY_DIR}/QuernConfig.cmake" "${CMAKE_BINARY_DIR}/QuernConfigVersion.cmake"
  DESTINATION lib/cmake/Quern COMPONENT api)
