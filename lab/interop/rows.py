# SPDX-License-Identifier: GPL-2.0-only
"""The rows of scripts/interop: what xgre is told, what the other side is told, and what both then send.

A row for each option that both sides have. To add one is to add a line here."""

import dataclasses
import itertools

FLAG_CHECKSUM, FLAG_KEY, FLAG_SEQUENCE = 0x8000, 0x2000, 0x1000


@dataclasses.dataclass(frozen=True)
class Sent:
    """What a host puts around a frame. None: whatever it likes."""

    key: int | None = None
    vsid: int | None = None  # NVGRE: the upper 24 bits of the key, whose other 8 the sender chooses
    csum: bool = False
    seq: bool = False
    ttl: int | None = None
    tos: int | None = None
    df: bool | None = None
    encap_limit: int | None = None
    flow_label: int | None = None

    @property
    def flags(self):
        return FLAG_CHECKSUM * self.csum | FLAG_KEY * self.is_keyed | FLAG_SEQUENCE * self.seq

    @property
    def is_keyed(self):
        return self.key is not None or self.vsid is not None

    def overhead(self, family):
        """Bytes from the outer IP header to the inner one."""
        outer = 20 if family == 4 else 40 + 8 * (self.encap_limit is not None)
        return outer + 4 + 4 * (self.csum + self.seq + self.is_keyed) + 14


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


def told(peer, name, words, options, sends, gets, **rest):
    """xgre with options of its peer, too; its network has key 7, unless the row says otherwise."""
    sends = {"key": 7, **OURS, **sends}
    gets = {"key": 7, **gets}
    rest.setdefault("network", "--key 7")
    return Row(name, peer, Sent(**sends), Sent(**gets), options, ours_peer=words, **rest)


# ip_tunnel_rcv of net/ipv4/ip_tunnel.c wants checksums at a device exactly where it was made with `icsum`.
NO_CSUM_IN = {"ovs-kernel": "the kernel drops checksums at Open vSwitch's device, which is made without `icsum`"}


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
    yield told(peer, "in-key-out-key", "--ikey 8 --okey 9", "options:in_key=9 options:out_key=8",
               {"key": 9}, {"key": 8})
    yield told(peer, "icsum-of-xgre", "--icsum on", "options:key=7 options:csum=true", {}, {"csum": True})
    yield told(peer, "both-csum", "--icsum on --ocsum on", "options:key=7 options:csum=true",
               {"csum": True}, {"csum": True}, unsupported=NO_CSUM_IN.get(peer, ""))
    yield told(peer, "seq-of-xgre", "--oseq on", "options:key=7", {"seq": True}, {})
    yield from outer_rows(peer, "options:key=7")
    yield told(peer, "nvgre", "", f"options:in_key=flow options:out_key={5001 << 8}", {"key": None, "vsid": 5001},
               {"key": 5001 << 8}, network="--mode nvgre --key 5001")


def mixes():
    """Every mix of key, checksum and sequence number, sent and demanded by both."""
    for key, csum, seq in itertools.product((None, 7), (False, True), (False, True)):
        names = [name for name, is_on in (("key", key), ("csum", csum), ("seq", seq)) if is_on]
        if not csum and not seq:
            continue
        words = [f"--{way}{name} on" for name in names if name != "key" for way in "io"]
        sent = {"key": key, "csum": csum, "seq": seq}
        yield told("gretap", "both-" + "-".join(names), " ".join(words),
                   " ".join("key 7" if name == "key" else name for name in names), sent, sent,
                   network="--key 7" if key else "")


def outer_rows(peer, options):
    """Of the outer header of what xgre sends; the VMs' own TTL is 64, and their TOS is 0."""
    yield told(peer, "ttl-of-xgre", "--ttl 9", options, {"ttl": 9}, {})
    yield told(peer, "ttl-inherit-of-xgre", "--ttl inherit", options, {"ttl": 64}, {})
    yield told(peer, "tos-of-xgre", "--tos 16", options, {"tos": 16}, {})
    yield told(peer, "tos-inherit-of-xgre", "--tos inherit", options, {"tos": None}, {})
    yield told(peer, "df-unset-of-xgre", "--df unset", options, {"df": False}, {})
    yield told(peer, "df-inherit-of-xgre", "--df inherit", options, {"df": None}, {})


def six(peer, name, words, options, sends, gets, **rest):
    """Over IPv6, where there is no DF."""
    return told(peer, name, words, options, {**sends, "df": None}, gets, family=6, **rest)


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
    yield gretap("nopmtudisc", "nopmtudisc", key=7, note="gretap then copies DF from the inner packet")
    yield gretap("nopmtudisc-ignore-df", "nopmtudisc ignore-df", df=False)

    yield told("gretap", "ikey-okey", "--ikey 8 --okey 9", "ikey 9 okey 8", {"key": 9}, {"key": 8})
    yield told("gretap", "ikey-alone", "--ikey 8 --okey none", "okey 8", {"key": None}, {"key": 8})
    yield told("gretap", "okey-alone", "--ikey none --okey 9", "ikey 9", {"key": 9}, {"key": None})
    yield told("gretap", "okey-no-network-key", "--ikey none --okey 9", "ikey 9", {"key": 9}, {"key": None}, network="")
    yield from mixes()
    yield told("gretap", "ocsum-of-xgre", "--ocsum on", "key 7 icsum", {"csum": True}, {})
    yield told("gretap", "oseq-of-xgre", "--oseq on", "key 7 iseq", {"seq": True}, {})
    yield told("gretap", "icsum-of-xgre", "--icsum on", "key 7 ocsum", {}, {"csum": True})
    yield told("gretap", "iseq-of-xgre", "--iseq on", "key 7 oseq", {}, {"seq": True})
    yield from outer_rows("gretap", "key 7")
    yield Row("nvgre", "gretap", Sent(vsid=5001), Sent(vsid=5001), "", "--mode nvgre --key 5001",
              unsupported="gretap compares all 32 bits of the key, and NVGRE's last 8 are another for each flow")

    for limit in ("none", "4"):
        theirs = {"encap_limit": None if limit == "none" else 4}
        yield six("gretap", f"ip6-encap-limit-{limit}", f"--encap-limit {limit}", f"key 7 encaplimit {limit}",
                  theirs, theirs)
    yield six("gretap", "ip6-no-key", "--encap-limit none", "encaplimit none", {"key": None}, {"key": None}, network="")
    yield six("gretap", "ip6-encap-limit-gets", "--encap-limit none", "key 7", {}, {"encap_limit": 4})
    yield six("gretap", "ip6-csum-seq", "--encap-limit none --icsum on --ocsum on --iseq on --oseq on",
              "key 7 encaplimit none csum seq", {"csum": True, "seq": True}, {"csum": True, "seq": True})
    yield six("gretap", "ip6-flow-label", "--encap-limit none --flow-label 74565",
              "key 7 encaplimit none flowlabel 0x12345", {"flow_label": 0x12345}, {"flow_label": 0x12345})
    yield six("gretap", "ip6-ttl-tos", "--encap-limit none --ttl 9 --tos 16",
              "key 7 encaplimit none hoplimit 9 tclass 0x10", {"ttl": 9, "tos": 16}, {"ttl": 9, "tos": 16})

    yield from ovs_rows("ovs-kernel")
    yield from ovs_rows("ovs-user-space")
    yield ovs("ovs-user-space", "seq", "options:seq=true", seq=True)
    yield ovs("ovs-user-space", "key-seq", "options:seq=true", key=7, seq=True)
    yield ovs("ovs-user-space", "csum-seq", "options:csum=true options:seq=true", csum=True, seq=True,
              unsupported="Open vSwitch 3.1 sums before it writes the number, so that its checksum is wrong")
    yield six("ovs-user-space", "ip6", "--encap-limit none", "options:key=7", {}, {})
    yield six("ovs-user-space", "ip6-csum", "--encap-limit none --icsum on --ocsum on",
              "options:key=7 options:csum=true",
              {"csum": True}, {"csum": True})
    yield six("ovs-kernel", "ip6", "--encap-limit none", "options:key=7", {}, {},
              unsupported="Open vSwitch has gre over IPv6 in its user-space data path only")
    yield ovs("ovs-kernel", "seq", "options:seq=true", seq=True,
              unsupported="Open vSwitch numbers packets in its user-space data path only")

    yield plain("xgre-6.1", "no-key", "", **OURS)
    yield plain("xgre-6.1", "key", "--key 7", key=7, **OURS)
    yield told("xgre-6.1", "both-key-csum-seq", "--icsum on --ocsum on --iseq on --oseq on", "the same",
               {"csum": True, "seq": True}, {"csum": True, "seq": True})
    yield told("xgre-6.1", "nvgre", "", "the same", {"key": None, "vsid": 5001}, {"key": None, "vsid": 5001},
               network="--mode nvgre --key 5001")
    yield six("xgre-6.1", "ip6", "--encap-limit 4", "the same", {"encap_limit": 4}, {"encap_limit": 4})


ROWS = tuple(rows())
