# The only ways a target is made, so that flags, layers and names stay the same everywhere.

# quern_library(NAME SOURCES a.cc ... HEADERS a.h ... [PUBLIC deps...] [PRIVATE deps...])
# A static library. Its headers are compiled alone by the target check_headers.
function(quern_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_compile_options(${name} PRIVATE ${QUERN_WARNINGS})
    target_link_libraries(${name} PRIVATE ${ARG_PRIVATE})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} ${scope} ${ARG_PUBLIC})
  if(ARG_HEADERS)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
      FILES ${ARG_HEADERS})
  endif()
  set_property(GLOBAL APPEND PROPERTY QUERN_LIBRARIES ${name})
endfunction()

# ccache reads what was precompiled from a preprocessed source that names it.
function(quern_keep_precompiled name)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# Everything that is installed, without the tests.
add_custom_target(product)

# quern_binary(NAME SOURCES main.cc ... LIBS deps...): an executable in bin/.
function(quern_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${QUERN_WARNINGS})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
  add_dependencies(product ${name})
endfunction()

# quern_plugin(NAME SOURCES x.cc [LIBS deps...] [TEST_ONLY]): a job's shared object,
# lib/quern/jobs/libNAME.so. It sees only the public API of mapreduce/api.
function(quern_plugin name)
  cmake_parse_arguments(ARG "TEST_ONLY" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${QUERN_WARNINGS} -fvisibility=hidden)
  target_link_libraries(${name} PRIVATE quern_mapreduce_api ${ARG_LIBS})
  set_target_properties(${name} PROPERTIES PREFIX "lib"
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib/quern/jobs")
  if(NOT ARG_TEST_ONLY)
    install(TARGETS ${name} LIBRARY DESTINATION lib/quern/jobs)
    add_dependencies(product ${name})
  endif()
endfunction()

# A test that hangs is ended. One that is slow is not: sanitizers cost several times, a busy machine too.
set(QUERN_TIMEOUT_FACTOR 1)
if(QUERN_SANITIZE)
  set(QUERN_TIMEOUT_FACTOR 4)
endif()

# quern_test(NAME SOURCES a_test.cc ... [LIBS deps...] [LABELS l...] [TIMEOUT seconds] [ARGS a...]
#            [SERIAL]): a gtest binary run by ctest as one test. Default label: unit.
function(quern_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "SOURCES;LIBS;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${QUERN_WARNINGS})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  set_property(GLOBAL APPEND PROPERTY QUERN_TEST_PROGRAMS ${name})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * ${QUERN_TIMEOUT_FACTOR}")
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "QUERN_BIN=${CMAKE_BINARY_DIR}/bin;QUERN_JOBS=${CMAKE_BINARY_DIR}/lib/quern/jobs")
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
