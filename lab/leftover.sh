# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Proof that nothing is left: notes what is there while the lab works, and later looks for each of it.
# Kernel objects are told by their ids, because a pin that is gone does not mean that a program is.

leftover_note() {
    local host pin object id netns
    leftover_objects=() leftover_pids=()
    for host in "${lab_hosts[@]}"; do
        while IFS= read -r pin; do
            for object in prog map link; do
                id=$(leftover_id id "$object" pinned "$pin")
                [[ -z $id ]] || leftover_objects+=("$object $id")
                [[ $object != link || -z $id ]] || leftover_note_program_of "$id"
            done
        done < <(find "$(instance_pins "$host")" -type f 2>/dev/null)
    done
    mapfile -t leftover_objects < <(printf '%s\n' "${leftover_objects[@]}" | sort -u | sed '/^$/d')
    for netns in $(leftover_namespaces); do
        mapfile -t -O "${#leftover_pids[@]}" leftover_pids < <(ip netns pids "$netns")
    done
}
leftover_objects=()
leftover_pids=()

# leftover_id FIELD OBJECT pinned PATH | leftover_id FIELD OBJECT id ID: the number, or nothing where
# there is no such object, as with a pin of another kind.
leftover_id() {
    { bpftool -j "$2" show "$3" "$4" 2>/dev/null || true; } | sed -n "s/.*[{,]\"$1\":\([0-9]*\).*/\1/p"
}

leftover_note_program_of() {  # leftover_note_program_of LINK-ID
    local id
    id=$(leftover_id prog_id link id "$1")
    [[ -z $id ]] || leftover_objects+=("prog $id")
}

# Every namespace of the lab, also one that xgre made.
leftover_namespaces() { ip netns list | awk -v lab="$lab" '$1 ~ "(^|-)" lab "-" {print $1}'; }

leftover_objects_alive() {
    local object
    for object in "${leftover_objects[@]}"; do
        # shellcheck disable=SC2086  # kind and id
        set -- $object
        ! bpftool "$1" show id "$2" >/dev/null 2>&1 || echo "$object"
    done
}

leftover_is_alive() {  # leftover_is_alive PID
    local state
    # One that has ended and was not yet waited for holds nothing.
    state=$(ps -o stat= -p "$1" || true)
    [[ -n $state && $state != Z* ]]
}

leftover_pids_alive() {
    local pid tries
    for pid in "${leftover_pids[@]}"; do
        # One that was told to end may still be on its way.
        for tries in {1..20}; do
            leftover_is_alive "$pid" || continue 2
            ((tries == 20)) || sleep 0.1
        done
        echo "process $pid"
    done
}

leftover_pins() { find /sys/fs/bpf/xgre -path "*/xgre/$lab-*" 2>/dev/null || true; }

leftover_devices() {  # in the caller's own namespace: xgre and the lab put nothing there
    ip -o link show | awk -F': ' -v lab="$lab" '$2 ~ "^(uplink0|to-[ab]|vm-[ab][12]|" lab "-)" {print "device " $2}'
}

# Prints what is left of BPF, one a line. The kernel frees objects a moment after their last user:
# waits for it, at most so many seconds.
leftover_bpf() {  # leftover_bpf SECONDS
    local deadline=$((SECONDS + $1)) alive
    while alive=$(leftover_objects_alive) && [[ -n $alive ]] && ((SECONDS < deadline)); do sleep 0.1; done
    printf '%s\n' "$alive" "$(leftover_pins)" | sed '/^$/d'
}

leftover_all() {
    leftover_bpf 5
    leftover_pids_alive
    leftover_namespaces
    leftover_devices
    [[ ! -e $lab_state ]] || echo "directory $lab_state"
}
