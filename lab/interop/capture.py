# SPDX-License-Identifier: GPL-2.0-only
"""What was on the wire between the hosts, read by tshark."""

import collections
import itertools
import signal
import subprocess

from hosts import InteropError, run

DEVICE = "to-a"  # in the middle: what XDP takes or sends is not seen on the uplink
LARGEST = 1514
# Of each packet. The kernel divides its buffer by this: with all that a packet might have, 64 have room there.
SNAPSHOT = 2048
BAD = "0"  # of tshark's checksum states

STATES = {"ip": "ip.checksum.status", "gre": "gre.checksum.status", "icmp": "icmp.checksum.status",
          "tcp": "tcp.checksum.status", "udp": "udp.checksum.status"}
FIELDS = ("eth.src", "frame.len", "gre.flags_and_version", "gre.proto", "gre.key", "gre.sequence_number",
          "ip.ttl", "ip.dsfield", "ip.flags.df", "ipv6.hlim", "ipv6.tclass", "ipv6.flow", "ipv6.opt.tel",
          *STATES.values())


class Capture:
    """Of all GRE packets on the wire, while the `with` lasts."""

    def __init__(self, netns, path):
        self.netns = netns
        self.path = path
        self.process = None

    def __enter__(self):
        words = ["nsenter", f"--net=/run/netns/{self.netns}", "tcpdump", "-i", DEVICE, "-Z", "root",
                 "--immediate-mode", "-U", "-s", str(SNAPSHOT), "-B", "16384", "-w", self.path]
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                return self
        raise InteropError(f"{DEVICE}: tcpdump does not start: run scripts/setup lab")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)

    def packets(self):
        words = ["tshark", "-n", "-r", self.path, "-Y", "gre", "-T", "fields", "-E", "occurrence=a"]
        for name in STATES:
            if name not in ("gre", "icmp"):  # those are always checked
                words += ["-o", f"{name}.check_checksum:TRUE"]
        for port in ("tcp.port==5001", "udp.port==5002"):  # of inside/talk: random bytes, in which it would see things
            words += ["-d", f"{port},echo"]
        for field in FIELDS:
            words += ["-e", field]
        return [Packet(line) for line in run(words).splitlines()]


class Packet:
    """The values of each field, outermost first."""

    def __init__(self, line):
        self.values = dict(zip(FIELDS, (cell.split(",") if cell else [] for cell in line.split("\t"))))

    def first(self, field):
        values = self.values[field]
        return values[0] if values else None

    def number(self, field):
        text = self.first(field)
        return None if text is None else int(text, 0)


def _differences(packet, sent, family):
    """Where the packet is not as it was asked for."""
    if packet.number("gre.flags_and_version") != sent.flags:
        yield f"GRE flags {packet.first('gre.flags_and_version')} instead of {sent.flags:#06x}"
    if packet.number("gre.proto") != 0x6558:
        yield f"protocol type {packet.first('gre.proto')}"
    if sent.vsid is not None:
        if packet.number("gre.key") is None or packet.number("gre.key") >> 8 != sent.vsid:
            yield f"key {packet.first('gre.key')} instead of one of VSID {sent.vsid}"
    elif packet.number("gre.key") != sent.key:
        yield f"key {packet.first('gre.key')} instead of {sent.key}"
    wanted = {4: {"ip.ttl": sent.ttl, "ip.dsfield": sent.tos, "ip.flags.df": sent.df},
              6: {"ipv6.hlim": sent.ttl, "ipv6.tclass": sent.tos, "ipv6.flow": sent.flow_label}}[family]
    for field, value in wanted.items():
        if value is not None and packet.number(field) != value:
            yield f"{field} {packet.first(field)} instead of {int(value)}"
    if family == 6 and packet.number("ipv6.opt.tel") != sent.encap_limit:
        yield f"encapsulation limit {packet.first('ipv6.opt.tel')} instead of {sent.encap_limit}"
    if packet.number("frame.len") > LARGEST:
        yield f"a packet of {packet.first('frame.len')} bytes"
    for name, field in STATES.items():
        if BAD in packet.values[field]:
            yield f"wrong {name} checksum"


def _gaps(packets):
    """A sequence number grows by one a packet."""
    numbers = [packet.number("gre.sequence_number") for packet in packets]
    return sum(after != (before + 1) & 0xFFFFFFFF for before, after in itertools.pairwise(numbers))


def faults(packets, sent, family, every=True):
    """What is wrong with what one host sent, with the number of packets; nothing if all is as asked. Unless `every`
    packet has to be as asked, most have, and all have the right checksums."""
    if not packets:
        return ["no packet on the wire"]
    found = collections.Counter(itertools.chain.from_iterable(
        _differences(packet, sent, family) for packet in packets))
    if every and sent.seq and (gaps := _gaps(packets)):
        found["sequence number does not follow"] = gaps
    return [f"{what} (in {count} of {len(packets)} packets)" for what, count in found.items()
            if every or count > len(packets) // 10 or "checksum" in what]
