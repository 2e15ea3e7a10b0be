# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Cables: veth pairs that behave like a wire between two NICs.

wire() {  # wire NETNS DEVICE NETNS DEVICE [MAC]: the MAC is the second end's
    # Made inside the namespaces at once: stopped at any point, nothing is in the caller's own.
    ip -n "$1" link add name "$2" type veth peer name "$4" netns "$3" ${5:+address "$5"}
    wire_end "$1" "$2"
    wire_end "$3" "$4"
}

# tx off: a veth hands frames whose checksum is still to be filled in to the other end as they are,
#   where XDP cannot see it. A NIC has filled it in by then.
# txvlan, tx-vlan-stag-hw-insert off: likewise for VLAN tags, which stand beside the bytes otherwise.
# gro on: gives the end a NAPI instance. An end with neither XDP nor GRO has none, and what XDP
#   redirects to it from the other end is lost without a trace. Once it is up: before, the kernel
#   does not note for the other end that it may be redirected to.
wire_end() {  # wire_end NETNS DEVICE
    ip -n "$1" link set dev "$2" up
    in_netns "$1" ethtool -K "$2" tx off gro on txvlan off tx-vlan-stag-hw-insert off >/dev/null
}
