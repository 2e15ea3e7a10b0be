# SPDX-License-Identifier: GPL-2.0-only
"""What was measured: as a file, as tables, and compared with what is kept."""

import json
import os

HERE = os.path.dirname(os.path.realpath(__file__))
KEPT = os.path.join(HERE, "figures.json")
DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "performance.md")
BEGIN = "<!-- scripts/bench --instructions writes from here -->"
END = "<!-- scripts/bench --instructions: to here -->"
KEEP = "scripts/bench --instructions --keep"

# Open vSwitch comes last: see join_ovs in inside/hosts.
PEERS = {
    "bridge": "Linux bridge, no tunnel",
    "gretap": "Linux bridge + gretap",
    "vxlan": "Linux bridge + VXLAN",
    "xgre-tc": "xgre, TC only",
    "xgre": "xgre",
    "ip6gretap": "Linux bridge + ip6gretap",
    "xgre-tc-ip6": "xgre over IPv6, TC only",
    "xgre-ip6": "xgre over IPv6",
    "gretap-xgre": "from gretap to xgre, TC only",
    "ovs": "Open vSwitch kernel data path, GRE",
}
OURS = ("xgre", "xgre-tc", "xgre-ip6", "xgre-tc-ip6")

# The first one is what goals are about. ERMS and FSRM: the kernel copies and clears with `rep movsb` and
# `rep stosb`, of which QEMU counts each byte. Without them it takes 8 bytes at a time.
PROCESSORS = {"max": "by bytes", "max,-erms,-fsrm": "by 8 bytes"}
FIRST = next(iter(PROCESSORS))

UNITS = {
    "frame": "a frame of 64 bytes",
    "tcp": "a kilobyte of TCP, offloads at the VMs",
    "cut": "a datagram in a packet of 1 500 bytes that has to be cut",
}
# Where nothing is cut, two ends that differ tell nothing new. Without a tunnel nothing has to be; a VXLAN device
# takes no MTU that would make it cut, and over IPv6 nobody cuts outside. The VMs' MTU does not fit over IPv6.
OVER_IP6 = ("ip6gretap", "xgre-tc-ip6", "xgre-ip6")
NO_PART = {
    "frame": ("gretap-xgre",),
    "tcp": ("gretap-xgre", *OVER_IP6),
    "cut": ("bridge", "vxlan", *OVER_IP6),
}
BASES = ("gretap", "bridge")
TOLERANCE = 0.03
# Runs a frame. A program that runs less often is not on the way of a frame: frames go by TC while the kernel asks
# for a next hop anew, which happens in some measurements and in others not. The row "frame" would show more of it.
SELDOM = 0.5

# What is to be at most so many times what. None: instructions. Those of xgre are for both ways of attaching,
# since on veths, as here, it leaves XDP off by itself.
GOALS = (
    ("xgre", 11_800, None),
    ("xgre", 1.0, "bridge"),
    ("xgre", 0.5, "ovs"),
    ("xgre-tc", 11_800, None),
    ("xgre-tc", 1.0, "bridge"),
    ("xgre-tc", 0.5, "ovs"),
    ("xgre-tc", 0.6, "gretap"),
)


class FiguresError(Exception):
    """Object, cause and way out, in one line."""


def number(value):
    return f"{value:,.0f}".replace(",", " ")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise FiguresError(f"{path}: cannot be read: {error}: write it with `{KEEP}`") from None


def write_json(figures, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
        file.write("\n")


def ratio(values, peer, base):
    return f"{values[peer] / values[base]:.2f}" if base in values and peer in values else "-"


def table(rows):
    """Markdown; the first column is text, the others are numbers."""
    header, *lines = rows
    text = [header, ["---"] + ["---:"] * (len(header) - 1), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in text) + "\n"


def peers_table(figures, unit):
    """Ratios first, then figures, for each way of counting."""
    measured = {cpu: values[unit] for cpu, values in figures["processors"].items() if unit in values}
    header = ["peer"]
    for cpu in measured:
        way = "" if cpu == FIRST else f"{PROCESSORS.get(cpu, cpu)}: "
        header += [f"{way}to {base}" for base in BASES] + [f"{way}instructions"]
    rows = [header]
    for peer, title in PEERS.items():
        if not any(peer in values for values in measured.values()):
            continue
        row = [title]
        for values in measured.values():
            row += [ratio(values, peer, base) for base in BASES]
            row.append(number(values[peer]) if peer in values else "-")
        rows.append(row)
    return table(rows)


def programs_table(figures):
    rows = [["peer, program", "runs a frame", "instructions a run", "of all its instructions"]]
    values = next(iter(figures["processors"].values()))
    for peer in OURS:
        for name, result in values.get("programs", {}).get(peer, {}).items():
            own = result["runs"] * result["instructions"]
            share = f"{100 * own / values['frame'][peer]:.0f} %" if peer in values.get("frame", {}) else "-"
            rows.append([f"{PEERS[peer]}: `{name}`", f"{result['runs']:.2f}",
                         number(result["instructions"]), share])
    return table(rows) if len(rows) > 1 else ""


def goals_table(figures):
    values = figures["processors"].get(FIRST, {}).get("frame", {})
    rows = [["goal, a frame of 64 bytes", "at most", "is", "reached"]]
    for peer, most, base in GOALS:
        if peer not in values or base not in (None, *values):
            continue
        got = values[peer] / values[base] if base else values[peer]
        shown = [f"{most:.2f}", f"{got:.2f}"] if base else [number(most), number(got)]
        what = f"{PEERS[peer]}, ratio to {PEERS[base]}" if base else f"{PEERS[peer]}, instructions"
        rows.append([what, *shown, "yes" if got <= most else "**no**"])
    return table(rows) if len(rows) > 1 else ""


def markdown(figures):
    parts = [f"Linux {figures['kernel']}, QEMU {figures['qemu']}: `{KEEP}`.\n"]
    for unit, title in UNITS.items():
        if any(unit in values for values in figures["processors"].values()):
            parts += [f"### Instructions for {title}\n", peers_table(figures, unit)]
    for title, make in (("Of these in xgre's programs", programs_table), ("Goals", goals_table)):
        if text := make(figures):
            parts += [f"### {title}\n", text]
    return "\n".join(parts)


def _document():
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise FiguresError(f"{DOCUMENT}: needs one line `{BEGIN}` and one line `{END}`: put them back")
    before, rest = text.split(BEGIN)
    between, after = rest.split(END)
    return before, between, after


def keep(figures):
    before, _, after = _document()
    write_json(figures, KEPT)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{markdown(figures)}\n{END}{after}")


def check_document():
    """The document shows what the file says."""
    if _document()[1] != f"\n{markdown(read(KEPT))}\n":
        raise FiguresError(f"{DOCUMENT}: its tables are not those of {KEPT}: "
                           f"commit both as `{KEEP}` wrote them")


def enough(kept, cpu):
    """Of each row, by peer: what is no rise against the kept figures, if there are any."""
    values = kept["processors"].get(cpu, {}) if kept else {}
    return {row: {peer: value * (1 + TOLERANCE) for peer, value in values.get(row, {}).items()}
            for row in UNITS}


def own_figures(figures):
    """All that is held to the kept figures, by a name for people."""
    own = {}
    for cpu, values in figures["processors"].items():
        for peer in OURS:
            for unit, title in UNITS.items():
                if peer in values.get(unit, {}):
                    own[f"{PEERS[peer]}: {title}, {PROCESSORS.get(cpu, cpu)}"] = values[unit][peer]
            for name, result in values.get("programs", {}).get(peer, {}).items():
                if result["runs"] < SELDOM:
                    continue
                own[f"{PEERS[peer]}: {name}, a run"] = result["instructions"]
    return own


def compare(figures, kept):
    """Lines to print, and whether nothing rose."""
    now, then = own_figures(figures), own_figures(kept)
    lines, risen = [], False
    for name, value in now.items():
        if name not in then:
            lines.append(f"{name}: {number(value)}, not kept yet")
            risen = True
            continue
        change = value / then[name] - 1
        verdict = "ok"
        if change > TOLERANCE:
            verdict, risen = "RISEN", True
        elif change < -TOLERANCE:
            verdict = "fallen"
        lines.append(f"{name}: {number(value)}, kept {number(then[name])} ({100 * change:+.1f} %): {verdict}")
    for what in ("kernel", "qemu"):
        if figures[what] != kept[what]:
            lines.append(f"{what}: {figures[what]}, the kept figures are of {kept[what]}")
    if risen:
        lines.append(f"more than {100 * TOLERANCE:.0f} % above the kept figures: if that is meant, "
                     f"run `{KEEP}` and commit bench/instructions/figures.json and docs/performance.md "
                     "with the change")
    elif any(line.endswith("fallen") for line in lines):
        lines.append(f"fewer instructions than kept: `{KEEP}` keeps what was won")
    return lines, not risen
