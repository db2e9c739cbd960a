# Every header compiles alone: target check_headers. One that includes another is compiled behind it
# (tests/layers/header_chains.py), which is the same and costs half. Which headers include which is read
# when CMake is run, as tests/run.sh does.
if(NOT QUERN_TESTS)
  return()
endif()

set(headers "")
get_property(libraries GLOBAL PROPERTY QUERN_LIBRARIES)
foreach(library IN LISTS libraries)
  get_target_property(files ${library} HEADER_SET)
  if(files)
    list(APPEND headers ${files})
  endif()
endforeach()
list(TRANSFORM headers REPLACE "^${CMAKE_SOURCE_DIR}/" "")
list(JOIN headers "\n" headers)
set(chains "${CMAKE_BINARY_DIR}/header_chains")
file(WRITE "${chains}/headers" "${headers}\n")
execute_process(
  COMMAND python3 "${CMAKE_SOURCE_DIR}/tests/layers/header_chains.py" "${CMAKE_SOURCE_DIR}" "${chains}"
    common/status.h
  INPUT_FILE "${chains}/headers" OUTPUT_VARIABLE sources OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" sources "${sources}")

add_custom_target(check_headers)
foreach(group over plain)
  set(of_group ${sources})
  list(FILTER of_group INCLUDE REGEX "/header_chains/${group}/")
  add_library(headers_${group} OBJECT EXCLUDE_FROM_ALL ${of_group})
  target_compile_options(headers_${group} PRIVATE ${QUERN_WARNINGS})
  target_include_directories(headers_${group} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(headers_${group} PRIVATE ${libraries})
  set_target_properties(headers_${group} PROPERTIES UNITY_BUILD OFF)
  add_dependencies(check_headers headers_${group})
endforeach()
if(TARGET quern_precompiled_library)
  target_precompile_headers(headers_over REUSE_FROM quern_precompiled_library)
  quern_alike(headers_over)
endif()
