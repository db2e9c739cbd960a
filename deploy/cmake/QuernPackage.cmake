# Debian packages: `cpack -G DEB` in a build directory, or deploy/make-deb.sh.
#
#   quern       the servers, the commands and the ready-made jobs; depends on the libraries that
#               dpkg-shlibdeps finds in them
#   quern-dev   the headers and the CMake files for jobs that are built elsewhere
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME quern)
set(CPACK_PACKAGE_CONTACT "The Quern developers <quern@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Batch data processing: a replicated file system and MapReduce")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
# What is packed is built before: `cmake --build DIR --target product`.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL Unspecified api)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME quern)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_SHLIBDEPS ON)
# What the binaries do not link to, but read.
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_DEPENDS ca-certificates)
# A .cc that is given as a job is compiled.
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_RECOMMENDS "quern-dev, g++")
set(CPACK_DEBIAN_API_PACKAGE_NAME quern-dev)
set(CPACK_DEBIAN_API_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_API_PACKAGE_RECOMMENDS "g++, cmake")
set(CPACK_COMPONENT_API_DESCRIPTION "Headers and CMake files for jobs that are built elsewhere")
include(CPack)
