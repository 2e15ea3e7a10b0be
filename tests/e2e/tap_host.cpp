// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/tap_host.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/netlink.h"
#include "loader/netns.h"
#include "loader/pins.h"
#include "tests/loader/lab.h"
#include "xgre/abi.h"
#include "xgre/dhcp.h"
#include "xgre/error.h"
#include "xgre/verbose.h"

namespace xgre::test {
namespace {

constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);  // uapi/linux/bpf.h, Linux 6.6
constexpr std::uint32_t kKey = 7;
constexpr std::string_view kLan = "lan";

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream stream{std::string{text}};
    return {std::istream_iterator<std::string>{stream}, {}};
}

std::string program_name(std::uint32_t id) {
    const Fd program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (!program.is_open() || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return {};
    return info.name;
}

bool is_ours(std::uint32_t program, std::string_view hook) {
    const std::string name = program_name(program);
    return name == fmt::format("uplink_{}", hook) || name == fmt::format("port_{}", hook);
}

std::vector<std::uint32_t> tcx_programs(int ifindex) {
    std::array<std::uint32_t, 64> ids{};
    std::uint32_t count = ids.size();
    if (bpf_prog_query(ifindex, kTcxIngress, 0, nullptr, ids.data(), &count) != 0) return {};
    return {ids.begin(), ids.begin() + count};
}

std::string line_of(const HookInfo& hook) {
    return fmt::format("tc {} xdp {} ({}; {}) transmit {} ({})", hook.tc, hook.xdp, hook.reason,
                       hook.remedy, hook.xdp_transmit, hook.transmit_reason);
}

std::string line_of(const PortInfo& port) {
    return fmt::format(
        "port {} network {} gone {} limit {} isolated {} locked {} learning {} "
        "flood {} learned {} limits {} {} guards {} {} {} addresses {} statics {} {}\n",
        port.device, port.network, port.gone, port.mac_limit, port.isolated, port.locked,
        port.learning, port.flood, port.learned, port.broadcast_limit, port.unknown_limit,
        port.dhcp_guard, port.ra_guard, port.lease_bound, fmt::join(port.addresses, ","),
        fmt::join(port.static_macs, ","), line_of(port.hook));
}

std::string line_of(const DhcpInfo& dhcp) {
    return fmt::format(
        "dhcp {} {} {}-{} gateway {} mtu {} netns {} port {} running {} problems "
        "{}\n",
        dhcp.network, dhcp.subnet, dhcp.range_first, dhcp.range_last, dhcp.gateway, dhcp.mtu,
        dhcp.netns, dhcp.device, dhcp.running, fmt::join(dhcp.problems, ", "));
}

// Processes that name the instance in their arguments, and are no command under way.
std::vector<std::string> processes_of(const std::string& instance) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        std::ifstream file{entry.path() / "cmdline"};
        std::string text{std::istreambuf_iterator<char>{file}, {}};
        std::ranges::replace(text, '\0', ' ');
        if (text.find("/" + instance + "/") != std::string::npos)
            found.push_back(fmt::format("process {} {}", entry.path().filename().string(), text));
    }
    return found;
}

}  // namespace

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(command.c_str(), "r"), &pclose};
    std::string text;
    std::array<char, 4096> part{};
    while (pipe && std::fgets(part.data(), part.size(), pipe.get()) != nullptr)
        text += part.data();
    return text;
}

Packet from_host_b(const Packet& inner) {
    return eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner;
}

Packet to_host_b(const Packet& inner) {
    return eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.key = kKey}) / inner;
}

TapHost::TapHost()
    : netns_{"taps"}, session_{fmt::format("kill{}", getpid() % 10'000'000), netns_.name()} {
    set_verbose(false);  // that a qdisc is not there is no news
    const auto scope = enter();
    open_vm(kWire);
    open_vm(kVm0);
    open_vm(kVm1);
    open_vm(kVm2, true);
    netns_.ip(fmt::format("link set {} address {}", kWire, Mac{kHostA.mac.bytes}));
    netns_.ip(fmt::format("addr add {}/24 dev {}", value_of(kHostA), kWire));
    for (const Station& host : {kHostB, kHostC})
        netns_.ip(fmt::format("neigh add {} lladdr {} dev {}", value_of(host), Mac{host.mac.bytes},
                              kWire));
}

TapHost::~TapHost() {
    try {
        Instance::detach(session_, true);
    } catch (const std::exception& error) {
        ADD_FAILURE() << "cannot clean up: " << error.what();
    }
}

void TapHost::open_vm(std::string_view name, bool vnet_hdr) {
    const auto scope = enter();
    Fd tap = open_tap(std::string{name}, vnet_hdr ? IFF_VNET_HDR : 0);
    // The kernel runs XDP natively only on writes that need not wait.
    if (fcntl(tap.get(), F_SETFL, O_NONBLOCK) != 0) throw std::runtime_error{"tap: fcntl"};
    taps_.insert_or_assign(std::string{name}, std::move(tap));
    netns_.ip(fmt::format("link set {} up", name));
}

void TapHost::restart_vm(std::string_view name) {
    taps_.erase(taps_.find(name));
    open_vm(name);
}

std::vector<std::string> TapHost::command(std::string_view words) const {
    std::vector<std::string> all{XGRE_BINARY, "--instance", session_.instance, "--netns",
                                 *session_.netns};
    const auto given = words_of(words);
    all.insert(all.end(), given.begin(), given.end());
    return all;
}

Ended TapHost::xgre(std::string_view words) const {
    return run({.argv = command(words)}, std::chrono::seconds{30});
}

void TapHost::must_xgre(std::string_view words) const {
    const Ended ended = xgre(words);
    if (ended.status != 0)
        throw std::runtime_error{fmt::format("xgre {}: {}", words, ended.diagnostics)};
}

AttachSpec TapHost::attach_spec() {
    AttachSpec spec;
    spec.uplink = kWire;
    spec.local = value_of(kHostA);
    return spec;
}

void TapHost::build(const AttachSpec& spec) const {
    Instance::attach(session_, spec);
    Instance instance = Instance::open(session_);
    NetworkSpec network;
    network.name = kLan;
    network.key = gre_key(kKey);
    instance.add_network(network);
    PortSpec port;
    port.device = kVm0;
    port.network = kLan;
    port.static_macs = {Mac{kVmA.mac.bytes}};
    instance.add_port(port);
    PeerSpec peer;
    peer.address = value_of(kHostB);
    peer.network = kLan;
    instance.add_peer(peer);
    FdbSpec entry;
    entry.mac = Mac{kVmB.mac.bytes};
    entry.network = kLan;
    entry.peer = peer.address;
    instance.add_fdb(entry);
}

bool TapHost::send(std::string_view device, const Packet& frame) const {
    Bytes bytes = frame.bytes();
    // A tap with vnet_hdr wants its header: nothing is left to do.
    if (device == kVm2) bytes.insert(bytes.begin(), 10, 0);
    return ::write(taps_.find(device)->second.get(), bytes.data(), bytes.size()) > 0;
}

std::vector<Packet> TapHost::take(std::string_view device) const {
    const std::size_t header = device == kVm2 ? 10 : 0;
    std::vector<Packet> frames;
    Bytes buffer(70000);
    for (;;) {
        const ssize_t size = ::read(taps_.find(device)->second.get(), buffer.data(), buffer.size());
        if (size <= static_cast<ssize_t>(header)) return frames;
        frames.push_back(Packet::from_bytes(
            ByteView{buffer.data() + header, static_cast<std::size_t>(size) - header}));
    }
}

testing::AssertionResult TapHost::carries_traffic() {
    struct Way {
        std::string_view from;
        std::string_view to;
        Packet in;
        Packet out;
    };
    const Packet out = eth(kVmA, kVmB) / payload(46, ++next_);
    const Packet in = eth(kVmB, kVmA) / payload(46, ++next_);
    const Packet call = eth(kVmA, kBroadcast) / payload(46, ++next_);
    for (const Way& way :
         {Way{kVm0, kWire, out, to_host_b(out)}, Way{kWire, kVm0, from_host_b(in), in},
          Way{kVm0, kWire, call, to_host_b(call)}}) {
        take(way.to);
        if (!send(way.from, way.in))
            return testing::AssertionFailure() << way.from << " took no frame";
        std::vector<Packet> got;
        // At once, unless another CPU is to do it.
        eventually([&] {
            std::ranges::move(take(way.to), std::back_inserter(got));
            return std::ranges::count(got, way.out) != 0;
        });
        const auto times = std::ranges::count(got, way.out);
        if (times != 1)
            return testing::AssertionFailure()
                   << "from " << way.from << ", at " << way.to << " arrived " << times
                   << " times: " << testing::PrintToString(way.out) << "; in all: " << got.size();
    }
    return testing::AssertionSuccess();
}

std::string TapHost::state() const {
    const auto instances = Instance::list();
    if (std::ranges::count(instances, session_.instance) == 0) return "nothing";
    const Instance instance = Instance::view(session_);
    const InstanceInfo info = instance.show();
    std::string text =
        fmt::format("uplink {} gone {} {}\n", info.uplink, info.uplink_gone, line_of(info.hook));
    text += fmt::format("spread over {}\n", fmt::join(info.spread_cpus, " "));
    std::set<std::string> lines;  // ids, and so the order, depend on the past
    for (const NetworkInfo& network : info.networks)
        lines.insert(fmt::format("network {} key {} mtu {} set {} ageing {} ports {} peers {}\n",
                                 network.name, network.key ? network.key->value() : 0, network.mtu,
                                 network.mtu_is_set, network.ageing.count(), network.ports,
                                 network.peers));
    for (const PortInfo& port : info.ports)
        lines.insert(line_of(port));
    for (const PeerInfo& peer : info.peers)
        lines.insert(fmt::format("peer {} network {} key {} {}\n", peer.address, peer.network,
                                 peer.options.ikey ? peer.options.ikey->value() : 0,
                                 peer.options.okey ? peer.options.okey->value() : 0));
    instance.fdb({}, [&](const FdbInfo& entry) {
        lines.insert(fmt::format("fdb {} vlan {} {} port {} peer {} static {}\n", entry.network,
                                 entry.vlan, entry.mac, entry.port,
                                 entry.peer ? entry.peer->format() : "", entry.is_static));
    });
    for (const DhcpInfo& dhcp : show_dhcp(session_, std::nullopt))
        lines.insert(line_of(dhcp));
    for (const std::string& line : lines)
        text += line;
    // A router's MAC is made up anew each time; those of tests are not.
    static const std::regex made_up{"(?!02:00:00:00)[0-9a-f]{2}(:[0-9a-f]{2}){5}"};
    return std::regex_replace(text, made_up, "MAC");
}

std::vector<std::string> TapHost::repairs() const {
    return Instance::open(session_).repairs();
}

std::vector<std::uint32_t> TapHost::programs_at(std::string_view device) const {
    const auto scope = enter();
    const LinkInfo link = NlSocket::open().get_link(device);
    std::vector<std::uint32_t> all = tcx_programs(link.index);
    if (link.xdp_prog_id != 0) all.push_back(link.xdp_prog_id);
    return all;
}

testing::AssertionResult TapHost::programs_are_whole() const {
    const auto scope = enter();
    std::vector<std::string> pinned;
    for (const std::string& instance : Instance::list())
        for (const std::string& name : pins::list(pins::links(instance)))
            if (instance.starts_with(session_.instance)) pinned.push_back(name);
    const auto is_pinned = [&](std::string_view hook, int ifindex) {
        return std::ranges::count(pinned, fmt::format("{}-{}", hook, ifindex)) != 0;
    };
    for (const LinkInfo& link : NlSocket::open().list_links()) {
        const bool xdp = link.xdp_prog_id != 0 && is_ours(link.xdp_prog_id, "xdp");
        const auto tcx = tcx_programs(link.index);
        const bool tc =
            std::ranges::any_of(tcx, [](std::uint32_t id) { return is_ours(id, "tc"); });
        if (xdp && !tc && !is_pinned("clsact", link.index))
            return testing::AssertionFailure() << link.name << " has XDP, but not TC";
        if (xdp && !is_pinned("xdp", link.index))
            return testing::AssertionFailure() << link.name << " has XDP that is not pinned";
        if (tc && !is_pinned("tcx", link.index))
            return testing::AssertionFailure() << link.name << " has TC that is not pinned";
    }
    return testing::AssertionSuccess();
}

std::vector<std::string> TapHost::leftovers() const {
    std::vector<std::string> found = processes_of(session_.instance);
    for (const std::string& name : pins::list(pins::root()))
        if (name.starts_with(session_.instance)) found.push_back("pins " + name);
    for (const std::string& name : list_netns())
        if (name.starts_with("xgre-" + session_.instance + "-")) found.push_back("netns " + name);
    for (const char* place : {"/run/xgre", "/var/lib/xgre"}) {
        const std::string path = fmt::format("{}/{}", place, session_.instance);
        if (pins::exists(path)) found.push_back("files " + path);
    }
    const auto scope = enter();
    for (const LinkInfo& link : NlSocket::open().list_links()) {
        if (link.xdp_prog_id != 0) found.push_back("XDP at " + link.name);
        if (!tcx_programs(link.index).empty()) found.push_back("tcx at " + link.name);
        if (link.name != "lo" && !taps_.contains(link.name)) found.push_back("device " + link.name);
    }
    if (output_of("tc qdisc show").find("clsact") != std::string::npos)
        found.emplace_back("a clsact qdisc");
    std::ifstream file{"/proc/sys/net/ipv4/conf/lo/forwarding"};
    int forwarding = 0;
    if (file >> forwarding && forwarding != 0) found.emplace_back("forwarding on lo");
    return found;
}

}  // namespace xgre::test
