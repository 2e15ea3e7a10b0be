// SPDX-License-Identifier: GPL-2.0-only
// The builder against scapy, which shares nothing with it: scapy must read the fields that were
// meant, and compute the checksums and lengths that were written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/packet/packet.h"

// Debian's python3-scapy is seen by Debian's interpreter only.
#ifndef XGRE_PYTHON
#define XGRE_PYTHON "/usr/bin/python3"
#endif

namespace xgre::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Case {
    std::string name;
    Packet packet;
    std::string fields;  // "Layer[n].field=value ...", see scapy_check.py
};

struct Verdict {
    int status;
    std::string output;
};

std::string hex_of(const Packet& packet) {
    std::string out;
    for (const std::uint8_t byte : packet.bytes()) {
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 0xf];
    }
    return out;
}

std::filesystem::path script() {
#ifdef XGRE_SOURCE_DIR
    return std::filesystem::path{XGRE_SOURCE_DIR} / "tests/packet/scapy_check.py";
#else
    return std::filesystem::absolute(__FILE__).parent_path() / "scapy_check.py";
#endif
}

// A file that goes when the test does.
class CaseFile {
public:
    explicit CaseFile(const std::vector<Case>& cases) {
        std::string name = std::filesystem::temp_directory_path() / "xgre-packets-XXXXXX";
        const int fd = mkstemp(name.data());
        if (fd < 0) throw std::runtime_error("cannot make a temporary file " + name);
        std::unique_ptr<FILE, int (*)(FILE*)> file{fdopen(fd, "w"), fclose};
        for (const Case& c : cases) {
            fprintf(file.get(), "%s\t%s\t%s\n", c.name.c_str(), hex_of(c.packet).c_str(),
                    c.fields.c_str());
        }
        path_ = name;
    }
    CaseFile(const CaseFile&) = delete;
    CaseFile& operator=(const CaseFile&) = delete;
    ~CaseFile() { std::filesystem::remove(path_); }

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

Verdict ask_scapy(const std::vector<Case>& cases) {
    const CaseFile file{cases};
    const std::string command = std::string(XGRE_PYTHON) + " '" + script().string() + "' < '" +
                                file.path().string() + "' 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    std::string output;
    std::array<char, 4096> chunk{};
    while (const std::size_t size = fread(chunk.data(), 1, chunk.size(), pipe)) {
        output.append(chunk.data(), size);
    }
    const int status = pclose(pipe);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

const std::string kOuter =
    "Ether[0].src=02:00:00:00:00:fe Ether[0].dst=02:00:00:00:00:01 Ether[0].type=2048 "
    "IP[0].src=198.18.0.2 IP[0].dst=198.18.0.1 IP[0].ttl=64 IP[0].tos=0 IP[0].id=0 IP[0].flags=DF "
    "IP[0].frag=0 IP[0].proto=47 GRE[0].proto=25944 GRE[0].version=0 GRE[0].flags=0 "
    "Ether[1].src=02:00:00:00:0a:02 Ether[1].dst=02:00:00:00:0a:01 ";

Packet tunnel(GreOptions options = {}) {
    return eth(kGateway, kHostA) / ipv4(kHostB, kHostA) / gre(options);
}

Packet vm_frame() {
    return eth(kVmB, kVmA);
}

std::vector<Case> layer_cases() {
    const Packet vm_ip = vm_frame() / ipv4(kVmB, kVmA);
    const Packet vm_ip6 = vm_frame() / ipv6(kVmB, kVmA);
    return {
        {"plain data", vm_frame() / payload(46),
         "Ether[0].src=02:00:00:00:0a:02 Ether[0].dst=02:00:00:00:0a:01 Ether[0].type=34997"},
        {"arp request", eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB),
         "Ether[0].dst=ff:ff:ff:ff:ff:ff Ether[0].type=2054 ARP[0].op=1 "
         "ARP[0].hwsrc=02:00:00:00:0a:01 ARP[0].psrc=192.0.2.11 ARP[0].hwdst=00:00:00:00:00:00 "
         "ARP[0].pdst=192.0.2.12 ARP[0].hwlen=6 ARP[0].plen=4 ARP[0].hwtype=1 ARP[0].ptype=2048"},
        {"arp reply", eth(kVmB, kVmA) / arp_reply(kVmB, kVmB, kVmA, kVmA),
         "ARP[0].op=2 ARP[0].hwsrc=02:00:00:00:0a:02 ARP[0].psrc=192.0.2.12 "
         "ARP[0].hwdst=02:00:00:00:0a:01 ARP[0].pdst=192.0.2.11"},
        {"udp", vm_ip / udp(68, 67) / payload(300),
         "IP[0].proto=17 IP[0].len=328 UDP[0].sport=68 UDP[0].dport=67 UDP[0].len=308"},
        {"udp odd", vm_ip / udp(68, 67) / payload(301), "IP[0].len=329 UDP[0].len=309"},
        {"udp empty", vm_ip / udp(1, 2), "IP[0].len=28 UDP[0].len=8"},
        {"udp big", vm_ip / udp(1000, 2000) / payload(8972, 200), "IP[0].len=9000"},
        {"udp6", vm_ip6 / udp(546, 547) / payload(33),
         "Ether[0].type=34525 IPv6[0].src=2001:db8:2::12 IPv6[0].dst=2001:db8:2::11 IPv6[0].nh=17 "
         "IPv6[0].hlim=64 IPv6[0].plen=41 UDP[0].sport=546 UDP[0].dport=547"},
        {"tcp syn",
         vm_ip / tcp(40000, 80, {.flags = kSyn, .seq = 0xdeadbeef, .ack = 0, .mss = 1460}),
         "IP[0].proto=6 IP[0].len=44 TCP[0].sport=40000 TCP[0].dport=80 TCP[0].flags=S "
         "TCP[0].seq=3735928559 TCP[0].dataofs=6 TCP[0].options=[('MSS',1460)]"},
        {"tcp data",
         vm_ip / tcp(80, 40000, {.flags = kAck | kPsh, .seq = 9, .ack = 8, .window = 1234}) /
             payload(1447),
         "TCP[0].flags=PA TCP[0].seq=9 TCP[0].ack=8 TCP[0].window=1234 TCP[0].dataofs=5"},
        {"tcp options",
         vm_ip / tcp(80, 40000, {.flags = kSyn | kAck, .mss = 9000, .options = {1, 3, 3, 7}}),
         "TCP[0].flags=SA TCP[0].options=[('MSS',9000),('NOP',None),('WScale',7)]"},
        {"tcp6", vm_ip6 / tcp(1, 2, {.flags = kFin | kAck | kEce | kCwr}) / payload(5),
         "IPv6[0].nh=6 TCP[0].flags=FAEC"},
        {"echo request", vm_ip / icmp_echo_request({.id = 77, .sequence = 5}) / payload(57),
         "IP[0].proto=1 ICMP[0].type=8 ICMP[0].code=0 ICMP[0].id=77 ICMP[0].seq=5"},
        {"echo reply", vm_ip / icmp_echo_reply({.id = 77, .sequence = 6}) / payload(56),
         "ICMP[0].type=0 ICMP[0].id=77 ICMP[0].seq=6"},
        {"echo6 request", vm_ip6 / icmpv6_echo_request({.id = 3, .sequence = 4}) / payload(9),
         "IPv6[0].nh=58 ICMPv6[0].type=128 ICMPv6[0].id=3 ICMPv6[0].seq=4"},
        {"echo6 reply", vm_ip6 / icmpv6_echo_reply({.id = 3, .sequence = 4}) / payload(8),
         "ICMPv6[0].type=129 ICMPv6[0].id=3 ICMPv6[0].seq=4"},
        {"frag needed", vm_ip / icmp_frag_needed(1458) / cut(ipv4(kVmA, kVmB) / udp(1, 2), 28),
         "ICMP[0].type=3 ICMP[0].code=4 ICMP[0].nexthopmtu=1458 IPerror[0].src=192.0.2.11 "
         "UDPerror[0].dport=2"},
        {"packet too big", vm_ip6 / icmpv6_packet_too_big(1438) / ipv6(kVmA, kVmB) / udp(1, 2),
         "ICMPv6[0].type=2 ICMPv6[0].code=0 ICMPv6[0].mtu=1438 IPerror6[0].src=2001:db8:2::11"},
        {"all ipv4 fields",
         vm_frame() /
             ipv4(kVmB, kVmA,
                  {.ttl = 1, .tos = 0xbb, .id = 0xfffe, .df = false, .options = {0x94, 4, 0, 0}}) /
             udp(7, 9) / payload(2),
         "IP[0].ttl=1 IP[0].tos=187 IP[0].id=65534 IP[0].flags= IP[0].ihl=6 IP[0].len=34"},
        {"first fragment",
         vm_frame() / ipv4(kVmB, kVmA, {.id = 9, .df = false, .more_fragments = true}) /
             payload(64),
         "IP[0].flags=MF IP[0].frag=0 IP[0].id=9"},
        {"later fragment",
         vm_frame() / ipv4(kVmB, kVmA, {.id = 9, .df = false, .frag_offset = 8, .protocol = 47}) /
             payload(64),
         "IP[0].flags= IP[0].frag=8 IP[0].proto=47"},
        {"all ipv6 fields",
         vm_frame() /
             ipv6(kVmB, kVmA, {.hop_limit = 1, .traffic_class = 0xb9, .flow_label = 0xfedcb}) /
             udp(1, 2),
         "IPv6[0].hlim=1 IPv6[0].tc=185 IPv6[0].fl=1043915 IPv6[0].version=6"},
        {"ipv6 fragment",
         vm_frame() / ipv6(kVmB, kVmA) /
             ipv6_fragment(
                 {.frag_offset = 3, .more_fragments = true, .id = 0x01020304, .next_header = 17}) /
             payload(24),
         "IPv6[0].nh=44 IPv6ExtHdrFragment[0].nh=17 IPv6ExtHdrFragment[0].offset=3 "
         "IPv6ExtHdrFragment[0].m=1 IPv6ExtHdrFragment[0].id=16909060"},
        {"ipv4 in ipv4", vm_ip / ipv4(kHostA, kHostB) / udp(1, 2) / payload(4),
         "IP[0].proto=4 IP[1].src=198.18.0.1 IP[1].proto=17"},
        {"ipv6 in ipv4", vm_ip / ipv6(kHostA, kHostB) / udp(1, 2) / payload(4),
         "IP[0].proto=41 IPv6[0].src=2001:db8:1::1 IPv6[0].nh=17"},
        {"gre of ipv4", tunnel({.checksum = true}) / ipv4(kVmB, kVmA) / udp(1, 2),
         "GRE[0].proto=2048 IP[1].src=192.0.2.12"},
        {"gre of ipv6", tunnel({.key = 1}) / ipv6(kVmB, kVmA) / udp(1, 2),
         "GRE[0].proto=34525 GRE[0].key=1 IPv6[0].src=2001:db8:2::12"},
        {"gre version and flags", tunnel({.flags_extra = 0x00f8, .version = 2}) / vm_ip / udp(1, 2),
         "GRE[0].flags=31 GRE[0].version=2 GRE[0].recursion_control=0 GRE[0].proto=25944"},
        {"gre in gre",
         tunnel({.key = 5, .checksum = true}) / vm_ip / gre({.checksum = true}) / eth(kVmC, kVmD) /
             payload(21),
         "IP[1].proto=47 GRE[1].proto=25944 Ether[2].src=02:00:00:00:0a:03"},
        {"vlan",
         vm_frame() / vlan(100, {.pcp = 5, .dei = true}) / ipv4(kVmB, kVmA) / udp(1, 2) /
             payload(3),
         "Ether[0].type=33024 Dot1Q[0].vlan=100 Dot1Q[0].prio=5 Dot1Q[0].dei=1 Dot1Q[0].type=2048"},
        {"service vlan",
         vm_frame() / vlan(4094, {.tpid = 0x88a8}) / vlan(1) / ipv6(kVmB, kVmA) / udp(1, 2),
         "Ether[0].type=34984 Dot1AD[0].vlan=4094 Dot1AD[0].type=33024 Dot1Q[0].vlan=1 "
         "Dot1Q[0].type=34525"},
        {"padded", padded(vm_ip / udp(1, 2) / payload(1)),
         "IP[0].len=29 UDP[0].len=9 Padding[0].load=" + std::string(34, '0')},
        {"dhcp broadcast through the tunnel",
         tunnel({.key = 7}) / eth(kVmB, kBroadcast) /
             ipv4(ip(0, 0, 0, 0), kIpBroadcast, {.df = false}) / udp(1068, 1067) / payload(301),
         "GRE[0].key=7 Ether[1].dst=ff:ff:ff:ff:ff:ff IP[1].src=0.0.0.0 IP[1].dst=255.255.255.255"},
    };
}

// Every mix of C, K and S, over both underlays, with no, one and two tags, even and odd.
std::vector<Case> tunnel_cases() {
    std::vector<Case> cases;
    for (unsigned mix = 0; mix < 8; ++mix) {
        for (const bool over_ipv6 : {false, true}) {
            for (unsigned tags = 0; tags < 3; ++tags) {
                for (const std::size_t size : {1400u, 1401u}) {
                    GreOptions options{.checksum = (mix & 1) != 0};
                    std::string fields = "GRE[0].chksum_present=" + std::to_string(mix & 1) +
                                         " GRE[0].key_present=" + std::to_string(mix >> 1 & 1) +
                                         " GRE[0].seqnum_present=" + std::to_string(mix >> 2 & 1) +
                                         " ";
                    if ((mix & 1) != 0) fields += "GRE[0].offset=0 ";
                    if ((mix & 2) != 0) {
                        options.key = 4294967294;
                        fields += "GRE[0].key=4294967294 ";
                    }
                    if ((mix & 4) != 0) {
                        options.sequence = 16909060;
                        fields += "GRE[0].sequence_number=16909060 ";
                    }

                    Packet inner = vm_frame();
                    if (tags > 0) {
                        inner = inner / vlan(200, {.pcp = 7});
                        fields += "Ether[1].type=33024 Dot1Q[0].vlan=200 Dot1Q[0].prio=7 ";
                    }
                    if (tags > 1) {
                        inner = inner / vlan(2);
                        fields += "Dot1Q[0].type=33024 Dot1Q[1].vlan=2 Dot1Q[1].type=2048 ";
                    }
                    inner = inner / ipv4(kVmB, kVmA) / tcp(5001, 5201) / payload(size);
                    fields += "TCP[0].sport=5001 TCP[0].dport=5201 ";

                    const std::string name = "mix " + std::to_string(mix) +
                                             (over_ipv6 ? " ipv6" : " ipv4") + " tags " +
                                             std::to_string(tags) + " size " + std::to_string(size);
                    if (over_ipv6) {
                        cases.push_back(
                            {name,
                             eth(kGateway, kHostA) / ipv6(kHostB, kHostA) / ipv6_encap_limit() /
                                 gre(options) / inner,
                             fields + "IPv6[0].src=2001:db8:1::2 IPv6[0].dst=2001:db8:1::1 "
                                      "IPv6[0].nh=60 IPv6ExtHdrDestOpt[0].nh=47 GRE[0].proto=25944 "
                                      "IP[0].src=192.0.2.12"});
                    } else {
                        cases.push_back(
                            {name, tunnel(options) / inner, fields + kOuter + "IP[1].proto=6"});
                    }
                }
            }
        }
    }
    return cases;
}

TEST(Scapy, ReadsEveryLayerAndComputesTheSameChecksums) {
    const Verdict verdict = ask_scapy(layer_cases());
    EXPECT_EQ(verdict.status, 0) << verdict.output << "(install python3-scapy if it is missing)";
    EXPECT_THAT(verdict.output, HasSubstr("checked " + std::to_string(layer_cases().size()) + " "));
}

TEST(Scapy, ReadsEveryTunnelMixAndComputesTheSameChecksums) {
    const Verdict verdict = ask_scapy(tunnel_cases());
    EXPECT_EQ(verdict.status, 0) << verdict.output << "(install python3-scapy if it is missing)";
    // Inner TCP and IP each; half of them GRE; half of them outer IPv4.
    EXPECT_THAT(verdict.output, HasSubstr("checked 96 packets, 288 checksums"));
}

// The controls: the check above is worth something only if it finds these.
struct Wrong {
    std::string name;
    Packet packet;
    std::string field;  // what scapy must object to, and nothing else
};

class ScapyObjects : public testing::TestWithParam<Wrong> {};

TEST_P(ScapyObjects, ToAWrongChecksum) {
    const Verdict verdict = ask_scapy({{"control", GetParam().packet, ""}});
    EXPECT_EQ(verdict.status, 1);
    EXPECT_THAT(verdict.output, AllOf(HasSubstr("control: " + GetParam().field + " is 0x"),
                                      HasSubstr("checked 1 packets")));
    EXPECT_EQ(std::count(verdict.output.begin(), verdict.output.end(), '\n'), 2) << verdict.output;
}

INSTANTIATE_TEST_SUITE_P(
    Controls, ScapyObjects,
    testing::Values(
        Wrong{"OuterIp",
              eth(kGateway, kHostA) / ipv4(kHostB, kHostA, {.checksum = 0xae79}) / gre() /
                  vm_frame() / payload(4),
              "IP[0].chksum"},
        Wrong{"InnerIp", tunnel() / vm_frame() / ipv4(kVmB, kVmA, {.checksum = 1}) / payload(4),
              "IP[1].chksum"},
        Wrong{"Gre", tunnel({.checksum = 1}) / vm_frame() / payload(5), "GRE[0].chksum"},
        Wrong{"Udp", vm_frame() / ipv4(kVmB, kVmA) / udp(1, 2, {.checksum = 1}) / payload(5),
              "UDP[0].chksum"},
        Wrong{"UdpOverIpv6", tunnel() / vm_frame() / ipv6(kVmB, kVmA) / udp(1, 2, {.checksum = 1}),
              "UDP[0].chksum"},
        Wrong{"Tcp", vm_frame() / ipv4(kVmB, kVmA) / tcp(1, 2, {.checksum = 1}) / payload(5),
              "TCP[0].chksum"},
        Wrong{"Icmp", vm_frame() / ipv4(kVmB, kVmA) / icmp_echo_request({.checksum = 1}),
              "ICMP[0].chksum"},
        Wrong{"Icmpv6", vm_frame() / ipv6(kVmB, kVmA) / icmpv6_echo_request({.checksum = 1}),
              "ICMPv6[0].cksum"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Scapy, ObjectsToAWrongLength) {
    const Verdict verdict =
        ask_scapy({{"control", vm_frame() / ipv4(kVmB, kVmA) / udp(1, 2, {.length = 9}), ""}});
    EXPECT_EQ(verdict.status, 1);
    EXPECT_THAT(verdict.output, HasSubstr("control: UDP[0].len is 0x9, scapy says 0x8\n"));
}

TEST(Scapy, ObjectsToAFieldThatIsNotAsMeant) {
    const Verdict verdict =
        ask_scapy({{"control", tunnel({.key = 7}) / vm_frame() / payload(46), "GRE[0].key=8"}});
    EXPECT_EQ(verdict.status, 1);
    EXPECT_THAT(verdict.output, HasSubstr("control: GRE[0].key is 8, scapy says 7\n"));
}

TEST(Scapy, ObjectsToALayerThatIsNotThere) {
    const Verdict verdict = ask_scapy({{"control", vm_frame() / payload(46), "GRE[0].key=8"}});
    EXPECT_EQ(verdict.status, 1);
    EXPECT_THAT(verdict.output, HasSubstr("control: no GRE[0], scapy sees "));
}

}  // namespace
}  // namespace xgre::test
