# SPDX-License-Identifier: GPL-2.0-only
"""xgre itself on the guest's kernel, as both hosts: its programs load there, and its packet tests pass."""

import dataclasses
import re

from hosts import say
from report import CheckResult


@dataclasses.dataclass(frozen=True)
class Check:
    name: str
    words: tuple
    seconds: int
    read: object  # (exit code, stdout) -> (result, note)

    @property
    def full_name(self):
        return f"in-6.1/{self.name}"

    def run(self, machine):
        say(f"{self.full_name}: {' '.join(self.words)}")
        code, out, err = machine.try_run(*self.words, seconds=self.seconds)
        result, note = self.read(code, out)
        if code != 0:
            say("\n".join((out + err).splitlines()[-40:]))
        say(f"    {result}")
        return CheckResult(self.name, f"xgre as both hosts on Linux {machine.kernel}", code == 0, result, note)


def _two_hosts(code, _):
    return "ok" if code == 0 else f"**exit code {code}**", "pings and TCP by TC, by XDP and with `--spread`, replay"


def _packet_tests(_, out):
    def count(kind):
        found = re.search(rf"^\[  {kind} +\] (\d+) tests?\b", out, re.MULTILINE)
        return int(found[1]) if found else 0

    result = f"{count('PASSED')} passed, {count('SKIPPED')} skipped, {count('FAILED')} failed"
    reasons = sorted(set(re.findall(r": Skipped\n(.*)$", out, re.MULTILINE)))
    bad = count("FAILED") or not count("PASSED")
    return f"**{result}**" if bad else result, "; ".join(reasons)


CHECKS = (
    Check("two-hosts", ("two-hosts",), 600, _two_hosts),
    # Each loads the programs anew, and the verifier is slow on an emulated processor.
    Check("packet-tests", ("test_bpf",), 10800, _packet_tests),
)
