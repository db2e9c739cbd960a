# The format parquet needs Arrow's C++ libraries, which Debian 12 does not have. Everything else is
# built without them; only libquern_parquet.so links to them, and tasks load it when a job says
# parquet. Found in this order: an installation that find_package knows, else what
# deploy/install-arrow.sh has put into QUERN_ARROW_DIR.
#
# Gives QUERN_HAS_PARQUET, the target quern_arrow, and QUERN_ARROW_PYTHON where there is a Python that reads Parquet.
set(QUERN_PARQUET AUTO CACHE STRING "The format parquet: ON, OFF, or AUTO (where Arrow is found)")
set(QUERN_ARROW_DIR "$ENV{HOME}/.local/share/quern/arrow" CACHE PATH
  "Where deploy/install-arrow.sh has put Arrow's libraries")
set(QUERN_HAS_PARQUET OFF)
if(QUERN_PARQUET STREQUAL "OFF")
  return()
endif()

find_package(Parquet CONFIG QUIET)
if(TARGET Parquet::parquet_shared)
  add_library(quern_arrow INTERFACE)
  target_link_libraries(quern_arrow INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
  set(QUERN_HAS_PARQUET ON)
else()
  file(GLOB arrow_dir "${QUERN_ARROW_DIR}/lib/python3*/site-packages/pyarrow")
  file(GLOB arrow_libraries "${arrow_dir}/libparquet.so.*" "${arrow_dir}/libarrow.so.*")
  list(LENGTH arrow_libraries found)
  if(arrow_dir AND found EQUAL 2)
    add_library(quern_arrow INTERFACE)
    target_include_directories(quern_arrow SYSTEM INTERFACE "${arrow_dir}/include")
    target_link_libraries(quern_arrow INTERFACE ${arrow_libraries})
    set(QUERN_HAS_PARQUET ON)
    set(QUERN_ARROW_RPATH "${arrow_dir}")
  endif()
endif()
if(EXISTS "${QUERN_ARROW_DIR}/bin/python3")
  set(QUERN_ARROW_PYTHON "${QUERN_ARROW_DIR}/bin/python3")
endif()

if(QUERN_HAS_PARQUET)
  message(STATUS "The format parquet: Arrow found")
elseif(QUERN_PARQUET STREQUAL "ON")
  message(FATAL_ERROR "QUERN_PARQUET is ON, and Arrow's libraries are not in ${QUERN_ARROW_DIR}. "
    "Try: deploy/install-arrow.sh")
else()
  message(STATUS "The format parquet is left out: no Arrow (deploy/install-arrow.sh)")
endif()
