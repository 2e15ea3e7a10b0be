# SPDX-License-Identifier: GPL-2.0-only
"""A host of a test's own: a network namespace with an uplink and taps, and an instance. The test is inside, and so is
all that it runs, until the end, with which everything goes."""

import ctypes
import json
import os
import subprocess
import time
import unittest

CLONE_NEWNET = 0x40000000
PATIENCE = 30  # seconds


def enter_netns(descriptor):
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(*words, **options):
    """A program to its end, with its output; its exit code is the caller's to look at."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, **options)


def must(*words):
    done = run(*words)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def eventually(holds, what):
    """What it returns once that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (result := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {PATIENCE} s: {what}")
        time.sleep(0.05)
    return result


class Host:
    """uplink0 has 198.18.0.1/24; tap0 and tap1 are there. IPv6 is off, so that nothing moves that no test has sent."""

    def __init__(self, xgre):
        self.binary = os.path.abspath(xgre)
        self.instance = f"py-{os.getpid()}"
        self.netns = f"xg{os.getpid()}-py"
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        must("ip", "netns", "add", self.netns)
        with open(f"/run/netns/{self.netns}", "rb") as there:
            enter_netns(there.fileno())
        for name in ("all", "default"):
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
                file.write("1")
        must("ip", "link", "add", "uplink0", "type", "veth", "peer", "name", "wire")
        must("ip", "address", "add", "198.18.0.1/24", "dev", "uplink0")
        for tap in ("tap0", "tap1"):
            must("ip", "tuntap", "add", tap, "mode", "tap")
        for device in ("lo", "uplink0", "wire", "tap0", "tap1"):
            must("ip", "link", "set", device, "up")

    def close(self):
        self.try_xgre("detach", "--all")
        enter_netns(self.home)
        os.close(self.home)
        must("ip", "netns", "del", self.netns)

    def try_xgre(self, *words):
        return run(self.binary, "--instance", self.instance, *words)

    def xgre(self, *words):
        return must(self.binary, "--instance", self.instance, *words)

    def json(self, *words):
        return json.loads(self.xgre("--json", *words))

    def ports(self):
        """Their networks, by their devices."""
        return {port["device"]: port["network"] for port in self.json("port", "show")}

    def environment(self, **more):
        """For scripts that start xgre themselves."""
        return {**os.environ, "XGRE": self.binary, "XGRE_INSTANCE": self.instance, **more}


class HostTest(unittest.TestCase):
    """One host for all tests of a class. The binary is the first argument of the script."""

    binary = ""

    @classmethod
    def setUpClass(cls):
        cls.host = Host(cls.binary)
        cls.addClassCleanup(cls.host.close)
        cls.host.xgre("attach", "uplink0", "--local", "198.18.0.1")
        cls.host.xgre("network", "add", "lan", "--key", "7")
        cls.host.xgre("network", "add", "two", "--key", "8")


def main(argv, doc):
    if len(argv) < 2:
        raise SystemExit(doc)
    HostTest.binary = argv.pop(1)
    unittest.main(argv=argv, module="__main__", verbosity=2)
