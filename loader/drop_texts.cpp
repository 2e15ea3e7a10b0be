// SPDX-License-Identifier: GPL-2.0-only
#include "loader/drop_texts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "loader/abi_text.h"

namespace xgre {
namespace {

struct DropText {
    xgre_verdict verdict;
    std::string_view way_out;
};

constexpr std::array kDropTexts{
    DropText{XGRE_TRUNCATED,
             "look for what cuts frames on their way: compare captures at both ends"},
    DropText{XGRE_IP_HEADER, "look at who sends such packets: capture between the hosts"},
    DropText{
        XGRE_IP_CHECKSUM,
        "look for what damages packets on their way, and switch `tx` off on a veth used as wire"},
    DropText{XGRE_FRAGMENT,
             "give the hosts' way to each other an MTU that tunnel packets fit, or the VMs the MTU "
             "that `xgre network show` tells: two fragments are put together, more are not"},
    DropText{XGRE_FRAGMENT_OVERLAP,
             "look at who sends such packets: no router makes fragments that overlap"},
    DropText{
        XGRE_FRAGMENT_TIMEOUT,
        "look for what loses or reorders fragments on the way, as a firewall does; better, give "
        "the way an MTU that tunnel packets fit"},
    DropText{XGRE_FRAGMENT_STORE_FULL,
             "too many packets come in fragments: give the hosts' way to each other an MTU that "
             "tunnel packets fit"},
    DropText{XGRE_GRE_FLAGS, "have the other end send GRE as in RFC 2784, without routing fields"},
    DropText{XGRE_GRE_VERSION, "have the other end send GRE version 0; version 1 is PPTP"},
    DropText{XGRE_GRE_CHECKSUM, "look for what damages packets on their way"},
    DropText{
        XGRE_UNKNOWN_PEER,
        "`xgre peer add` if the sender belongs to the network, and give both ends the same key; "
        "else keep it out before it reaches this host"},
    DropText{XGRE_IP_EXTENSION,
             "look at who puts extension headers (AH, mobility, HIP, shim6) around tunnel packets"},
    DropText{
        XGRE_ECN,
        "an overloaded router marks packets whose senders do not know ECN: look for what marks "
        "those with the sender's TOS byte cleared on the way"},
    DropText{XGRE_GRE_SEQUENCE,
             "look for what reorders packets on the way, or `xgre peer add --iseq off`"},
    DropText{XGRE_GRE_NO_CHECKSUM, "have the peer send checksums, or `xgre peer add --icsum off`"},
    DropText{
        XGRE_RP_FILTER,
        "see by `ip route get PEER` where the route leads: either it is wrong, or such packets "
        "are forged; if it is right, somebody has switched forwarding at `lo` off, which any "
        "command of xgre mends; `xgre peer add --rp-filter off` ends the check"},
    DropText{XGRE_INNER_SHORT, "look at who sends tunnel packets without a frame inside"},
    DropText{XGRE_NO_NETWORK,
             "`xgre port add DEV` with the arguments that it had sets the port up again"},
    DropText{XGRE_BAD_SOURCE,
             "look at the VM that sends with a group or zero address as its source"},
    DropText{XGRE_LOCKED, "`xgre port add DEV --static MAC` lets another MAC of that VM in"},
    DropText{XGRE_SAME_PORT,
             "harmless behind a bridge or hub, which sends a copy of what stays behind the port"},
    DropText{XGRE_SPLIT_HORIZON,
             "make every host of the network a peer of every other: nothing is passed on from peer "
             "to peer"},
    DropText{XGRE_ISOLATED,
             "as asked for by --isolated; `xgre port add DEV --isolated off` ends it"},
    DropText{XGRE_NO_TARGET, "add the ports and peers that are missing in the network"},
    DropText{XGRE_TOO_LARGE,
             "give the VMs the network's MTU, which `xgre network show` tells and `xgre dhcp` "
             "announces, or raise the uplink's"},
    DropText{XGRE_TOO_MANY_TAGS, "send at most four VLAN tags"},
    DropText{XGRE_NO_ROUTE, "see that `ip route get PEER` leads out of the uplink"},
    DropText{XGRE_PORT_GONE,
             "`xgre port add DEV` when the device is back, else `xgre port del DEV`"},
    DropText{XGRE_PEER_GONE, "nothing when a peer was just removed"},
    DropText{XGRE_REWRITE_FAILED,
             "see what the kernel says with `dmesg`: it had no room or memory"},
    DropText{
        XGRE_COPY_FAILED,
        "set up the ports that are down, or `xgre port del` them: the kernel refuses their copies"},
    DropText{XGRE_NO_UPLINK, "`xgre attach`"},
    DropText{XGRE_SPREAD_FULL,
             "more comes for this CPU than it can take: give `xgre attach --spread` more CPUs"},
    DropText{XGRE_BROADCAST_LIMIT,
             "look at what that VM floods its network with; `xgre port add DEV --broadcast-limit` "
             "raises the limit"},
    DropText{XGRE_UNKNOWN_LIMIT,
             "look at whom that VM calls that never answers; `xgre port add DEV --unknown-limit` "
             "raises the limit"},
    DropText{XGRE_DHCP_GUARD,
             "look at the VM that answers as a DHCP server; if it shall be one, `xgre port add DEV "
             "--dhcp-guard off`"},
    DropText{XGRE_RA_GUARD,
             "look at the VM that says it is a router; if it shall be one, `xgre port add DEV "
             "--ra-guard off`"},
    DropText{XGRE_NO_DETOUR,
             "any command of xgre makes the device again; look for what removed it"},
    DropText{XGRE_FORGED_PROBE,
             "look at the VM behind that port: it makes up what hosts ask each other"},
    DropText{XGRE_PROBE_LIMIT,
             "look on that peer for what probes without pause; a hundred a second are answered"},
    DropText{
        XGRE_NOT_LEASED,
        "have that VM ask for its address by DHCP again, or name the address by `xgre port add "
        "DEV --address`; `xgre port show --json` has what it may use"},
};

}  // namespace

std::string_view way_out_of_drop(std::string_view verdict) {
    for (const DropText& text : kDropTexts)
        if (kVerdictTexts.at(text.verdict).name == verdict) return text.way_out;
    return {};
}

std::vector<VerdictCount> drops_of(const std::vector<VerdictCount>& verdicts) {
    std::vector<VerdictCount> drops;
    for (const VerdictCount& count : verdicts) {
        if (!count.drop || count.packets + count.copies == 0) continue;
        const auto same = std::ranges::find(drops, count.verdict, &VerdictCount::verdict);
        if (same == drops.end()) {
            drops.push_back(count);
        } else {
            same->packets += count.packets;
            same->copies += count.copies;
        }
    }
    std::ranges::sort(drops, [](const VerdictCount& a, const VerdictCount& b) {
        return std::pair{b.packets + b.copies, a.verdict} <
               std::pair{a.packets + a.copies, b.verdict};
    });
    return drops;
}

}  // namespace xgre
