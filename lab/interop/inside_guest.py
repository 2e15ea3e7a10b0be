# SPDX-License-Identifier: GPL-2.0-only
"""xgre itself on the guest's kernel, as both hosts: its programs load there, and its packet tests pass."""

import dataclasses
import re

from hosts import say


@dataclasses.dataclass
class CheckResult:
    name: str
    where: str
    passed: bool
    result: str
    note: str = ""


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
    count = {kind: int(found[1]) if (found := re.search(rf"\[  {kind}  \] (\d+) test", out)) else 0
             for kind in ("PASSED", "FAILED")}
    skipped = re.search(r"\[  SKIPPED \] (\d+) test", out)
    reasons = sorted(set(re.findall(r"^Skipped.*\n?(.*)$", out, re.MULTILINE)))
    count["SKIPPED"] = int(skipped[1]) if skipped else 0
    result = f"{count['PASSED']} passed, {count['SKIPPED']} skipped, {count['FAILED']} failed"
    return f"**{result}**" if count["FAILED"] or not count["PASSED"] else result, "; ".join(reasons)


CHECKS = (
    Check("two-hosts", ("two-hosts",), 400, _two_hosts),
    Check("packet-tests", ("test_bpf", "--gtest_brief=0"), 1500, _packet_tests),
)
