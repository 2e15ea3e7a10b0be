# SPDX-License-Identifier: GPL-2.0-only
# BPF programs: C -> one object a file -> one linked object -> one skeleton header.
set(XGRE_BPF_FLAGS
    -g -O2 -fno-strict-aliasing -mcpu=v3 -target bpf  # a header is written as words and as fields
    -Wall -Wextra -Werror -Wenum-compare -Wenum-conversion
    -Wno-unused-parameter  # callbacks of timers and loops have fixed signatures
    -I${PROJECT_SOURCE_DIR}/vmlinux -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/bpf)

# bpf_object(OUTPUT SOURCE): compiles SOURCE; OUTPUT gets the object's path.
function(bpf_object output source)
    cmake_path(GET source STEM name)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o")
    add_custom_command(
        OUTPUT "${object}"
        COMMAND ${XGRE_CLANG} ${XGRE_BPF_FLAGS} -MMD -MF "${object}.d" -MT "${object}"
                -c "${source}" -o "${object}"
        DEPENDS "${source}"
        DEPFILE "${object}.d"
        COMMENT "BPF ${name}.bpf.c"
        VERBATIM)
    set(${output} "${object}" PARENT_SCOPE)
endfunction()

# bpf_skeleton(NAME SOURCES...): target NAME_skeleton makes NAME.bpf.o and NAME.skel.h (struct
# NAME_bpf); who links it finds the header.
function(bpf_skeleton name)
    set(objects)
    foreach(source IN LISTS ARGN)
        bpf_object(object "${source}")
        list(APPEND objects "${object}")
    endforeach()
    set(linked "${CMAKE_CURRENT_BINARY_DIR}/linked")
    set(header "${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h")
    file(MAKE_DIRECTORY "${linked}")
    add_custom_command(
        OUTPUT "${linked}/${name}.bpf.o"
        COMMAND ${XGRE_BPFTOOL} gen object "${linked}/${name}.bpf.o" ${objects}
        DEPENDS ${objects}
        COMMENT "BPF link ${name}.bpf.o"
        VERBATIM)
    add_custom_command(
        OUTPUT "${header}"
        COMMAND sh -c "\"$0\" gen skeleton \"$1\" name \"$2\" > \"$3.new\" && mv \"$3.new\" \"$3\""
                ${XGRE_BPFTOOL} "${linked}/${name}.bpf.o" "${name}_bpf" "${header}"
        DEPENDS "${linked}/${name}.bpf.o"
        COMMENT "BPF skeleton ${name}.skel.h"
        VERBATIM)
    add_custom_target(${name}_skeleton_files DEPENDS "${header}")
    add_library(${name}_skeleton INTERFACE)
    add_dependencies(${name}_skeleton ${name}_skeleton_files)
    # SYSTEM: generated code does not answer to our warnings.
    target_include_directories(${name}_skeleton SYSTEM INTERFACE "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()
