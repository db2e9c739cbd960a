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

# The licence, and the sources that docs/ calls examples, at their paths in the tree.
set(QUERN_DOC_DIR share/doc/quern)
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" DESTINATION ${QUERN_DOC_DIR})
foreach(example IN ITEMS
    jobs/classic/access_log.h
    jobs/params.h
    jobs/sessions.cc
    jobs/sessions.toml
    jobs/top-n.toml
    jobs/top_n.cc
    tests/jobs/log_split.cc
    tests/mapreduce/task/c_words.c)
  get_filename_component(folder ${example} DIRECTORY)
  install(FILES "${CMAKE_SOURCE_DIR}/${example}" DESTINATION ${QUERN_DOC_DIR}/examples/${folder})
endforeach()
