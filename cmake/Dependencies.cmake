# SPDX-License-Identifier: GPL-2.0-only
# What xgre is built from. `scripts/setup build` installs all of it.
set(SBIN_HINTS /usr/sbin /sbin)  # not in an ordinary user's PATH on Debian

find_program(XGRE_CLANG NAMES clang-19 REQUIRED DOC "compiles the BPF programs")
find_program(XGRE_BPFTOOL NAMES bpftool HINTS ${SBIN_HINTS} REQUIRED
             DOC "links the BPF objects and makes the skeleton")

find_package(PkgConfig REQUIRED)
pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf>=1.1)
pkg_check_modules(elf REQUIRED IMPORTED_TARGET libelf)
pkg_check_modules(z REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(nl REQUIRED IMPORTED_TARGET libnl-3.0 libnl-route-3.0)
pkg_check_modules(pcap REQUIRED IMPORTED_TARGET libpcap)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_path(XGRE_TOMLPLUSPLUS toml++/toml.h REQUIRED DOC "toml++: headers, compiled into one file")
