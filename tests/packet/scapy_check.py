#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Second opinion on built packets, by scapy.

stdin: a line a packet, three columns apart by tabs: name, bytes in hex, and the fields scapy
must read, as "Layer[n].field=value" apart by blanks; Layer[n] is the n-th such layer from
outside. Whatever the columns ask, each checksum and length is computed anew by scapy and must
be what the packet has.

stdout: a line a fault, "name: Layer[n].field is X, scapy says Y" or the like; at the end
"checked N packets, M checksums". Exit 1 if there was a fault.
"""

import sys

from scapy.all import Ether  # and with it every layer scapy knows

# What scapy fills in when it is absent. Padding and unknown data stay as they are.
COMPUTED = {
    "chksum": "checksum", "cksum": "checksum",
    "len": "length", "plen": "length", "ihl": "length", "dataofs": "length",
}


def layers_of(packet):
    """(label, layer), from outside in: ("IP[0]", ...), ("GRE[0]", ...), ("IP[1]", ...)."""
    seen = {}
    while packet:
        # scapy has one class for each ICMPv6 type; to us they are one layer.
        name = type(packet).__name__
        name = "ICMPv6" if name.startswith("ICMPv6") else name
        number = seen.get(name, 0)
        seen[name] = number + 1
        yield f"{name}[{number}]", packet
        packet = packet.payload


def text_of(layer, field):
    """The layer's own field; scapy's attributes would go on looking in the layers inside."""
    own = [f.name for f in layer.fields_desc]
    if field == "dei" and field not in own:
        field = "id"  # scapy before 2.6
    if field not in own:
        return "no such field"
    value = layer.getfieldval(field)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int):
        return str(int(value))
    return str(value).replace(" ", "")


def check(name, data, wanted):
    faults = []
    layers = dict(layers_of(Ether(data)))

    for want in wanted.split():
        path, _, value = want.partition("=")
        label, _, field = path.rpartition(".")
        if label not in layers:
            faults.append(f"{name}: no {label}, scapy sees {' '.join(layers)}")
        elif text_of(layers[label], field) != value:
            faults.append(f"{name}: {path} is {value}, scapy says {text_of(layers[label], field)}")

    # From scratch: scapy parses, forgets all it can compute, and builds. What it builds must be
    # what it was given; where not, the fields of both say where.
    again = Ether(data)
    checksums = 0
    for label, layer in layers_of(again):
        for field in layer.fields_desc:
            kind = COMPUTED.get(field.name)
            # An ARP plen is the size of an address. What is inside an ICMP error is a quotation.
            if kind is None or label.startswith("ARP") or "error" in label:
                continue
            if layer.getfieldval(field.name) is None:  # a GRE without a checksum
                continue
            checksums += kind == "checksum"
            layer.setfieldval(field.name, None)
    rebuilt = bytes(again)
    if rebuilt != data:
        found = len(faults)
        right = dict(layers_of(Ether(rebuilt)))
        for label, layer in layers.items():
            for field in layer.fields_desc:
                if field.name not in COMPUTED or label not in right:
                    continue
                mine, theirs = layer.getfieldval(field.name), right[label].getfieldval(field.name)
                if mine != theirs:
                    faults.append(f"{name}: {label}.{field.name} is {mine:#x}, "
                                  f"scapy says {theirs:#x}")
        if found == len(faults):
            faults.append(f"{name}: scapy builds {rebuilt.hex()} from {data.hex()}")
    return faults, checksums


def main():
    packets = checksums = 0
    failed = False
    for line in sys.stdin:
        name, data, wanted = line.rstrip("\n").split("\t")
        faults, count = check(name, bytes.fromhex(data), wanted)
        for fault in faults:
            failed = True
            print(fault)
        packets += 1
        checksums += count
    print(f"checked {packets} packets, {checksums} checksums")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
