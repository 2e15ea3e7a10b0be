# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions of a frame go: QEMU logs every one of them, the kernel's symbols name them."""

import bisect
import collections
import os
import re
import statistics
import time

from machine import FRAME, FRAMES, SECONDS, GuestError, Machine

LOG_BYTES = 60_000_000  # about a megabyte a frame
MARK = "pktgen_xmit"  # begins a frame
ALIKE = 0.02  # frames that differ more from the median one had an interrupt, or another frame, in between


class Symbols:
    def __init__(self, text):
        pairs = sorted((int(address, 16), name) for address, kind, name, *_ in map(str.split, text.splitlines())
                       if kind in "tTwW")
        self.addresses = [address for address, _ in pairs]
        self.names = [re.sub(r"^bpf_prog_[0-9a-f]{16}_", "bpf: ", name) for _, name in pairs]

    def find(self, address):
        """The function's name, and whether this is its first instruction."""
        at = bisect.bisect_right(self.addresses, address) - 1
        return (self.names[at], self.addresses[at] == address) if at >= 0 else ("?", False)


def record(machine, log):
    """Some frames' instructions, one a line. One translation block is one instruction meanwhile."""
    human = lambda command: machine.guest.monitor("human-monitor-command", **{"command-line": command})  # noqa: E731
    machine.guest.monitor("stop")
    human("singlestep on")
    human("log exec,nochain")
    machine.guest.monitor("cont")
    deadline = time.monotonic() + SECONDS
    while not os.path.exists(log) or os.path.getsize(log) < LOG_BYTES:
        if time.monotonic() > deadline:
            raise GuestError(f"{log}: only a part of the trace in {SECONDS} s: try on a machine that is less busy")
        time.sleep(0.1)
    machine.guest.monitor("stop")
    human("log none")


def read(log, symbols):
    with open(log, encoding="ascii", errors="replace") as file:
        for line in file:
            if found := re.match(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", line):
                yield symbols.find(int(found.group(1), 16))


def count(instructions):
    """Instructions and calls by function, for one frame."""
    starts = [at for at, instruction in enumerate(instructions) if instruction == (MARK, True)]
    spans = list(zip(starts, starts[1:]))
    if not spans:
        raise GuestError(f"{MARK}: not in the trace: does the guest's kernel call it otherwise?")
    median = statistics.median(end - start for start, end in spans)
    alike = [(start, end) for start, end in spans if abs(end - start - median) <= ALIKE * median]
    total, calls = collections.Counter(), collections.Counter()
    for start, end in alike:
        for name, is_first in instructions[start:end]:
            total[name] += 1
            calls[name] += is_first
    return [(name, value / len(alike), calls[name] / len(alike)) for name, value in total.most_common()]


def trace(args):
    cpu = (args.cpu or ["max"])[0]
    with Machine(args.xgre, args.tool, cpu) as machine:
        log = os.path.join(machine.work, "log")
        machine.guest.monitor("human-monitor-command", **{"command-line": f"logfile {log}"})
        machine.run("echo 1 >/proc/sys/net/core/bpf_jit_kallsyms; echo 0 >/proc/sys/kernel/kptr_restrict")
        machine.run(f"hosts up {args.trace}")
        machine.run(f"frames {FRAME} {FRAMES} 1")
        symbols = Symbols(machine.run("grep ' [tTwW] ' /proc/kallsyms"))
        machine.run(f"frames {FRAME} 1000000 1 >/dev/null 2>&1 & sleep 1")
        record(machine, log)
        rows = count(list(read(log, symbols)))
    lines = [f"{sum(value for _, value, _ in rows):.0f} instructions a frame of {FRAME} bytes", "",
             "instructions  calls  function"]
    lines += [f"{value:12.1f} {calls:6.2f}  {name}" for name, value, calls in rows if value >= 0.5]
    return "\n".join(lines)
