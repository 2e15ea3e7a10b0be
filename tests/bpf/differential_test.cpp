// SPDX-License-Identifier: GPL-2.0-only
// Two hosts alike but for their hooks get the same thousands of generated frames and changes of
// state: they must send the same bytes by the same devices, and end with the same tables.
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::array<Station, 4> kPeers{kHostB, kHostC, kGateway, kStranger};

MacAddress vm(std::uint32_t number) {
    return mac(2, 0, 0, 0, 0x0a, static_cast<std::uint8_t>(number));
}

// Networks 1 (key 7), with four ports of different kinds, and 2 (no key), with one.
class TwinHost {
public:
    explicit TwinHost(Hooks hooks) {
        host.network(1, {.key = 7});
        host.network(2, {});
        host.peer(1, kHostB, 1);
        host.peer(2, kHostC, 1);
        host.peer(3, kHostB, 2);
        host.peer(4, kGateway, 1);
        ports = {&host.port("p0", 1), &host.port("p1", 1, {.flags = XGRE_PORT_OFFLOADS}),
                 &host.port("p2", 1, {.flags = XGRE_PORT_ISOLATED, .limit = 3}),
                 &host.port("p3", 1, {.flags = XGRE_PORT_LOCKED | XGRE_PORT_ISOLATED}),
                 &host.port("p4", 2, {.flags = XGRE_PORT_NO_FLOOD, .xdp_xmit = false})};
        host.datapath().fdb_put(fdb_key(1, vm(3)), as_static(ports[3]->owner()));
        host.datapath().fdb_put(fdb_key(1, vm(3), 5), as_static(ports[3]->owner()));
        host.datapath().fdb_put(fdb_key(1, vm(9)), as_static(peer_owner(1)));
        host.ip(
            "link set dev uplink mtu 8000\n"
            "link set dev p0 mtu 9000\n"
            "link set dev p1 mtu 1300\n"
            "link set dev p3 mtu 5000\n");
        host.attach(hooks);
    }
    const Tap& tap(std::size_t from) const {
        return from < ports.size() ? ports[from]->tap : host.wire();
    }
    // Everything that left, but for what the host itself said. Waits for as much as `expected`.
    std::vector<std::vector<Packet>> sent(
        const std::vector<std::vector<Packet>>& expected = {}) const {
        const auto wait_for = [&](std::size_t device) {
            return device < expected.size() ? expected[device].size() : 0;
        };
        std::vector<std::vector<Packet>> all;
        for (std::size_t device = 0; device < ports.size(); ++device)
            all.push_back(ports[device]->tap.received(wait_for(device)));
        std::vector<Packet> wire = host.wire().received(wait_for(ports.size()));
        std::erase_if(wire, [](const Packet& packet) {
            return packet.size() < 24 || get16(packet.bytes(), 12) != kEtherTypeIpv4 ||
                   packet[23] != kProtocolGre;
        });
        all.push_back(std::move(wire));
        return all;
    }

    Host host;
    std::vector<Port*> ports;
};

class Generator {
public:
    Generator(std::uint32_t seed, bool jumbo) : random_{seed}, jumbo_{jumbo} {}

    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool one_in(std::size_t n) { return below(n) == 0; }

    Packet inner() {
        Packet front = eth(address(true), address(false));
        for (std::size_t tags = one_in(4) ? 1 + below(3) : 0; tags > 0; --tags)
            front = front / vlan(one_in(3) ? std::uint16_t{0} : std::uint16_t{5},
                                 {.pcp = static_cast<std::uint8_t>(below(8)),
                                  .tpid = one_in(3) ? kEtherTypeServiceVlan : kEtherTypeVlan});
        // Of a frame that ends within two bytes of its tag, TC sees nothing: the kernel, which
        // takes the tag out, drops it before.
        const std::size_t size = one_in(10)             ? 1200 + below(400)
                                 : jumbo_ && one_in(10) ? 1600 + below(7400)
                                                        : 2 + below(300);
        switch (below(7)) {
            case 0:
                return front / ipv4(kVmA, kVmB) / udp(1, 2) / payload(size);
            case 1:
            case 2:
                return front / ipv4(kVmA, kVmB, {.ttl = 3, .tos = 1}) / tcp(40000, 80) /
                       payload(size);
            case 3:
                return front / ipv6(kVmA, kVmB) / tcp(40000, 80, {.mss = 1400}) / payload(size);
            case 4:
                return front / ipv4(kVmA, kVmB, {.df = false, .frag_offset = 3}) / payload(size);
            case 5:
                return front / arp_request(kVmA, kVmA, kVmB);
            default:
                return front / payload(size);
        }
    }

    Packet tunneled() {
        const Station& from = kPeers.at(below(kPeers.size()));
        GreOptions header{.key = 7};
        if (one_in(6)) header.key.reset();
        Ipv4Options outer;
        if (one_in(12)) header.sequence = 9;
        if (one_in(12)) header.flags_extra = static_cast<std::uint16_t>(1u << below(16) & 0x4ff8);
        if (one_in(40)) header.version = 1;
        if (one_in(30)) header.key = 8;
        if (one_in(60)) header.protocol = 0x0800;
        if (one_in(12)) header.checksum = true;
        if (one_in(40)) header.checksum = 0x4242;
        if (one_in(20)) outer.options = Bytes(4 * (1 + below(10)), 1);
        if (one_in(40)) outer.more_fragments = true;
        if (one_in(40)) outer.checksum = 0x4242;
        if (one_in(30)) outer.total_length = static_cast<std::uint16_t>(below(200));
        const Station& to = one_in(40) ? kHostC : kHostA;
        Packet packet = eth(from, to) / ipv4(from, kHostA, outer) / gre(header) / inner();
        if (one_in(12)) packet = concat(packet, payload(1 + below(20), 0xaa));
        if (one_in(20)) packet = cut(packet, std::max<std::size_t>(14, below(packet.size())));
        return packet;
    }

private:
    MacAddress address(bool source) {
        if (one_in(source ? 50 : 8)) return one_in(2) ? kBroadcast : kMulticast;
        if (source && one_in(50)) return kAllZero;
        return vm(static_cast<std::uint32_t>(below(10)));
    }

    std::mt19937 random_;
    bool jumbo_;
};

// Totals by verdict over all programs: "to-port packets" and so on.
Counts totals(const Host& host) {
    Counts all;
    const auto add = [&all](const Counts& by_program, const char* what) {
        for (const auto& [cell, n] : by_program)
            all[cell.substr(cell.find(' ') + 1) + what] += n;
    };
    add(host.counts(), " packets");
    add(host.copies(), " copies");
    // How often the kernel is asked for a next hop is a matter of time, and a host may be slow.
    for (const auto& [which, n] : host.notes())
        if (which != "resolve") all["note " + which] += n;
    return all;
}

Counts bytes_by_verdict(const Host& host) {
    constexpr std::array<const char*, XGRE_VERDICT_MAX> names{
#define X(id, name, fate, help) name,
        XGRE_VERDICTS(X)
#undef X
    };
    Counts all;
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
            all[names.at(verdict)] +=
                host.count(static_cast<xgre_program>(program), static_cast<xgre_verdict>(verdict))
                    .bytes;
    return all;
}

// Shows only what differs.
void expect_same(const Counts& fast, const Counts& slow, const char* what) {
    Counts all = slow;
    all.insert(fast.begin(), fast.end());
    const auto of = [](const Counts& counts, const std::string& cell) {
        const auto found = counts.find(cell);
        return found == counts.end() ? 0 : found->second;
    };
    for (const auto& [cell, n] : all)
        EXPECT_EQ(of(fast, cell), of(slow, cell)) << what << ": " << cell;
}

std::map<std::string, xgre_owner> table(const Host& host) {
    std::map<std::string, xgre_owner> all;
    for (const auto& [key, entry] : host.datapath().fdb().entries())
        all[testing::PrintToString(key.network) + "/" + testing::PrintToString(key.vlan) + "/" +
            testing::PrintToString(std::vector<int>(std::begin(key.mac), std::end(key.mac)))] =
            entry.owner;
    return all;
}

std::vector<std::uint64_t> traffic(const TwinHost& twin) {
    std::vector<std::uint64_t> all;
    const auto add = [&all](const xgre_traffic& of) {
        all.insert(all.end(), {of.rx_packets, of.rx_bytes, of.tx_packets, of.tx_bytes});
    };
    for (const Port* port : twin.ports) {
        add(twin.host.port_traffic(*port));
        all.push_back(twin.host.learned(*port));
    }
    for (std::uint32_t peer = 1; peer <= 4; ++peer)
        add(twin.host.peer_traffic(peer));
    return all;
}

std::uint64_t frames(const Host& host) {
    std::uint64_t sum = 0;
    for (const auto& [cell, n] : host.counts())
        sum += n;
    return sum;
}

// Of a frame that another CPU takes, this one does not know what becomes of it, nor when.
void expect_as_many_frames(const Host& fast, const Host& slow) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (frames(fast) < frames(slow) && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_EQ(frames(fast), frames(slow));
}

class Differential : public ::testing::TestWithParam<Hooks> {};
INSTANTIATE_TEST_SUITE_P(Hooks, Differential,
                         ::testing::Values(Hooks::clsact, Hooks::native_xdp, Hooks::spread_xdp),
                         HooksName());

// case A05
TEST_P(Differential, SendsTheSameBytesByTheSameDevicesAsTcAlone) {
    TwinHost slow{Hooks::tc};
    TwinHost fast{GetParam()};
    // A tap gives XDP what is longer than a page in a form that a CPU map loses, on any Linux so
    // far: not a matter of fragments, and of no network card.
    Generator generate{20260101, GetParam() != Hooks::spread_xdp};
    const auto both = [&](const std::function<void(TwinHost&)>& change) {
        change(slow);
        change(fast);
    };
    constexpr int kFrames = 4000;
    for (int i = 0; i < kFrames; ++i) {
        const std::size_t from = generate.below(10);
        const Packet packet = from < 5 ? generate.inner() : generate.tunneled();
        ASSERT_EQ(slow.tap(from).send(packet), fast.tap(from).send(packet));
        const auto wanted = slow.sent();
        if (GetParam() == Hooks::spread_xdp) expect_as_many_frames(fast.host, slow.host);
        const auto got = fast.sent(wanted);
        for (std::size_t device = 0; device < wanted.size(); ++device)
            expect_frames(got[device], wanted[device],
                          "at device " + std::to_string(device) + ", frame " + std::to_string(i));
        if (HasFailure()) FAIL() << "sent by device " << from << ":\n" << decode(packet);

        if (i % 50 != 49) continue;
        switch (const auto which = static_cast<std::uint32_t>(generate.below(10));
                generate.below(5)) {
            case 0:  // expired, but not swept
                both([&](TwinHost& twin) {
                    if (twin.host.owner(1, vm(which)) != 0)
                        twin.host.make_older(1, vm(which), 400s);
                });
                break;
            case 1:  // not to be refreshed by chance on one of the two
                both([&](TwinHost& twin) {
                    if (twin.host.owner(1, vm(which)) != 0)
                        twin.host.make_older(1, vm(which), 100s);
                });
                break;
            case 2:
                both([&](TwinHost& twin) { twin.host.datapath().fdb_sweep(); });
                break;
            case 3:  // an entry of a port of another network
                both([&](TwinHost& twin) {
                    if (which != 3) twin.host.learn(1, vm(which), peer_owner(3));
                });
                break;
            default:
                both([&](TwinHost& twin) {
                    xgre_fdb_flush_args want{};
                    want.match = XGRE_MATCH_LEARNED | XGRE_MATCH_OWNER;
                    want.owner = twin.ports[which % 5]->owner();
                    twin.host.datapath().fdb_flush(want);
                });
        }
    }
    EXPECT_EQ(table(fast.host), table(slow.host));
    expect_same(totals(fast.host), totals(slow.host), "frames");
    expect_same(bytes_by_verdict(fast.host), bytes_by_verdict(slow.host), "bytes");
    EXPECT_EQ(traffic(fast), traffic(slow));
    // The comparison is one of two hooks only when both had their share.
    const Counts by_program = fast.host.counts();
    if (GetParam() != Hooks::clsact) {
        const bool spread = GetParam() == Hooks::spread_xdp;
        EXPECT_GT(by_program.at(spread ? "uplink_cpu_xdp to-port" : "uplink_xdp to-port"), 50u);
        EXPECT_GT(by_program.at("port_xdp to-peer"), 50u);
    }
    EXPECT_GT(by_program.at("uplink_tc to-port"), 50u);
}

}  // namespace
}  // namespace xgre::test
