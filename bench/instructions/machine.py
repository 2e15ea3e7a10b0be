# SPDX-License-Identifier: GPL-2.0-only
"""The guest in which instructions are counted, and the measurements in it."""

import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
LAB = os.path.join(os.path.dirname(os.path.dirname(HERE)), "lab", "guest")
sys.path.append(LAB)
from guest import Guest, GuestError  # noqa: E402

SECONDS = 1200  # for one command; software emulation on a busy machine is slow
ICOUNT = ("-icount", "shift=0,sleep=off")  # an instruction is a nanosecond; idle time takes none of ours

FRAME = 64  # bytes, without the checksum at the end
LARGE = 1472  # bytes of a datagram that fills a packet of 1500
FRAMES = 500  # of a run: short, see inside/frames
RUNS = 15
SLICE = 4_000_000  # bytes of a TCP stream
SLICES = 5
PROGRAM_RUNS = 3
# A peer is set up anew so many times, and the least result is taken. How full the slabs of the kernel's
# allocator happen to be decides whether each frame of a set-up takes the allocator's slow path: up to 3 %.
SET_UPS = 3


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise GuestError(f"{name}: not found: run scripts/setup")
    return path


def qemu_version():
    text = subprocess.run([program("qemu-system-x86_64"), "--version"], check=True, capture_output=True, text=True)
    return re.search(r"version (\S+)", text.stdout).group(1)


def checked(command):
    """Runs a command of the lab, whose own words are for stderr."""
    result = subprocess.run(command, check=False, stdout=sys.stderr)
    if result.returncode != 0:
        raise GuestError(f"{os.path.basename(command[0])}: failed with exit code {result.returncode}: see above")


class Machine:
    """A guest of one processor, `cpu` in QEMU's words, with an xgre binary in it. Stops at the end of `with`."""

    def __init__(self, xgre, tool, cpu, qemu=()):
        self.work = tempfile.mkdtemp(prefix="xgre-instructions-")
        self.cpu = cpu
        self.guest = Guest(os.path.join(self.work, "guest"))
        try:
            self._start(xgre, tool, qemu)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.guest.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def _start(self, xgre, tool, qemu):
        command = [os.path.join(LAB, "make"), "--output", os.path.join(self.work, "initrd")]
        command += ["--with-xgre", self._stripped(xgre, "xgre"), "--program", self._stripped(tool, "xgre-bench-guest")]
        for path in sorted(glob.glob(os.path.join(HERE, "inside", "*"))):
            command += ["--program", path]
        for name in ("ovsdb-server", "ovsdb-tool", "ovs-appctl", "ovs-vsctl", "ovs-vswitchd"):
            command += ["--program", program(name)]
        command += ["--file", "/usr/share/openvswitch/vswitch.ovsschema", "--spare", "openvswitch"]
        for module in ("pktgen", "ip_gre", "ip6_gre", "vxlan", "crc32c_generic"):  # the last is for openvswitch
            command += ["--module", module]
        checked(command)
        command = [os.path.join(LAB, "run"), "--dir", self.guest.directory, "--name", "instructions"]
        command += ["--initrd", os.path.join(self.work, "initrd"), "--memory", "512", "--timeout", str(SECONDS)]
        command += ["--accel", "tcg", "--cpu", self.cpu]
        checked(command + [f"--qemu={word}" for word in (*ICOUNT, *qemu)])

    def _stripped(self, path, name):
        """Without debug information a binary is a tenth, which software emulation unpacks sooner."""
        if not os.access(path, os.X_OK):
            raise GuestError(f"{path}: no program: run scripts/build")
        stripped = os.path.join(self.work, name)
        subprocess.run([program("strip"), "-o", stripped, path], check=True)
        return stripped

    def run(self, command):
        code, out, err = self.guest.run(command, SECONDS)
        if code != 0:
            text = (err or out).decode(errors="replace").strip()
            raise GuestError(f"{command}: failed in the guest with exit code {code}: {text}")
        return out.decode()

    def kernel(self):
        return self.run("uname -r").strip()

    def set_up(self, peer, how=""):
        return SetUp(self, f"hosts up {peer} {how}".rstrip())

    def _least(self, peer, how, measure, enough):
        """Of several set-ups, or the first result of at most `enough`. What lost something says nothing."""
        results, loss = [], None
        for _ in range(SET_UPS):
            with self.set_up(peer, how):
                try:
                    results.append(measure())
                except Lossy as error:
                    loss = error
            if results and results[-1] <= enough:
                break
        if not results:
            raise GuestError(f"{peer}: {loss}: none of {SET_UPS} set-ups can be counted")
        return round(min(results))

    def instructions_per_frame(self, peer, enough=0):
        return self._least(peer, "", self._frames, enough)

    def instructions_per_large_packet(self, peer, enough=0):
        return self._least(peer, "cut", self._datagrams, enough)

    def instructions_per_kilobyte(self, peer, enough=0):
        return self._least(peer, "offloads", self._stream, enough)

    def _datagrams(self):
        lines = self.run(f"xgre-bench-guest datagrams {LARGE} {FRAMES} {RUNS}").splitlines()
        return statistics.median(int(nanoseconds) / FRAMES for nanoseconds in lines)

    def _frames(self):
        runs = [line.split() for line in self.run(f"frames {FRAME} {FRAMES} {RUNS}").splitlines()]
        whole = [1000 * int(microseconds) / FRAMES for microseconds, lost in runs if lost == "0"]
        if len(whole) < RUNS / 2:
            raise Lossy(f"frames were lost in {RUNS - len(whole)} of {RUNS} runs")
        return statistics.median(whole)

    def _stream(self):
        words = [line.split() for line in self.run(f"xgre-bench-guest stream {SLICE} {SLICES}").splitlines()]
        if words[-1] != ["retransmitted", "0"]:
            raise Lossy(f"{words[-1][1]} segments were sent again")
        return statistics.median((int(took) - int(idle)) / (SLICE / 1000) for _, took, idle in words[:-1])

    def programs(self, peer):
        """Of each BPF program: runs for a frame, and instructions for a run. The least of several times, as
        an interrupt may come while a program runs."""
        least = {}
        with self.set_up(peer):
            for _ in range(PROGRAM_RUNS):
                for name, runs, nanoseconds in self._program_runs():
                    result = {"instructions": round(nanoseconds / runs), "runs": round(runs / (4 * FRAMES), 2)}
                    least[name] = min(least.get(name, result), result, key=lambda one: one["instructions"])
        return {name: result for name, result in sorted(least.items()) if result["runs"] > 0}

    def _program_runs(self):
        # `frames` makes three runs more, before the ones that it was told.
        for line in self.run(f"xgre-bench-guest programs frames {FRAME} {FRAMES} 1").splitlines():
            name, runs, nanoseconds = line.split()
            yield name, int(runs), int(nanoseconds)


class Lossy(Exception):
    """A measurement that cannot be counted."""


class SetUp:
    def __init__(self, machine, command):
        self.machine = machine
        self.command = command

    def __enter__(self):
        self.machine.run(self.command)
        return self

    def __exit__(self, kind, *_):
        if kind is None:  # else the guest goes with it
            self.machine.run("hosts down")
