# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# A capture on the wire between the hosts. It is taken in the middle of the underlay, not on an
# uplink: what XDP takes or sends there is never seen by a capture.

capture_start() {  # capture_start FILE: returns when it sees packets
    local middle line
    middle=$(underlay_middle "$(lab_topology)")
    # -Z root: tcpdump would open the file as its own user, which may not write here.
    exec {capture_words}< <(exec nsenter --net="/run/netns/$middle" \
        tcpdump -i to-a -Z root --immediate-mode -U -s 600 -B 16384 -w "$1" 2>&1)
    capture_pid=$!
    while read -r -t 10 line <&"$capture_words"; do
        [[ $line != *"listening on"* ]] || return 0
    done
    fail "capture on to-a" "${line:-tcpdump does not start}" "run scripts/setup lab"
}
capture_pid=

capture_stop() {
    [[ -n $capture_pid ]] || return 0
    kill -INT "$capture_pid" 2>/dev/null || true
    wait "$capture_pid" || true
    exec {capture_words}<&-
    capture_pid=
}

capture_count() {  # capture_count FILE FILTER: how many packets tshark's display filter takes
    tshark -r "$1" -Y "$2" -T fields -e frame.number 2>/dev/null | wc -l
}

capture_first() {  # capture_first FILE FILTER: the number of the first of them, or nothing
    tshark -r "$1" -Y "$2" -T fields -e frame.number 2>/dev/null | sed -n 1p
}
