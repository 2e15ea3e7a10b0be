# SPDX-License-Identifier: GPL-2.0-only
# A unit for systemd, of PATH.in. It has the path of the tool in it, which for a package is another one
# than for `cmake --install`.
function(install_unit path)
    get_filename_component(name "${path}" NAME)
    install(CODE "
        set(CMAKE_INSTALL_FULL_SBINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
        configure_file(\"${PROJECT_SOURCE_DIR}/${path}.in\" \"${PROJECT_BINARY_DIR}/${name}\" @ONLY)"
            COMPONENT tool)
    install(FILES "${PROJECT_BINARY_DIR}/${name}" DESTINATION lib/systemd/system COMPONENT tool)
endfunction()
