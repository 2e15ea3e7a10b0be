# SPDX-License-Identifier: GPL-2.0-only
# Debian packages: `scripts/package` builds them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME xgre)
set(CPACK_PACKAGE_CONTACT "${XGRE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL tool dev doc)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${XGRE_PACKAGE_RELEASE}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What Debian wants beside what `cmake --install` puts there.
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/PackageFiles.cmake")
set(CPACK_XGRE_PACKAGING "${PROJECT_SOURCE_DIR}/packaging")

set(CPACK_DEBIAN_TOOL_PACKAGE_NAME xgre)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION net)
set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TOOL_PACKAGE_RECOMMENDS dnsmasq-base)
set(CPACK_DEBIAN_TOOL_PACKAGE_SUGGESTS "xgre-doc, python3")
set(CPACK_DEBIAN_TOOL_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/packaging/postinst"
    "${PROJECT_SOURCE_DIR}/packaging/prerm" "${PROJECT_SOURCE_DIR}/packaging/postrm")
# The first line is the summary; of the others none is longer than 78 characters.
set(CPACK_COMPONENT_TOOL_DESCRIPTION "VMs on different hosts in one Ethernet segment
 Joins VMs on different hosts into one Ethernet segment over GRE, as Open
 vSwitch gre ports and Linux gretap devices speak it. The data path is BPF
 programs at the XDP and TC hooks: nothing runs in user space meanwhile.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libxgre-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libbpf-dev (>= 1.1), libelf-dev, libfmt-dev, libnl-3-dev, libnl-route-3-dev, libpcap0.8-dev, zlib1g-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "VMs on different hosts in one Ethernet segment: library
 What the xgre tool does, for C++20 programs: a static library, which has the
 BPF programs in it, headers, files for pkg-config and CMake, and examples.")

set(CPACK_DEBIAN_DOC_PACKAGE_NAME xgre-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_SECTION doc)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_COMPONENT_DOC_DESCRIPTION "VMs on different hosts in one Ethernet segment: documents
 How frames travel, every command, drop reason and JSON field, configuration
 files, measurements, and what was tried with others at the other end.")

include(CPack)
