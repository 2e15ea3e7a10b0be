// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/verbose.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace xgre {
namespace {

// libbpf's debug messages tell every relocation: of use to who works on libbpf.
int print_to_stderr(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    return std::vfprintf(stderr, format, arguments);
}

}  // namespace

void set_verbose(bool verbose) {
    libbpf_set_print(verbose ? print_to_stderr : nullptr);
}

}  // namespace xgre
