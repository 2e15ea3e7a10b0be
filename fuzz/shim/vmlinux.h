/* SPDX-License-Identifier: GPL-2.0-only */
/* Instead of vmlinux/vmlinux.h, where the headers of bpf/ are compiled for the host. */
#ifndef XGRE_FUZZ_VMLINUX_H
#define XGRE_FUZZ_VMLINUX_H

#define BPF_NO_PRESERVE_ACCESS_INDEX /* there is nothing to relocate */
#include_next <vmlinux.h>

/* Its types would come again from the system. */
#define __bpf__
#include <xgre/abi.h>
#undef __bpf__

#endif
