# SPDX-License-Identifier: GPL-2.0-only
"""The rows of scripts/interop: what xgre is told, what the other side is told, and what both then send.

A row for each option that both sides have. To add one is to add a line here."""

import dataclasses

FLAG_CHECKSUM, FLAG_KEY, FLAG_SEQUENCE = 0x8000, 0x2000, 0x1000


@dataclasses.dataclass(frozen=True)
class Sent:
    """What a host puts around a frame. None: whatever it likes."""

    key: int | None = None
    csum: bool = False
    seq: bool = False
    ttl: int | None = None
    tos: int | None = None
    df: bool | None = None
    encap_limit: int | None = None
    flow_label: int | None = None

    @property
    def flags(self):
        return FLAG_CHECKSUM * self.csum | FLAG_KEY * (self.key is not None) | FLAG_SEQUENCE * self.seq

    def overhead(self, family):
        """Bytes from the outer IP header to the inner one."""
        outer = 20 if family == 4 else 40 + 8 * (self.encap_limit is not None)
        return outer + 4 + 4 * (self.csum + self.seq + (self.key is not None)) + 14


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    peer: str  # one of hosts.PEERS
    ours: Sent
    theirs: Sent
    options: str = ""  # of the other side, in its own words
    network: str = ""  # options of `xgre network add`
    ours_peer: str = ""  # options of `xgre peer add`
    family: int = 4
    note: str = ""
    unsupported: str = ""  # it is not tried, and why

    @property
    def full_name(self):
        return f"{self.peer}/{self.name}"

    @property
    def xgre_words(self):
        return " ".join(filter(None, (self.network, self.ours_peer)))

    @property
    def inner_mtu(self):
        return 1500 - max(self.ours.overhead(self.family), self.theirs.overhead(self.family))


OURS = {"ttl": 64, "tos": 0, "df": True}  # without options


def plain(peer, name, options, *, key=None, note="", unsupported="", **theirs):
    """xgre with or without a key and no other option; the other side with these."""
    network = "" if key is None else f"--key {key}"
    return Row(name, peer, Sent(key=key, **OURS), Sent(key=key, **theirs), options, network,
               note=note, unsupported=unsupported)


def gretap(name, options="", **rest):
    key = rest.get("key")
    words = filter(None, ("" if key is None else f"key {key}", options))
    return plain("gretap", name, " ".join(words), **rest)


def ovs(peer, name, options="", **rest):
    key = rest.get("key")
    words = filter(None, ("" if key is None else f"options:key={key}", options))
    return plain(peer, name, " ".join(words), **rest)


def ovs_rows(peer):
    yield ovs(peer, "no-key")
    yield ovs(peer, "key", key=7)
    yield ovs(peer, "key-0", key=0)
    yield ovs(peer, "key-largest", key=4294967295)
    yield ovs(peer, "csum", "options:csum=true", csum=True)
    yield ovs(peer, "key-csum", "options:csum=true", key=7, csum=True)
    yield ovs(peer, "ttl", "options:ttl=9", key=7, ttl=9)
    yield ovs(peer, "tos", "options:tos=0x10", key=7, tos=0x10)
    yield ovs(peer, "tos-inherit", "options:tos=inherit options:ttl=inherit", key=7)
    yield ovs(peer, "df-unset", "options:df_default=false", key=7, df=False)


def rows():
    yield gretap("no-key")
    yield gretap("key", key=7)
    yield gretap("key-0", key=0)
    yield gretap("key-largest", key=4294967295)
    yield gretap("ocsum", "ocsum", csum=True)
    yield gretap("oseq", "oseq", seq=True)
    yield gretap("key-ocsum", "ocsum", key=7, csum=True)
    yield gretap("key-oseq", "oseq", key=7, seq=True)
    yield gretap("ocsum-oseq", "ocsum oseq", csum=True, seq=True)
    yield gretap("key-ocsum-oseq", "ocsum oseq", key=7, csum=True, seq=True)
    yield gretap("ttl", "ttl 9", key=7, ttl=9)
    yield gretap("tos", "tos 0x10", key=7, tos=0x10)
    yield gretap("tos-inherit", "ttl inherit tos inherit", key=7)
    yield gretap("nopmtudisc", "nopmtudisc", key=7, df=False)
    yield gretap("nopmtudisc-ignore-df", "nopmtudisc ignore-df", df=False)

    yield from ovs_rows("ovs-kernel")
    yield from ovs_rows("ovs-user-space")
    yield ovs("ovs-user-space", "seq", "options:seq=true", seq=True)
    yield ovs("ovs-user-space", "key-seq", "options:seq=true", key=7, seq=True)
    yield ovs("ovs-user-space", "csum-seq", "options:csum=true options:seq=true", csum=True, seq=True,
              unsupported="Open vSwitch 3.1 sums before it writes the number, so that its checksum is wrong")
    yield ovs("ovs-kernel", "seq", "options:seq=true", seq=True,
              unsupported="Open vSwitch numbers packets in its user-space data path only")

    yield plain("xgre-6.1", "no-key", "", **OURS)
    yield plain("xgre-6.1", "key", "--key 7", key=7, **OURS)


ROWS = tuple(rows())
