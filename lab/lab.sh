# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The two-host lab: lab_up, lab_down, lab_is_up. Sourced by scripts/lab, scripts/demo and tests.
#
#   vm-a1 --+                                       +-- vm-b1
#           host-a --uplink0-- router --uplink0-- host-b
#   vm-a2 --+    198.18.0.0/25    198.18.0.128/25   +-- vm-b2
#
# Everything is found again by name or in $lab_state, so a lab whose making was killed is removed
# like any other.

lab_dir=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=names.sh
source "$lab_dir/names.sh"
# shellcheck source=netns.sh
source "$lab_dir/netns.sh"
# shellcheck source=wire.sh
source "$lab_dir/wire.sh"
# shellcheck source=underlay.sh
source "$lab_dir/underlay.sh"
# shellcheck source=vm.sh
source "$lab_dir/vm.sh"
# shellcheck source=xgre.sh
source "$lab_dir/xgre.sh"

fail() {  # fail OBJECT CAUSE WAY-OUT
    echo "$1: $2: $3" >&2
    exit 1
}

lab_is_up() { [[ -e $lab_state/up ]]; }  # written last
lab_topology() { cut -d' ' -f1 "$lab_state/up"; }  # routed | same-subnet
lab_vm_kind() { cut -d' ' -f2 "$lab_state/up"; }  # namespace | qemu

# The lab as far as xgre has no part in it yet: hosts, underlay and VMs without an address.
lab_up() {  # lab_up routed|same-subnet namespace|qemu [VM...]
    local topology=$1 kind=$2 vm
    local vms=("${@:3}")
    ((${#vms[@]})) || vms=("${lab_vms[@]}")
    mkdir -m 0700 "$lab_state"
    vm_tools_up
    [[ $kind == namespace ]] || "$lab_dir/guest/make" --output "$lab_state/initrd"
    underlay_up "$topology"
    for vm in "${vms[@]}"; do vm_up "$vm" "$kind"; done
    if [[ $kind == qemu ]]; then
        for vm in "${vms[@]}"; do vm_wait_qemu "$vm"; done
    fi
    underlay_wait "$topology"
    echo "$topology $kind" >"$lab_state/up"
}

# Two commands a host, four ports and a DHCP server: the lab as one LAN.
lab_join() {
    local host other vm
    for host in "${lab_hosts[@]}"; do
        other=b && [[ $host == a ]] || other=a
        on_host "$host" attach uplink0 --xdp on --local "$(host_address "$host" "$(lab_topology)")"
        on_host "$host" network add lan --key 7
        on_host "$host" peer add "$(host_address "$other" "$(lab_topology)")" --network lan
        for vm in "${lab_vms[@]}"; do
            [[ $(vm_host "$vm") != "$host" ]] || on_host "$host" port add "$(vm_port "$vm")" --network lan
        done
    done
    on_host a dhcp start --network lan --subnet 192.0.2.0/24
}

# Removes all of it, whatever there is of it. May be called at any time and again.
lab_down() {
    local host vm
    case $(ip netns identify $$) in
        xgre-"$lab"-*) fail "lab $lab" "this shell is inside it" "leave the shell, then ask again" ;;
    esac
    for host in "${lab_hosts[@]}"; do
        netns_exists "$(host_netns "$host")" || continue
        [[ -z $(xgre_path) || ! -d $(instance_pins "$host") ]] \
            || on_host "$host" detach --all >/dev/null || echo "host-$host: goes without a proper detach" >&2
    done
    for vm in "${lab_vms[@]}"; do
        [[ ! -e $(vm_home "$vm")/run.out ]] || vm_down_qemu "$vm"
        netns_remove "$(vm_netns "$vm")"
    done
    for host in "${lab_hosts[@]}"; do
        netns_remove "$(host_netns "$host")"
        rm -rf "$(instance_pins "$host")"
    done
    netns_remove "$(router_netns)"
    netns_remove "$(switch_netns)"
    rm -rf "$lab_state"
}
