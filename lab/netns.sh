# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Network namespaces by name.
# `ip netns exec` mounts a fresh /sys, which hides the BPF file system; in_netns enters the network
# namespace alone. VMs have no business with the BPF file system and are entered with `ip netns exec`.

netns_exists() { [[ -e /run/netns/$1 ]]; }

in_netns() {  # in_netns NETNS COMMAND...
    local netns=$1
    shift
    nsenter --net="/run/netns/$netns" "$@"
}

netns_add() {
    ip netns add "$1"
    ip -n "$1" link set lo up
}

# Ends what runs in the namespace, then removes it. A process that has been stopped between creating
# and mounting /run/netns/NAME leaves a plain file there, which `ip netns del` does not take.
netns_remove() {
    netns_exists "$1" || return 0
    local pids
    pids=$(ip netns pids "$1" 2>/dev/null) || pids=
    # shellcheck disable=SC2086  # one word a process
    [[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
    ip netns del "$1" 2>/dev/null || rm -f "/run/netns/$1"
}
