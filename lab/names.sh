# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Every name and address of a lab. All are made from the lab's own name, so that a lab to play with,
# the demo's and a test's never meet: XGRE_LAB=demo makes xgre-demo-host-a, instance demo-a, ...

lab=${XGRE_LAB:-lab}
if [[ ! $lab =~ ^[a-z][a-z0-9-]{0,15}$ ]]; then
    echo "XGRE_LAB=$lab: not a lab's name: use up to 16 of a-z, 0-9 and -" >&2
    exit 2
fi

lab_hosts=(a b)
lab_vms=(a1 a2 b1 b2)  # the letter is the host
lab_state=/run/xgre-$lab

host_netns() { echo "xgre-$lab-host-$1"; }
vm_netns() { echo "xgre-$lab-vm-$1"; }
router_netns() { echo "xgre-$lab-router"; }  # between two subnets
switch_netns() { echo "xgre-$lab-switch"; }  # within one subnet

instance() { echo "$lab-$1"; }
instance_pins() { echo "/sys/fs/bpf/xgre/$(instance "$1")"; }

vm_host() { echo "${1:0:1}"; }
vm_port() { echo "vm-$1"; }  # the VM's interface on its host
vm_home() { echo "$lab_state/vm-$1"; }
vm_mac() { echo "02:00:00:00:0${1:0:1}:0${1:1:1}"; }  # locally administered

# The underlay is 198.18.0.0/24 (RFC 2544's range for tests): one subnet, or halved with a router.
host_address() {  # host_address HOST routed|same-subnet
    case $1/$2 in
        a/*) echo 198.18.0.1 ;;
        b/routed) echo 198.18.0.129 ;;
        b/same-subnet) echo 198.18.0.2 ;;
    esac
}
router_address() {  # router_address HOST: the router's address on that host's side
    case $1 in
        a) echo 198.18.0.126 ;;
        b) echo 198.18.0.254 ;;
    esac
}
