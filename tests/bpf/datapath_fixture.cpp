// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bpf/datapath_fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <ostream>
#include <thread>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/bpffs.h"
#include "loader/detour.h"
#include "loader/netns.h"
#include "loader/outer_header.h"
#include "loader/pins.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kCookie = 0x5eedc0de;
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);  // BPF_TCX_INGRESS

std::string text(Ipv4Address address) {
    return fmt::format("{}", fmt::join(address.bytes, "."));
}

std::string text(MacAddress mac) {
    return fmt::format("{:02x}", fmt::join(mac.bytes, ":"));
}

std::uint64_t monotonic_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(now.tv_nsec);
}

Fd enter_new_netns() {
    Fd origin = open_current_netns();
    if (unshare(CLONE_NEWNET) != 0)
        throw Error::from_errno("network namespace", "make", errno, "run as root");
    return origin;
}

// The sum in the order that words have in memory, as bpf/encap.h adds to it.
std::uint16_t folded_sum(ByteView header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < header.size(); i += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, &header[i], sizeof(word));
        sum += word;
    }
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

Fate xdp_fate(std::uint32_t action) {
    switch (action) {
        case XDP_DROP:
            return Fate::ended;
        case XDP_PASS:
            return Fate::passed;
        case XDP_REDIRECT:
            return Fate::redirected;
        default:
            return Fate::unknown;
    }
}

Fate tc_fate(int action) {
    switch (action) {
        case TC_ACT_SHOT:
            return Fate::ended;
        case TC_ACT_UNSPEC:
            return Fate::passed;
        case TC_ACT_REDIRECT:
            return Fate::redirected;
        default:
            return Fate::unknown;
    }
}

}  // namespace

void PrintTo(Fate fate, std::ostream* out) {
    constexpr std::array<const char*, 4> names{"ended", "passed", "redirected", "unknown"};
    *out << names.at(static_cast<std::size_t>(fate));
}

std::uint32_t number(Ipv4Address address) {
    std::uint32_t value = 0;
    std::memcpy(&value, address.bytes.data(), sizeof(value));
    return value;
}

void put_peer_row(const Datapath& datapath, std::uint32_t id, const xgre_peer& row) {
    datapath.peers().put(id, row);
    const xgre_tunnel tunnel{.network = row.network, .peer = id};
    if ((row.flags & XGRE_PEER_IP6) != 0)
        datapath.tunnels6().put(tunnel6_key_of(row), tunnel);
    else
        datapath.tunnels().put(tunnel_key_of(row), tunnel);
    datapath.outbound().put(outbound_key_of(row), tunnel);
}

xgre_fdb_key fdb_key(std::uint32_t network, MacAddress mac, std::uint16_t vlan) {
    xgre_fdb_key key{};
    key.network = network;
    key.vlan = vlan;
    std::ranges::copy(mac.bytes, std::begin(key.mac));
    return key;
}

Host::Host(const Datapath::Sizes& sizes)
    : origin_{enter_new_netns()}, datapath_{Datapath::load(sizes)} {
    // Or the devices would speak by themselves.
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    uplink_.emplace("uplink");
    ip(
        fmt::format("link set lo up\n"
                    "link set dev uplink address {} up\n"
                    "address add {}/24 dev uplink\n"
                    "neigh add {} lladdr {} dev uplink nud permanent\n"
                    "neigh add {} lladdr {} dev uplink nud permanent\n"
                    "neigh add {} lladdr {} dev uplink nud permanent\n",
                    text(kHostA.mac), text(kHostA.ip), text(kHostB.ip), text(kHostB.mac),
                    text(kHostC.ip), text(kHostC.mac), text(kGateway.ip), text(kGateway.mac)));
    sysctl("net/ipv4/conf/lo/forwarding", "1");

    xgre_uplink self{};
    self.abi_version = XGRE_ABI_VERSION;
    self.ifindex = uplink_->index();
    self.local = number(kHostA.ip);
    self.flags = XGRE_UPLINK_XDP_XMIT;
    std::ranges::copy(kHostA.mac.bytes, std::begin(self.mac));
    self.cookie = kCookie;
    self.netns_cookie = netns_cookie();
    uplink_->name().copy(self.name, sizeof(self.name) - 1);
    datapath_.uplink().put(0, self);
    datapath_.redirect().put(self.ifindex, self.ifindex);
}

Host::~Host() {
    links_.clear();
    ports_.clear();
    uplink_.reset();
    if (setns(origin_.get(), CLONE_NEWNET) != 0) std::abort();
}

void Host::change_uplink(const std::function<void(xgre_uplink&)>& change) const {
    xgre_uplink self = datapath_.uplink().find(0).value();
    change(self);
    datapath_.uplink().put(0, self);
    datapath_.forget_flows();
}

void Host::network(std::uint32_t id, const NetworkOptions& options) {
    xgre_network row{};
    row.flags = XGRE_NETWORK_USED | (options.key ? unsigned{XGRE_NETWORK_KEYED} : 0u) |
                (options.nvgre ? unsigned{XGRE_NETWORK_NVGRE} : 0u);
    row.key = __builtin_bswap32(options.key.value_or(0));
    row.ageing_ns = static_cast<std::uint64_t>(options.ageing.count());
    keys_[id] = options.key;
    datapath_.networks().put(id, row);
    flood(id, {}, {});
}

Port& Host::port(const std::string& name, std::uint32_t network, const PortOptions& options) {
    ports_.push_back(Port{.tap = Tap{name},
                          .network = network,
                          .slot = static_cast<std::uint32_t>(ports_.size()),
                          .flags = 0});
    Port& made = ports_.back();
    ip(fmt::format("link set dev {} up\n", name));
    xgre_port row{};
    row.network = network;
    row.mac_limit = options.limit;
    row.slot = made.slot;
    name.copy(row.name, sizeof(row.name) - 1);
    datapath_.ports().put(made.index(), row);
    set_port_flags(made, options.flags | (options.xdp_xmit ? unsigned{XGRE_PORT_XDP_XMIT} : 0u));
    datapath_.redirect().put(made.index(), made.index());
    if (auto list = datapath_.flood().find(network)) {
        list->port[list->ports++] = made.index();
        datapath_.flood().put(network, *list);
    }
    return made;
}

void Host::set_port_flags(Port& port, std::uint32_t flags) const {
    xgre_port row = datapath_.ports().find(port.index()).value();
    row.flags = flags;
    port.flags = flags;
    datapath_.ports().put(port.index(), row);
    datapath_.forget_flows();
}

void Host::spread(const std::vector<std::uint16_t>& cpus, bool tcp, std::uint32_t queue) {
    xgre_spread list{};
    list.map_id = datapath_.cpus().id();
    if (tcp) list.flags = XGRE_SPREAD_TCP;
    for (const std::uint16_t cpu : cpus) {
        list.cpu[list.count++] = cpu;
        if (cpu >= datapath_.cpus().max_entries()) continue;
        bpf_cpumap_val entry{};
        entry.qsize = queue;
        entry.bpf_prog.fd = datapath_.program("uplink_cpu_xdp");
        datapath_.cpus().put(cpu, entry);
    }
    datapath_.spread().put(0, list);
    if (!counter_.is_open())
        counter_ =
            Fd{bpf_raw_tracepoint_open("xdp_cpumap_enqueue", datapath_.program("spread_full"))};
    if (!counter_.is_open())
        throw Error::from_errno("xdp_cpumap_enqueue", "attach", errno, "run as root");
    change_uplink([](xgre_uplink& self) { self.flags |= XGRE_UPLINK_SPREAD; });
}

void Host::peer(std::uint32_t id, Ipv4Address address, std::uint32_t network) {
    const std::optional<std::uint32_t> key = keys_.at(network);
    const Packet outer = ipv4(kHostA, address, {.checksum = 0, .total_length = 0, .protocol = 47}) /
                         gre({.key = key, .protocol = kEtherTypeTransparentBridging});
    xgre_peer row{};
    row.network = network;
    row.outer_len = static_cast<std::uint16_t>(outer.size());
    row.ip_sum = folded_sum(ByteView{outer.bytes()}.first(20));
    row.remote.word[0] = number(address);
    row.local.word[0] = number(kHostA.ip);
    if (key) {
        row.flags = XGRE_PEER_IKEYED | XGRE_PEER_OKEYED;
        row.ikey = __builtin_bswap32(*key);
    }
    std::memcpy(row.outer, outer.data(), outer.size());
    datapath_.peers().put(id, row);

    xgre_tunnel_key tunnel{};
    tunnel.source = row.remote.word[0];
    tunnel.local = row.local.word[0];
    tunnel.key = __builtin_bswap32(key.value_or(0));
    tunnel.keyed = key ? 1 : 0;
    datapath_.tunnels().put(tunnel, {.network = network, .peer = id});
    datapath_.outbound().put(outbound_key_of(row), {.network = network, .peer = id});
    add_to_flood(network, id, row);
}

void Host::add_to_flood(std::uint32_t network, std::uint32_t id, const xgre_peer& row) const {
    auto list = datapath_.flood().find(network);
    if (!list) return;
    if (list->outer_len == 0 && (row.flags & XGRE_PEER_DETOUR) == 0)
        list->outer_len = row.outer_len;
    list->peer_flags |= row.flags;
    list->peer[list->peers++] = id;
    datapath_.flood().put(network, *list);
}

void Host::peer(std::uint32_t id, const IpAddr& address, std::uint32_t network,
                const std::function<void(PeerOptions&)>& change) {
    const xgre_network row = datapath_.networks().find(network).value();
    PeerOptions options = default_options(row);
    if (change) change(options);
    const IpAddr local = address.is_v6() ? ip6_of(kHostA) : ip4_of(kHostA);
    const xgre_peer made = make_peer(network, row, local, address, options);
    const bool is_new = datapath_.peers().find(id).value().network == 0;
    put_peer_row(datapath_, id, made);
    if (is_new) add_to_flood(network, id, made);
    datapath_.forget_flows();
}

void Host::use_ipv6() {
    // No address of the kernel's own, which it would ask others about on the wire (RFC 4862 5.4).
    sysctl("net/ipv6/conf/uplink/addr_gen_mode", "1");
    for (const char* name : {"lo", "uplink"})
        sysctl(fmt::format("net/ipv6/conf/{}/disable_ipv6", name), "0");
    sysctl("net/ipv6/conf/lo/forwarding", "1");
    std::string lines = fmt::format("address add {}/64 dev uplink nodad\n", ip6_of(kHostA));
    for (const Station& station : {kHostB, kHostC, kGateway})
        lines += fmt::format("neigh add {} lladdr {} dev uplink nud permanent\n", ip6_of(station),
                             text(station.mac));
    ip(lines);
    change_uplink([](xgre_uplink& self) { self.local6 = to_row(ip6_of(kHostA)); });
}

void Host::remove_peer(std::uint32_t id) const {
    datapath_.peers().put(id, xgre_peer{});
    datapath_.forget_flows();
}

void Host::flood(std::uint32_t network, const std::vector<std::uint32_t>& ports,
                 const std::vector<std::uint32_t>& peers) const {
    xgre_flood list{};
    list.ports = static_cast<std::uint32_t>(ports.size());
    list.peers = static_cast<std::uint32_t>(peers.size());
    std::ranges::copy(ports, std::begin(list.port));
    std::ranges::copy(peers, std::begin(list.peer));
    if (!peers.empty()) list.outer_len = datapath_.peers().find(peers.front()).value().outer_len;
    datapath_.flood().put(network, list);
    datapath_.forget_flows();
}

void Host::ip(std::string_view lines) {
    FILE* batch = popen("ip -batch -", "we");
    if (batch == nullptr) throw Error::from_errno("ip", "run", errno, "install iproute2");
    const bool written = std::fwrite(lines.data(), 1, lines.size(), batch) == lines.size();
    if (pclose(batch) != 0 || !written)
        throw Error{"ip", fmt::format("refused:\n{}", lines), "see what it said above"};
}

void Host::outlive_flows() {
    timespec tick{};
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    const std::uint64_t end =
        monotonic_now() + XGRE_FLOW_NS + static_cast<std::uint64_t>(tick.tv_nsec);
    while (monotonic_now() <= end)
        std::this_thread::sleep_for(1ms);
}

void Host::sysctl(const std::string& name, const std::string& value) {
    std::ofstream file{"/proc/sys/" + name};
    file << value << std::flush;
    if (!file) throw Error{"/proc/sys/" + name, "not written", "run as root"};
}

Result Host::run(std::string_view program, const Packet& packet, std::uint32_t ingress,
                 std::uint32_t mark) const {
    if (auto result = try_run(program, packet, ingress, mark)) return *std::move(result);
    throw Error{std::string{program}, "the kernel makes no such test run", "attach the program"};
}

std::optional<Result> Host::try_run(std::string_view program, const Packet& packet,
                                    std::uint32_t ingress, std::uint32_t mark,
                                    std::optional<std::uint32_t> first) const {
    const bool is_xdp = program.ends_with("_xdp");
    Bytes out(packet.size() + 4096);
    xdp_md xdp{};
    xdp.data_end = first.value_or(static_cast<std::uint32_t>(packet.size()));
    xdp.ingress_ifindex = ingress;
    xdp_md xdp_out{};
    __sk_buff skb{};
    skb.ifindex = ingress;
    skb.mark = mark;

    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.data_out = out.data();
    options.data_size_out = static_cast<std::uint32_t>(out.size());
    if (is_xdp) {
        options.ctx_in = &xdp;
        options.ctx_size_in = sizeof(xdp);
        options.ctx_out = &xdp_out;
        options.ctx_size_out = sizeof(xdp_out);
    } else {
        options.ctx_in = &skb;
        options.ctx_size_in = sizeof(skb);
    }
    if (bpf_prog_test_run_opts(datapath_.program(program), &options) != 0) {
        if (errno == EINVAL) return std::nullopt;
        throw Error::from_errno(std::string{program}, "test run", errno, "see the kernel's log");
    }

    Result result;
    result.action = static_cast<int>(options.retval);
    result.fate = is_xdp ? xdp_fate(options.retval) : tc_fate(result.action);
    ByteView bytes{out.data(), options.data_size_out};
    if (is_xdp && xdp_out.data != 0) {
        xgre_metadata metadata{};
        if (xdp_out.data != sizeof(metadata))
            throw Error{std::string{program}, "metadata of another size", "mend the program"};
        std::memcpy(&metadata, bytes.data(), sizeof(metadata));
        result.metadata = metadata;
        bytes = bytes.subspan(xdp_out.data);
    }
    result.packet = packet.with_bytes(Bytes(bytes.begin(), bytes.end()));
    return result;
}

void Host::attach_tc(std::uint32_t ifindex, int program, bool clsact) {
    const int index = static_cast<int>(ifindex);
    if (!clsact) {
        Fd link{bpf_link_create(program, index, kTcxIngress, nullptr)};
        if (link.is_open()) {
            links_.push_back(std::move(link));
            return;
        }
        if (errno != EINVAL) throw Error::from_errno("tcx", "attach", errno, "run as root");
    }
    // Before Linux 6.6.
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = index;
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = program;
    options.handle = 1;
    options.priority = 1;
    int error = bpf_tc_hook_create(&hook);
    if (error == 0 || error == -EEXIST) error = bpf_tc_attach(&hook, &options);
    if (error != 0) throw Error::from_errno("clsact", "attach", -error, "run as root");
}

void Host::attach_xdp(std::uint32_t ifindex, int program, Hooks mode) {
    bpf_link_create_opts options{};
    options.sz = sizeof(options);
    options.flags = mode == Hooks::generic_xdp ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    Fd link{bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options)};
    if (!link.is_open()) throw Error::from_errno("xdp", "attach", errno, "run as root");
    xdp_links_[ifindex] = link.get();
    links_.push_back(std::move(link));
}

void Host::pin(const std::string& instance) const {
    ensure_bpffs();
    const std::string directory = pins::directory(instance);
    for (const std::string& made : {pins::root(), directory, pins::links(instance)})
        pins::make_directory(made);
    change_uplink([](xgre_uplink& row) { row.tc_hook = XGRE_TC_HOOK_TCX; });
    datapath_.pin(directory);
    for (const auto& [ifindex, link] : xdp_links_)
        pins::put(link, fmt::format("{}/xdp-{}", pins::links(instance), ifindex));
}

void Host::unpin(const std::string& instance) {
    pins::remove_tree(pins::directory(instance));
}

void Host::attach(Hooks hooks) {
    const bool clsact = hooks == Hooks::clsact;
    const bool xdp = hooks != Hooks::clsact && hooks != Hooks::tc;
    if (hooks == Hooks::spread_xdp) spread({0});
    attach_tc(wire().index(), datapath_.program("uplink_tc"), clsact);
    if (xdp) attach_xdp(wire().index(), datapath_.program("uplink_xdp"), hooks);
    for (const Port& port : ports_) {
        attach_tc(port.index(), datapath_.program("port_tc"), clsact);
        if (xdp) attach_xdp(port.index(), datapath_.program("port_xdp"), hooks);
    }
}

void Host::make_detour(bool clsact) {
    NlSocket netlink = NlSocket::open();
    const Detour::Ends ends = Detour{datapath_.uplink().find(0).value().cookie}.make(netlink);
    const auto in = static_cast<std::uint32_t>(ends.in.index);
    datapath_.redirect().put(in, in);
    attach_tc(static_cast<std::uint32_t>(ends.out.index), datapath_.program("detour_tc"), clsact);
    change_uplink([in](xgre_uplink& row) { row.detour = in; });
}

Counts Host::counts() const {
    Counts all;
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
            if (const auto n = datapath_.counters().sum(XGRE_COUNTER(program, verdict)).packets)
                all[fmt::format("{} {}", kProgramTexts.at(program).name,
                                kVerdictTexts.at(verdict).name)] = n;
    return all;
}

Counts Host::copies() const {
    Counts all;
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
            if (const auto n = datapath_.counters().sum(XGRE_COUNTER(program, verdict)).copies)
                all[fmt::format("{} {}", kProgramTexts.at(program).name,
                                kVerdictTexts.at(verdict).name)] = n;
    return all;
}

Counts Host::notes() const {
    Counts all;
    for (std::uint32_t which = 0; which < XGRE_NOTE_MAX; ++which)
        if (const auto n = datapath_.notes().sum(which))
            all[std::string{kNoteTexts.at(which).name}] = n;
    return all;
}

xgre_count Host::count(xgre_program program, xgre_verdict verdict) const {
    return datapath_.counters().sum(XGRE_COUNTER(program, verdict));
}

xgre_traffic Host::port_traffic(const Port& port) const {
    return datapath_.port_counters().sum(port.slot);
}

xgre_traffic Host::peer_traffic(std::uint32_t peer) const {
    return datapath_.peer_counters().sum(peer);
}

std::optional<xgre_fdb_entry> Host::fdb(std::uint32_t network, MacAddress mac,
                                        std::uint16_t vlan) const {
    return datapath_.fdb().find(fdb_key(network, mac, vlan));
}

xgre_owner Host::owner(std::uint32_t network, MacAddress mac, std::uint16_t vlan) const {
    const auto entry = fdb(network, mac, vlan);
    return entry ? entry->owner : 0;
}

std::uint64_t Host::learned(const Port& port) const {
    return datapath_.learned().find(XGRE_LEARNED_BY_PORT(port.slot)).value();
}

std::uint64_t Host::learned(std::uint32_t peer) const {
    return datapath_.learned().find(XGRE_LEARNED_BY_PEER(peer)).value();
}

void Host::learn(std::uint32_t network, MacAddress mac, xgre_owner owner, std::uint16_t vlan,
                 std::chrono::nanoseconds ago) const {
    xgre_fdb_entry entry{};
    entry.owner = owner;
    entry.last_seen = monotonic_now() - static_cast<std::uint64_t>(ago.count());
    datapath_.fdb().put(fdb_key(network, mac, vlan), entry);
    if ((owner & XGRE_OWNER_STATIC) == 0) {
        const auto slot = static_cast<std::uint32_t>(owner >> XGRE_OWNER_SLOT_SHIFT & 0xffff);
        const auto id = static_cast<std::uint32_t>(owner);
        const std::uint32_t index = (owner & XGRE_OWNER_KIND_MASK) == XGRE_OWNER_PORT
                                        ? XGRE_LEARNED_BY_PORT(slot)
                                        : XGRE_LEARNED_BY_PEER(id);
        datapath_.learned().put(index, datapath_.learned().find(index).value() + 1);
    }
    datapath_.forget_flows();
}

void Host::make_older(std::uint32_t network, MacAddress mac, std::chrono::nanoseconds ago,
                      std::uint16_t vlan) const {
    xgre_fdb_entry entry = fdb(network, mac, vlan).value();
    entry.last_seen = monotonic_now() - static_cast<std::uint64_t>(ago.count());
    datapath_.fdb().put(fdb_key(network, mac, vlan), entry);
    datapath_.forget_flows();
}

void expect_frames(std::vector<Packet> actual, const std::vector<Packet>& expected,
                   std::string_view where) {
    for (const Packet& wanted : expected) {
        const auto found = std::ranges::find(actual, wanted);
        if (found != actual.end()) {
            actual.erase(found);
            continue;
        }
        ADD_FAILURE() << "missing " << where << ":\n" << decode(wanted);
    }
    for (const Packet& extra : actual)
        ADD_FAILURE() << "too much " << where << ":\n" << decode(extra);
}

namespace {

// Base members before the references that need them.
Host& with_peers(Host& host) {
    host.network(1, {.key = DatapathTest::kKey});
    host.peer(1, kHostB, 1);
    host.peer(2, kHostC, 1);
    return host;
}

}  // namespace

DatapathTest::DatapathTest() : a{with_peers(*this).port("a", 1)}, c{port("c", 1)} {}

}  // namespace xgre::test
