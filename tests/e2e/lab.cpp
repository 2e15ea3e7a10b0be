// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "loader/netlink.h"
#include "loader/process.h"
#include "tests/loader/lab.h"
#include "xgre/error.h"

namespace xgre::test {
namespace {

using Clock = std::chrono::steady_clock;

// IEEE 802 local experimental EtherType 2: the Lab's own frames.
constexpr std::uint16_t kFenceType = 0x88b6;
constexpr std::size_t kLargestFrame = 1 << 17;

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream stream{std::string{text}};
    return {std::istream_iterator<std::string>{stream}, {}};
}

std::runtime_error system_error(std::string_view what) {
    return std::runtime_error{fmt::format("{}: {}", what, std::strerror(errno))};
}

std::string text_of(Ipv4Address address) {
    return value_of(address).format();
}

std::string text_of(MacAddress address) {
    return Mac{address.bytes}.format();
}

std::optional<std::uint32_t> fence_number(const Packet& frame) {
    if (frame.size() < 18 || get16(frame.bytes(), 12) != kFenceType) return std::nullopt;
    return get32(frame.bytes(), 14);
}

Packet fence(MacAddress from, std::uint32_t number) {
    Bytes body;
    put32(body, number);
    body.resize(46);
    return eth(from, kBroadcast, {.type = kFenceType}) / raw(body);
}

// The kernel keeps a received tag outside the bytes: put it back.
void restore_tag(Bytes& bytes, const tpacket_auxdata& data) {
    if (bytes.size() < 12) return;
    const std::uint16_t tpid =
        (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : kEtherTypeVlan;
    Bytes tag;
    put16(tag, tpid);
    put16(tag, data.tp_vlan_tci);
    bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
}

}  // namespace

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    while (!holds()) {
        if (Clock::now() >= deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

Ip4Addr value_of(Ipv4Address address) {
    return Ip4Addr{address.bytes};
}

GreKey gre_key(std::uint32_t number) {
    return GreKey{number};
}

bool is_tunnel(const Packet& packet) {
    return packet.size() >= 38 && get16(packet.bytes(), 12) == kEtherTypeIpv4 &&
           packet[14] == 0x45 && packet[23] == kProtocolGre &&
           get16(packet.bytes(), 36) == kEtherTypeTransparentBridging;
}

std::optional<Packet> inner_of(const Packet& packet) {
    if (!is_tunnel(packet)) return std::nullopt;
    const std::uint16_t flags = get16(packet.bytes(), 34);
    std::size_t offset = 38;
    for (const std::uint16_t field : {kGreChecksumBit, kGreKeyBit, kGreSequenceBit})
        if ((flags & field) != 0) offset += 4;
    return frame_at(packet, offset);
}

// ---- Namespaces ----

Netns::Netns(std::string_view role) : name_{fmt::format("xg{}-{}", getpid(), role)} {
    create_netns(name_);
    fd_ = open_netns(name_);
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    ip("link set lo up");
}

Netns::~Netns() {
    if (netns_exists(name_)) delete_netns(name_);
}

bool Netns::try_run(std::string_view words) const {
    return xgre::run({words_of(words), &fd_}, std::chrono::seconds{20}).status == 0;
}

void Netns::run(std::string_view words) const {
    const Ended ended = xgre::run({words_of(words), &fd_}, std::chrono::seconds{20});
    if (ended.status != 0)
        throw std::runtime_error{fmt::format("{}: {}: {}", name_, words, ended.diagnostics)};
}

void Netns::ip(std::string_view words) const {
    run(fmt::format("ip {}", words));
}

void Netns::offloads(std::string_view device, std::string_view settings) const {
    run(fmt::format("ethtool -K {} {}", device, settings));
}

void Netns::sysctl(std::string_view path, std::string_view value) const {
    const NetnsScope scope = enter();
    std::ofstream{fmt::format("/proc/sys/{}", path)} << value << std::flush;
}

void Netns::shell(const std::string& script) const {
    const Ended ended = xgre::run({{"ip", "netns", "exec", name_, "sh", "-c", script}, nullptr},
                                  std::chrono::seconds{20});
    if (ended.status != 0)
        throw std::runtime_error{fmt::format("{}: {}: {}", name_, script, ended.diagnostics)};
}

MacAddress Netns::mac_of(const std::string& device) const {
    const NetnsScope scope = enter();
    return {NlSocket::open().get_link(device).mac.bytes()};
}

bool Netns::ping(Ipv4Address address, std::size_t size) const {
    return try_run(fmt::format("ping -n -q -c 1 -W 5 -s {} {}", size, text_of(address)));
}

// ---- Frames ----

Nic::Nic(const Netns& netns, const std::string& device) {
    const NetnsScope scope = netns.enter();
    socket_ = Fd{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
    const int on = 1;
    const int room = 32 << 20;
    if (!socket_.is_open() ||
        setsockopt(socket_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) != 0 ||
        setsockopt(socket_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
        bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        throw system_error(netns.name() + ": " + device);
}

void Nic::send(const Packet& frame) const {
    if (::send(socket_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
        throw system_error("send frame");
}

std::optional<Received> Nic::receive(std::chrono::milliseconds patience) const {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return std::nullopt;
    Bytes bytes(kLargestFrame);
    iovec data{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(socket_.get(), &message, 0);
    if (size < 0) {
        if (errno == ENETDOWN) return std::nullopt;  // told once; frames go on when it is up
        throw system_error("receive frame");
    }
    bytes.resize(static_cast<std::size_t>(size));
    Received received;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_type != PACKET_AUXDATA) continue;
        tpacket_auxdata auxiliary{};
        std::memcpy(&auxiliary, CMSG_DATA(part), sizeof(auxiliary));
        received.tag_outside = (auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0;
        received.checksum_open = (auxiliary.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
        if (received.tag_outside) restore_tag(bytes, auxiliary);
    }
    received.frame = Packet::from_bytes(bytes);
    return received;
}

bool Capture::wait_for(const std::function<bool(const Packet&)>& wanted,
                       std::chrono::milliseconds patience) {
    const auto is_wanted = [&](const Received& received) { return wanted(received.frame); };
    if (std::ranges::any_of(frames(), is_wanted)) return true;
    const auto deadline = Clock::now() + patience;
    while (Clock::now() < deadline) {
        auto received = nic_.receive(std::chrono::milliseconds{100});
        if (!received) continue;
        frames_.push_back(std::move(*received));
        if (is_wanted(frames_.back())) return true;
    }
    return false;
}

const std::vector<Received>& Capture::frames() {
    while (auto received = nic_.receive(std::chrono::milliseconds{0}))
        frames_.push_back(std::move(*received));
    return frames_;
}

std::size_t Capture::count(const std::function<bool(const Packet&)>& wanted) {
    return static_cast<std::size_t>(std::ranges::count_if(
        frames(), [&](const Received& received) { return wanted(received.frame); }));
}

Fd attach_xdp_pass(const Netns& netns, const std::string& device) {
    // r0 = XDP_PASS; exit
    const std::array<bpf_insn, 2> code{
        {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    bpf_prog_load_opts options{};
    options.sz = sizeof(options);
    options.prog_flags = BPF_F_XDP_HAS_FRAGS;  // any MTU
    const NetnsScope scope = netns.enter();
    const Fd program{
        bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", code.data(), code.size(), &options)};
    Fd link{bpf_link_create(program.get(), static_cast<int>(if_nametoindex(device.c_str())),
                            BPF_XDP, nullptr)};
    if (!link.is_open()) throw system_error("attach XDP to " + device);
    return link;
}

// ---- Hosts ----

Host::Host(char letter, Ip4Addr address)
    : name_{letter},
      netns_{fmt::format("host-{}", letter)},
      session_{fmt::format("xg{}-{}", getpid(), letter), netns_.name()},
      address_{address} {}

Host::~Host() {
    try {
        Instance::detach(session_, true);
    } catch (const Error& error) {
        ADD_FAILURE() << error.what();
    }
}

void Host::attach(Path path, TcHook hook) const {
    Instance::attach(session_, {.uplink = "uplink0",
                                .local = address_,
                                .fdb_entries = {},
                                .upgrade = false,
                                .xdp = path == Path::xdp ? XdpUse::on : XdpUse::off,
                                .tc_hook = hook});
}

std::uint64_t Host::verdicts(std::string_view verdict, std::string_view program) const {
    std::uint64_t packets = 0;
    for (const VerdictCount& count : Instance::view(session_).stats().verdicts)
        if (count.verdict == verdict && (program.empty() || count.program == program))
            packets += count.packets;
    return packets;
}

std::map<std::string, std::uint64_t> Host::drops() const {
    std::map<std::string, std::uint64_t> drops;
    for (const VerdictCount& count : Instance::view(session_).stats().verdicts) {
        const std::uint64_t lost_copies = count.verdict == "flooded" ? 0 : count.copies;
        const std::uint64_t lost = (count.drop ? count.packets : 0) + lost_copies;
        if (lost != 0) drops[count.verdict] += lost;
    }
    return drops;
}

std::uint64_t Host::notes(std::string_view name) const {
    for (const NoteCount& note : Instance::view(session_).stats().notes)
        if (note.name == name) return note.count;
    throw std::invalid_argument{"no such note"};
}

PortInfo Host::port(const std::string& device) const {
    for (PortInfo& info : Instance::view(session_).ports())
        if (info.device == device) return std::move(info);
    throw std::invalid_argument{device + " is no port"};
}

std::string Host::whereabouts(const std::string& network, MacAddress mac,
                              std::uint16_t vlan) const {
    std::string found;
    FdbFilter filter;
    filter.network = network;
    filter.vlan = Vlan::from(vlan);
    filter.mac = Mac{mac.bytes};
    Instance::view(session_).fdb(filter, [&](const FdbInfo& entry) {
        found = entry.peer ? entry.peer->format() : entry.port;
    });
    return found;
}

// ---- VMs ----

namespace {

// The namespace of a VM, with eth0 and the port on the host connected.
void plug_in(const Netns& vm, const Host& host, const std::string& port, const Station& station,
             const VmOptions& options) {
    host.netns().ip(fmt::format("link add {} type veth peer name eth0 netns {} address {}", port,
                                vm.name(), text_of(station.mac)));
    vm.offloads("eth0", fmt::format("tx {0} txvlan {0} tx-vlan-stag-hw-insert {0} gro {1}",
                                    options.offloads ? "on" : "off", options.gro ? "on" : "off"));
    if (!options.port_offloads)
        host.netns().offloads(port, "tx off txvlan off tx-vlan-stag-hw-insert off");
    vm.ip(fmt::format("link set eth0 mtu {}", options.mtu));
    if (options.with_address) vm.ip(fmt::format("address add {}/24 dev eth0", text_of(station.ip)));
    vm.ip("link set eth0 up");
    host.netns().ip(fmt::format("link set {} up", port));
}

}  // namespace

Vm::Vm(const Host& host, std::string_view role, const Station& station, const VmOptions& options)
    : host_{host},
      netns_{fmt::format("vm-{}", role)},
      port_{fmt::format("v-{}", role)},
      station_{station},
      nic_{(plug_in(netns_, host, port_, station, options), netns_), "eth0"} {}

bool Vm::read_one(std::chrono::milliseconds patience) {
    auto received = nic_.receive(patience);
    if (!received) return false;
    if (const auto number = fence_number(received->frame)) {
        fence_ = std::max(fence_, *number);
    } else {
        inbox_.push_back(std::move(*received));
    }
    return true;
}

std::vector<Received> Vm::take_received() {
    while (read_one(std::chrono::milliseconds{0})) {
    }
    return std::exchange(inbox_, {});
}

std::vector<Packet> Vm::take() {
    std::vector<Packet> frames;
    for (Received& received : take_received())
        frames.push_back(std::move(received.frame));
    return frames;
}

bool Vm::gets(const Packet& frame, std::chrono::milliseconds patience) {
    const auto is_there = [&] {
        return std::ranges::any_of(
            inbox_, [&](const Received& received) { return received.frame == frame; });
    };
    const auto deadline = Clock::now() + patience;
    while (!is_there() && Clock::now() < deadline)
        read_one(std::chrono::milliseconds{100});
    return is_there();
}

bool Vm::gets_fence(std::uint32_t number) {
    const auto deadline = Clock::now() + kPatience;
    while (fence_ < number && Clock::now() < deadline)
        read_one(std::chrono::milliseconds{100});
    return fence_ >= number;
}

// ---- Taps ----

namespace {

// struct virtio_net_hdr; the kernel's header is no C++.
struct VnetHeader {
    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t hdr_len = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t csum_start = 0;
    std::uint16_t csum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);

constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kTcp4 = 1;
constexpr std::uint16_t kTcpOffset = 34;  // Ethernet, IPv4

}  // namespace

Tap::Tap(const Host& host, const std::string& device, bool vnet_hdr)
    : port_{device}, vnet_hdr_{vnet_hdr} {
    const NetnsScope scope = host.netns().enter();
    tap_ = open_tap(device, vnet_hdr ? IFF_VNET_HDR : 0);
    NlSocket::open().set_link_up(device);
}

void Tap::send(const Packet& frame, std::uint16_t gso_size) const {
    VnetHeader header{};
    if (gso_size != 0) {
        header = {.flags = kNeedsChecksum,
                  .gso_type = kTcp4,
                  .hdr_len = kTcpOffset + 20,
                  .gso_size = gso_size,
                  .csum_start = kTcpOffset,
                  .csum_offset = 16};
    }
    Bytes bytes = frame.bytes();
    const std::array<iovec, 2> parts{
        {{&header, vnet_hdr_ ? sizeof(header) : 0}, {bytes.data(), bytes.size()}}};
    const auto whole = static_cast<ssize_t>(parts[0].iov_len + parts[1].iov_len);
    if (writev(tap_.get(), parts.data(), parts.size()) != whole) throw system_error("write to tap");
}

std::optional<Received> Tap::receive(const std::function<bool(const Packet&)>& wanted,
                                     std::chrono::milliseconds patience) const {
    const auto deadline = Clock::now() + patience;
    while (Clock::now() < deadline) {
        pollfd ready{tap_.get(), POLLIN, 0};
        if (poll(&ready, 1, 100) <= 0) continue;
        Bytes bytes(kLargestFrame);
        const ssize_t size = read(tap_.get(), bytes.data(), bytes.size());
        if (size < 0) throw system_error("read from tap");
        bytes.resize(static_cast<std::size_t>(size));
        Received received;
        if (vnet_hdr_) {
            VnetHeader header{};
            std::memcpy(&header, bytes.data(), sizeof(header));
            received.gso_size = header.gso_size;
            received.checksum_open = (header.flags & kNeedsChecksum) != 0;
            bytes.erase(bytes.begin(), bytes.begin() + sizeof(header));
        }
        received.frame = Packet::from_bytes(bytes);
        if (wanted(received.frame)) return received;
    }
    return std::nullopt;
}

// ---- The Lab ----

namespace {

Ip4Addr host_address(char letter, Middle middle) {
    const auto index = static_cast<std::uint8_t>(letter - 'a');
    if (middle == Middle::one_subnet)
        return Ip4Addr{{198, 18, 0, static_cast<std::uint8_t>(index + 1)}};
    return Ip4Addr{{198, 18, 0, static_cast<std::uint8_t>(128 * index + 1)}};
}

}  // namespace

Lab::Lab(const LabOptions& options) : middle_{"middle"} {
    if (options.middle == Middle::router) {
        middle_.sysctl("net/ipv4/ip_forward", "1");
    } else {
        middle_.ip("link add br0 type bridge stp_state 0 mcast_snooping 0");
        middle_.ip("link set br0 up");
    }
    for (const char letter : options.hosts) {
        auto host = std::make_unique<Host>(letter, host_address(letter, options.middle));
        connect(*host, letter, options);
        hosts_.emplace(letter, std::move(host));
    }
}

Lab::~Lab() {
    hosts_.clear();
}

void Lab::plug_in(const Netns& netns, const std::string& wire, std::string_view tx) {
    netns.ip(fmt::format("link add uplink0 type veth peer name {} netns {}", wire, middle_.name()));
    netns.offloads("uplink0",
                   fmt::format("tx {0} txvlan {0} tx-vlan-stag-hw-insert {0} gro on", tx));
    // Not GRO on this end, which would show a capture other packets than there are on the wire.
    middle_.offloads(wire, fmt::format("tx {0} txvlan {0} tx-vlan-stag-hw-insert {0} gro off", tx));
    netns.ip("link set uplink0 up");
    middle_.ip(fmt::format("link set {} up", wire));
    if (tx == "off") programs_.push_back(attach_xdp_pass(middle_, wire));
}

void Lab::connect(Host& host, char letter, const LabOptions& options) {
    const std::string wire = wire_of(letter);
    const Netns& netns = host.netns();
    plug_in(netns, wire, options.wire_offloads ? "on" : "off");
    netns.ip(fmt::format("link set uplink0 mtu {}", options.wire_mtu));
    middle_.ip(fmt::format("link set {} mtu {}", wire, options.wire_mtu));
    if (options.middle == Middle::one_subnet) {
        middle_.ip(fmt::format("link set {} master br0", wire));
        netns.ip(fmt::format("address add {}/24 dev uplink0", host.address()));
    } else {
        const Ip4Addr gateway = Ip4Addr::from_host_order(host.address().host_order() + 125);
        middle_.ip(fmt::format("address add {}/25 dev {}", gateway, wire));
        netns.ip(fmt::format("address add {}/25 dev uplink0", host.address()));
        netns.ip(fmt::format("route add default via {}", gateway));
    }
}

void Lab::mesh(const std::string& network, std::optional<std::uint32_t> key, Path path,
               TcHook hook) {
    for (auto& [letter, host] : hosts_) {
        host->attach(path, hook);
        Instance instance = host->open();
        NetworkSpec spec;
        spec.name = network;
        if (key) spec.key = gre_key(*key);
        instance.add_network(spec);
        for (auto& [other_letter, other] : hosts_)
            if (other_letter != letter)
                instance.add_peer({.address = other->address(), .network = network});
    }
}

Vm& Lab::vm(char letter, std::string_view role, const Station& station, const VmOptions& options) {
    vms_.push_back(std::make_unique<Vm>(host(letter), role, station, options));
    return *vms_.back();
}

Vm& Lab::join(char letter, std::string_view role, const Station& station,
              const std::string& network, const VmOptions& options) {
    Vm& made = vm(letter, role, station, options);
    join(made.host(), made.port(), network);
    return made;
}

void Lab::join(const Host& host, const std::string& port, const std::string& network) {
    PortSpec spec;
    spec.device = port;
    spec.network = network;
    host.open().add_port(spec);
}

void Lab::settle(const Vm& from, const std::vector<Vm*>& to) {
    // Twice: what XDP redirects leaves at the end of a batch, which the first one may overtake.
    for (int round = 0; round < 2; ++round) {
        const std::uint32_t number = next_fence_++;
        from.send(fence(from.mac(), number));
        for (Vm* vm : to)
            ASSERT_TRUE(vm->gets_fence(number)) << vm->netns().name() << " misses a broadcast";
    }
}

}  // namespace xgre::test
