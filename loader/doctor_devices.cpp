// SPDX-License-Identifier: GPL-2.0-only
// Checks of the uplink and the ports: that they are there, and who else is at them.
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/doctor.h"

namespace xgre::doctor {
namespace {

std::string object_of(const DeviceFacts& device) {
    return fmt::format("{} {}", device.is_uplink ? "uplink" : "port", device.name);
}

// What sets a device up again.
std::string again(const DeviceFacts& device, const Report& report) {
    if (!device.is_uplink) return report.xgre("port add " + device.name);
    return fmt::format("{} with the arguments that it had",
                       report.xgre("attach " + device.name + " --local ADDR"));
}

std::string described(const HookedProgram& program) {
    std::string text = program.name.empty() ? "without name" : program.name;
    if (program.id != 0) text += fmt::format(" (id {})", program.id);
    if (program.link != 0) text += fmt::format(", held by link {}", program.link);
    return text;
}

void presence(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        if (device.link) continue;
        if (device.is_uplink)
            report.problem(object_of(device), "the device is gone: nothing comes or leaves",
                           fmt::format("bring it back; or {}, and attach to another",
                                       report.xgre("detach --all")));
        else
            report.problem(object_of(device), "the device is gone",
                           fmt::format("{} when it is back, else {}", again(device, report),
                                       report.xgre("port del " + device.name)));
    }
}

void carrier(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        if (!device.link) continue;
        if (!device.link->up) {
            report.problem(object_of(device), "the device is set down",
                           report.run(fmt::format("ip link set {} up", device.name)));
        } else if (device.link->running) {
            report.fine(object_of(device), "up, with a carrier");
        } else if (device.is_uplink) {
            report.problem(object_of(device), "no carrier",
                           "see to the cable, or the other end of the veth");
        } else {
            report.note(object_of(device), "no carrier: nobody is at its other end",
                        "start the VM");
        }
    }
}

void local_address(const InstanceFacts& facts, Report& report) {
    if (!facts.uplink().link) return;
    const std::string& uplink = facts.uplink().name;
    for (const IpAddr& address : facts.missing_locals)
        report.problem(
            "uplink " + uplink,
            fmt::format("it has not got {} any more, which peers send to", address.format()),
            report.run(fmt::format("ip addr add {}/{} dev {}", address.format(),
                                   address.is_v6() ? "64" : "24", uplink)) +
                " with the prefix length that it had");
    if (facts.missing_locals.empty())
        report.fine("uplink " + uplink, "it has the addresses that tunnels go to");
}

void bridge(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        if (device.master.empty()) continue;
        const std::string way_out = report.run(fmt::format("ip link set {} nomaster", device.name));
        if (device.is_uplink)
            report.warning(object_of(device),
                           fmt::format("it belongs to {}, which gets none of the tunnel packets, "
                                       "and sends others by it",
                                       device.master),
                           way_out + ", or attach to " + device.master);
        else
            report.problem(object_of(device),
                           fmt::format("it belongs to {}, too: that sends into it, and gets "
                                       "nothing from it",
                                       device.master),
                           way_out);
    }
    const auto& uplink = facts.uplink().link;
    if (uplink && uplink->kind == "bridge" && facts.bridge_calls_iptables)
        report.warning(object_of(facts.uplink()),
                       "it is a bridge, and net.bridge.bridge-nf-call-iptables is 1: what the "
                       "bridge passes on, tunnel packets too, goes through iptables",
                       report.run("sysctl net.bridge.bridge-nf-call-iptables=0"));
}

void hooks(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        if (!device.link) continue;
        if (device.hook.tc == "none")
            report.problem(object_of(device),
                           device.is_uplink
                               ? "somebody took our TC program off: tunnel packets reach the host"
                               : "somebody took our TC program off: what its VM sends goes nowhere",
                           again(device, report) + ", as any change by xgre, puts it back");
        else
            report.fine(object_of(device), "our program is at its TC hook, by " + device.hook.tc);
    }
    if (facts.has_detour) return report.fine("detour", "its devices are there, and up");
    report.problem("detour",
                   "one of the devices that complete frames is gone or down: what is too large "
                   "for a peer, or needs a checksum, is lost",
                   again(facts.uplink(), report) + ", as any change by xgre, puts it right");
}

void programs_before(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        for (const HookedProgram& program : device.before)
            report.warning(object_of(device),
                           fmt::format("{} is at the TC hook before ours, and may take its frames",
                                       described(program)),
                           fmt::format("have its owner attach it behind ours, or take it off: {}",
                                       report.run("bpftool net show dev " + device.name)));
        if (device.link && device.before.empty() && device.hook.tc != "none")
            report.fine(object_of(device), "our program is the first at the TC hook");
    }
}

void foreign_xdp(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices) {
        if (!device.foreign_xdp) continue;
        const HookedProgram& program = *device.foreign_xdp;
        report.warning(
            object_of(device),
            fmt::format("another XDP program is attached, {}: it sees all frames before us",
                        described(program)),
            program.link == 0
                ? fmt::format("{}, then {}",
                              report.run(fmt::format("ip link set {} xdp off", device.name)),
                              again(device, report))
                : fmt::format("end the program that holds it, or `bpftool link detach id {}`",
                              program.link));
    }
}

// As `xgre show` has it: what XDP cannot do here, and why.
void xdp(const InstanceFacts& facts, Report& report) {
    bool any = false;
    for (const DeviceFacts& device : facts.devices)
        any = any || device.hook.xdp != "none";
    for (const DeviceFacts& device : facts.devices) {
        const HookInfo& hook = device.hook;
        if (!device.link || device.foreign_xdp) continue;
        if (hook.xdp != "none" && !hook.reason.empty())
            report.problem(object_of(device), hook.reason,
                           fmt::format("{}; then {}", hook.remedy, again(device, report)));
        else if (!hook.reason.empty() && hook.xdp_pays)
            report.note(object_of(device), "no XDP on what it receives: " + hook.reason,
                        hook.remedy);
        else
            report.fine(object_of(device), hook.xdp == "none"
                                               ? "no XDP, which would not pay: " + hook.reason
                                               : "XDP runs natively");
        if (any && !hook.xdp_transmit)
            report.note(object_of(device),
                        "no XDP on what is sent into it: " + hook.transmit_reason,
                        hook.transmit_remedy);
    }
}

void loopback_forwarding(const InstanceFacts& facts, Report& report) {
    if (facts.forwards_on_loopback)
        return report.fine("host", "forwarding is on at lo, for the look-up of next hops");
    report.problem("host",
                   "forwarding is off at lo, where the next hop of tunnel packets is looked up",
                   again(facts.uplink(), report) +
                       ", as any change by xgre, switches it on; look for what switched it off, "
                       "as switching net.ipv4.ip_forward off does");
}

// TC runs before netfilter's ingress hook, and what TC sends is marked to skip the egress hook
// (nf_skip_egress() in sch_handle_ingress(), net/core/dev.c): the rules are not asked.
void netfilter(const InstanceFacts& facts, Report& report) {
    for (const DeviceFacts& device : facts.devices)
        for (const DeviceChain& chain : device.chains)
            report.note(object_of(device),
                        fmt::format("chain {} of nftables' table {} is at its {}: tunnel packets "
                                    "and frames of VMs go past it, ARP of the host does not",
                                    chain.name, chain.table, chain.ingress ? "ingress" : "egress"),
                        "nothing, unless the chain was to filter them: options of " +
                            report.xgre("port add") + " do some of that");
}

// The kernel's own tunnels of the same kind, as one that xgre replaces.
void kernel_tunnels(const InstanceFacts& facts, Report& report) {
    for (const std::string& device : facts.gretaps)
        report.note("device " + device,
                    "a gretap of the kernel, and up: of what comes to our address, it gets "
                    "nothing any more, not even from others than our peers",
                    report.run(fmt::format("ip link del {}", device)) +
                        ", or give it another local address");
}

constexpr std::array<Check<InstanceFacts>, 11> kChecks{{
    {"device-gone", presence},
    {"carrier", carrier},
    {"local-address", local_address},
    {"bridge", bridge},
    {"hooks", hooks},
    {"programs-before", programs_before},
    {"foreign-xdp", foreign_xdp},
    {"xdp", xdp},
    {"loopback-forwarding", loopback_forwarding},
    {"netfilter", netfilter},
    {"kernel-tunnels", kernel_tunnels},
}};

}  // namespace

InstanceChecks device_checks() {
    return kChecks;
}

}  // namespace xgre::doctor
