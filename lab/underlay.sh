# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Two hosts that reach each other through IP alone: namespaces with one uplink each, and a router
# between their two subnets, or a switch where both are in one.

underlay_up() {  # underlay_up routed|same-subnet
    local host
    for host in "${lab_hosts[@]}"; do netns_add "$(host_netns "$host")"; done
    case $1 in
        routed) underlay_router ;;
        same-subnet) underlay_switch ;;
    esac
}

# The middle of the underlay: where both hosts' packets are seen by a capture, on the device to-a.
underlay_middle() {  # underlay_middle routed|same-subnet
    case $1 in
        routed) router_netns ;;
        same-subnet) switch_netns ;;
    esac
}

underlay_router() {
    local router host netns
    router=$(router_netns)
    netns_add "$router"
    in_netns "$router" sysctl -qw net.ipv4.ip_forward=1
    for host in "${lab_hosts[@]}"; do
        netns=$(host_netns "$host")
        wire "$netns" uplink0 "$router" "to-$host"
        ip -n "$router" address add "$(router_address "$host")/25" dev "to-$host"
        ip -n "$netns" address add "$(host_address "$host" routed)/25" dev uplink0
        ip -n "$netns" route add default via "$(router_address "$host")"
    done
}

underlay_switch() {
    local switch host netns
    switch=$(switch_netns)
    netns_add "$switch"
    ip -n "$switch" link add name br0 type bridge stp_state 0 mcast_snooping 0
    ip -n "$switch" link set dev br0 up
    for host in "${lab_hosts[@]}"; do
        netns=$(host_netns "$host")
        wire "$netns" uplink0 "$switch" "to-$host"
        ip -n "$switch" link set dev "to-$host" master br0
        ip -n "$netns" address add "$(host_address "$host" same-subnet)/24" dev uplink0
    done
}

underlay_wait() {  # underlay_wait routed|same-subnet
    in_netns "$(host_netns a)" ping -q -c 1 -W 5 "$(host_address b "$1")" >/dev/null \
        || fail "host a does not reach host b" "the underlay is broken" "see scripts/lab status"
}
