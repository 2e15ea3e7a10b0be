# SPDX-License-Identifier: GPL-2.0-only
# What `cmake --install` puts where. The components are packages: see Package.cmake.
include(CMakePackageConfigHelpers)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # a package needs no tests

set(pkgconfig "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH XGRE_PC_TO_PREFIX "/prefix/${pkgconfig}" "/prefix")
string(REGEX REPLACE "/$" "" XGRE_PC_TO_PREFIX "${XGRE_PC_TO_PREFIX}")
configure_file(cmake/xgre.pc.in "${PROJECT_BINARY_DIR}/xgre.pc" @ONLY)
configure_file(cmake/xgreConfig.cmake.in "${PROJECT_BINARY_DIR}/xgreConfig.cmake" @ONLY)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/xgreConfigVersion.cmake" COMPATIBILITY SameMinorVersion)

install(TARGETS xgre-cli RUNTIME DESTINATION "${CMAKE_INSTALL_SBINDIR}" COMPONENT tool)
install_unit(systemd/xgre@.service)
install_unit(systemd/xgre-probe@.service)
install(FILES systemd/xgre-probe@.timer DESTINATION lib/systemd/system COMPONENT tool)
install(DIRECTORY "${PROJECT_BINARY_DIR}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man8" COMPONENT tool
        FILES_MATCHING PATTERN "*.8")
set(completion "${CMAKE_INSTALL_DATADIR}")
install(FILES completion/xgre.bash DESTINATION "${completion}/bash-completion/completions" RENAME xgre
        COMPONENT tool)
install(FILES completion/_xgre DESTINATION "${completion}/zsh/vendor-completions" COMPONENT tool)
install(FILES completion/xgre.fish DESTINATION "${completion}/fish/vendor_completions.d" COMPONENT tool)

install(TARGETS xgre ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev)
install(DIRECTORY include/xgre DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/xgre.pc" DESTINATION "${pkgconfig}" COMPONENT dev)
install(FILES "${PROJECT_BINARY_DIR}/xgreConfig.cmake" "${PROJECT_BINARY_DIR}/xgreConfigVersion.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/xgre" COMPONENT dev)

set(documents "${CMAKE_INSTALL_DATADIR}/doc/xgre")
install(FILES README.md DESTINATION "${documents}" COMPONENT doc)
install(DIRECTORY docs/ DESTINATION "${documents}/docs" COMPONENT doc
        FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
install(DIRECTORY examples/ DESTINATION "${documents}/examples" COMPONENT dev FILES_MATCHING PATTERN "*.cpp")
