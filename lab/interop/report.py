# SPDX-License-Identifier: GPL-2.0-only
"""Results of scripts/interop: what is kept of them, and the tables in docs/interop.md."""

import dataclasses
import json
import os
import re

from hosts import InteropError

MARKED = re.compile(r"(<!-- results: written by scripts/interop -->\n).*?(<!-- end of results -->)", re.DOTALL)
PATHS = ("XDP", "TC")
WAYS = ("sends", "gets")
HEADS = ["Row", "xgre", "The other side", *(f"{path} {way}" for path in PATHS for way in WAYS), "Note"]


@dataclasses.dataclass
class Result:
    """Of a row. `directions`: "XDP sends" and so on, with what was wrong."""

    row: object
    directions: dict = dataclasses.field(default_factory=dict)

    @property
    def passed(self):
        return not any(self.directions.values())


@dataclasses.dataclass
class CheckResult:
    """Of a check in the guest."""

    name: str
    where: str
    passed: bool
    result: str
    note: str = ""


class Kept:
    """The last result of each row and check, in a file, so that a run need not be of all."""

    def __init__(self, path):
        self.path = path
        self.versions, self.rows, self.checks = {}, {}, {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.__dict__.update(json.load(file))
        self.path = path

    def save(self):
        if self.path:
            with open(self.path + ".part", "w", encoding="utf-8") as file:
                json.dump({"versions": self.versions, "rows": self.rows, "checks": self.checks}, file, indent=1)
            os.replace(self.path + ".part", self.path)

    def add_row(self, result, version):
        self.versions[result.row.peer] = version
        self.rows[result.row.full_name] = result.directions
        self.save()

    def add_check(self, check, result):
        self.checks[check.full_name] = dataclasses.asdict(result)
        self.save()

    def missing(self, rows, checks):
        return [one.full_name for one in rows if one.full_name not in self.rows] + \
            [one.full_name for one in checks if one.full_name not in self.checks]

    def markdown(self, rows, checks):
        results = [Result(row, self.rows[row.full_name]) for row in rows]
        guest_results = [CheckResult(**self.checks[check.full_name]) for check in checks]
        peers = dict.fromkeys(row.peer for row in rows)
        return markdown(results, guest_results, {peer: self.versions[peer] for peer in peers})


def _table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _code(words):
    return f"`{words.strip()}`" if words.strip() else ""


def _cell(faults):
    if faults is None:
        return "-"
    return "**" + "; ".join(faults) + "**" if faults else "ok"


def _line(result):
    row = result.row
    cells = [_cell(result.directions.get(f"{path} {way}")) for path in PATHS for way in WAYS]
    return [row.name, _code(row.xgre_words), _code(row.options), *cells, row.unsupported or row.note]


def summary(results, guest_results):
    tried = [result for result in results if not result.row.unsupported]
    directions = [faults for result in tried for faults in result.directions.values()]
    failed = sum(map(bool, directions)) + sum(not one.passed for one in guest_results)
    text = ""
    if tried:
        text += (f"Rows tried, each by XDP and by TC in both directions: {len(tried)}. Of {len(directions)} results "
                 f"{sum(not faults for faults in directions)} are ok. ")
    if skipped := len(results) - len(tried):
        text += f"Rows that one side does not support, for the reason in the note: {skipped}. "
    if guest_results:
        text += f"xgre in the guest: {sum(one.passed for one in guest_results)} of {len(guest_results)} passed. "
    return text + ("All that both sides support works." if not failed else f"{failed} results are failures.")


def markdown(results, guest_results, versions):
    parts = []
    for peer, version in versions.items():
        lines = [_line(result) for result in results if result.row.peer == peer]
        parts += [f"### {version}\n", _table(HEADS, lines)]
    if guest_results:
        parts += [f"### {guest_results[0].where}\n",
                  _table(["What", "Result", "Note"], [[one.name, one.result, one.note] for one in guest_results])]
    parts += ["### Summary\n", summary(results, guest_results) + "\n"]
    return "\n".join(parts)


def write(path, text):
    with open(path, encoding="utf-8") as file:
        before = file.read()
    after, count = MARKED.subn(lambda marks: f"{marks[1]}\n{text}\n{marks[2]}", before)
    if count != 1:
        raise InteropError(f"{path}: no place for the results: it has lost its two marks")
    with open(path, "w", encoding="utf-8") as file:
        file.write(after)
