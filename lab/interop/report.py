# SPDX-License-Identifier: GPL-2.0-only
"""Results of scripts/interop as the table in docs/interop.md."""

import re

from hosts import InteropError

MARKED = re.compile(r"(<!-- results: written by scripts/interop -->\n).*?(<!-- end of results -->)", re.DOTALL)
PATHS = ("XDP", "TC")
HEADS = ["Row", "xgre", "The other side", *(f"{path} {way}" for path in PATHS for way in ("sends", "gets")), "Note"]


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
    cells = [_cell(result.directions.get((path, way))) for path in PATHS for way in ("sends", "gets")]
    return [row.name, _code(row.xgre_words), _code(row.options), *cells, row.unsupported or row.note]


def summary(results, guest_results):
    tried = [result for result in results if not result.row.unsupported]
    directions = [faults for result in tried for faults in result.directions.values()]
    failed = sum(map(bool, directions)) + sum(not one.passed for one in guest_results)
    text = (f"{len(tried)} rows were tried, each by XDP and by TC in both directions: of {len(directions)} results "
            f"{sum(not faults for faults in directions)} are ok. ")
    if skipped := len(results) - len(tried):
        text += f"{skipped} rows are not supported by one side, for the reason in the note. "
    if guest_results:
        text += f"xgre in the guest: {sum(one.passed for one in guest_results)} of {len(guest_results)} passed. "
    return text + ("All rows that both sides support work." if not failed else f"{failed} results are failures.")


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
