# SPDX-License-Identifier: GPL-2.0-only
# How our C++ is compiled.
option(XGRE_SANITIZE "build with the address and undefined behaviour sanitizers" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Lines for backtraces and perf, but no variables, which took a fifth of the time to compile: `debug` has them.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

add_library(xgre_compile INTERFACE)
target_compile_options(xgre_compile INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Werror)
target_compile_definitions(xgre_compile INTERFACE XGRE_VERSION="${PROJECT_VERSION}")
if(XGRE_SANITIZE)
    # gcc 12 takes its own instrumentation for uninitialized variables.
    target_compile_options(xgre_compile INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
        -Wno-maybe-uninitialized)
    target_link_options(xgre_compile INTERFACE -fsanitize=address,undefined)
endif()
