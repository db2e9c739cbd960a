# Compiler and linker settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

set(QUERN_SANITIZE "" CACHE STRING "address (with undefined) or thread")

option(QUERN_FUZZ "Build the fuzz targets of tests/fuzz (clang)" OFF)

# Builds with a fault that a test must notice; see tests/mutants.sh.
set(QUERN_MUTANT "" CACHE STRING "NO_DATASYNC, INDEX_UNSYNCED or METADATA_UNSYNCED; empty for a good build")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Paths relative to the sources: every clone and every build directory shares one cache. What it
  # is told to overlook is what it asks for before it keeps anything that uses precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}"
    CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE_PROGRAM}")
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# Only the shared libraries that a program really uses: loading them is most of a short command's time.
add_link_options(-Wl,--as-needed)

# The presets compile several sources of a library as one (a unity build): most of a compilation is
# reading headers. GCC then takes an unnamed namespace of an included .cc for that of a header.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()

# Frame pointers cost about one per cent and make every profile readable.
add_compile_options(-fno-omit-frame-pointer)
if(QUERN_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(QUERN_ASAN=1)
  # Coverage for libFuzzer; which targets have its main is said in tests/fuzz.
  if(QUERN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
elseif(QUERN_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
  add_compile_definitions(QUERN_TSAN=1)
elseif(QUERN_SANITIZE)
  message(FATAL_ERROR "QUERN_SANITIZE is '${QUERN_SANITIZE}'; use 'address' or 'thread'")
endif()

# Warnings apply to our own targets only, never to generated code.
set(QUERN_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND QUERN_WARNINGS -Wthread-safety)
else()
  # GCC 12 sees overlapping copies in std::string's own operator+ when it optimises (its bug 105651).
  list(APPEND QUERN_WARNINGS -Wno-restrict)
  # Behind a precompiled header it sees accesses beyond the short form of std::string, too.
  if(QUERN_PRECOMPILE)
    list(APPEND QUERN_WARNINGS -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()

# The version that every binary prints. Given by hand (-DQUERN_GIT_HASH=...) where there is no git.
if(NOT QUERN_GIT_HASH)
  execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
    OUTPUT_VARIABLE QUERN_GIT_HASH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT QUERN_GIT_HASH)
  set(QUERN_GIT_HASH "unknown")
endif()
