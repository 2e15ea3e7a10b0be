# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# VMs: a namespace behind a veth, or a real machine in QEMU behind a tap. Both have busybox's tools
# and udhcpc.script in their PATH, and a directory of their own to start in.

vm_up() {  # vm_up VM namespace|qemu
    mkdir -p "$(vm_home "$1")"
    "vm_up_$2" "$1"
}

vm_up_namespace() {
    local vm=$1 host port netns
    host=$(host_netns "$(vm_host "$vm")") port=$(vm_port "$vm") netns=$(vm_netns "$vm")
    netns_add "$netns"
    wire "$host" "$port" "$netns" eth0 "$(vm_mac "$vm")"
    port_quiet "$host" "$port"
}

# Starts the machine in the background: wait for it with vm_wait_qemu.
vm_up_qemu() {
    local vm=$1 host port
    host=$(host_netns "$(vm_host "$vm")") port=$(vm_port "$vm")
    ip -n "$host" tuntap add dev "$port" mode tap vnet_hdr
    port_quiet "$host" "$port"
    ip -n "$host" link set dev "$port" up
    "$lab_dir/guest/run" --dir "$(vm_home "$vm")" --name "vm-$vm" --initrd "$lab_state/initrd" \
        --nic "$host,$port,$(vm_mac "$vm")" >"$(vm_home "$vm")/run.out" 2>&1 &
    vm_starting[$vm]=$!
}
declare -A vm_starting=()

vm_wait_qemu() {
    wait "${vm_starting[$1]}" && return
    cat "$(vm_home "$1")/run.out" >&2
    fail "vm-$1" "did not start" "read $(vm_home "$1")/console.log"
}

# Ends a VM's machine, also one that is still starting.
vm_down_qemu() {
    "$lab_dir/guest/stop" --dir "$(vm_home "$1")"
    [[ -z ${vm_starting[$1]:-} ]] || wait "${vm_starting[$1]}" || true
}

# The host's end of a VM's cable is a port, not an interface of the host: no address of its own.
port_quiet() { ip -n "$1" link set dev "$2" addrgenmode none; }

# Runs a command in a VM, in the VM's directory: its output, its exit code.
vm_exec() {  # vm_exec VM COMMAND...
    local vm=$1
    shift
    if netns_exists "$(vm_netns "$vm")"; then
        (cd "$(vm_home "$vm")" && exec ip netns exec "$(vm_netns "$vm")" env PATH="$lab_state/bin:$PATH" "$@")
    else
        "$lab_dir/guest/exec" --dir "$(vm_home "$vm")" -- "$@"
    fi
}

# What a VM asks its lease with: five tries, one second each, then it gives up with exit code 1.
# A DHCP server may first ping an address for three seconds before it offers it. -O mtu: ask for option 26 too.
vm_lease_command=(udhcpc -i eth0 -f -q -n -t 5 -T 1 -O mtu -s udhcpc.script)

vm_address() {  # vm_address VM: its IPv4 address, or nothing
    vm_exec "$1" ip -o -f inet address show dev eth0 | sed -n 's/.* inet \([0-9.]*\).*/\1/p'
}

vm_tools_up() {
    mkdir -p "$lab_state/bin"
    busybox --install -s "$lab_state/bin"
    rm "$lab_state"/bin/{sh,ash,env}  # busybox's own sh looks at its own tools first, whatever PATH says
    ln -sfn "$lab_dir/udhcpc.script" "$lab_state/bin/udhcpc.script"
}
