// SPDX-License-Identifier: GPL-2.0-only
// What uplink_xdp decapsulates and hands to uplink_tc by way of GRO: it must reach its port and
// never the host, and only what uplink_xdp marked is taken for it.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

// An XDP program that puts `metadata` in front of every frame and passes it on.
Fd metadata_writer(const xgre_metadata& metadata) {
    constexpr int kSize = sizeof(xgre_metadata);
    std::array<std::int32_t, kSize / 4> words{};
    std::memcpy(words.data(), &metadata, sizeof(metadata));
    std::vector<bpf_insn> code;
    const auto emit = [&code](int opcode, int dst, int src, int offset, std::int32_t immediate) {
        bpf_insn insn{};
        insn.code = static_cast<std::uint8_t>(opcode);
        insn.dst_reg = static_cast<std::uint8_t>(dst & 0xf);
        insn.src_reg = static_cast<std::uint8_t>(src & 0xf);
        insn.off = static_cast<std::int16_t>(offset);
        insn.imm = immediate;
        code.push_back(insn);
    };
    const int words_to_skip = static_cast<int>(words.size());
    emit(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
    emit(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, -kSize);
    emit(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_xdp_adjust_meta);
    emit(BPF_LDX | BPF_MEM | BPF_W, 2, 6, offsetof(xdp_md, data_meta), 0);
    emit(BPF_LDX | BPF_MEM | BPF_W, 3, 6, offsetof(xdp_md, data), 0);
    emit(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0);
    emit(BPF_ALU64 | BPF_ADD, 4, 0, 0, kSize);  // of a constant: BPF_K is zero
    emit(BPF_JMP | BPF_JGT | BPF_X, 4, 3, words_to_skip, 0);
    for (int i = 0; i < words_to_skip; ++i)
        emit(BPF_ST | BPF_MEM | BPF_W, 2, 0, 4 * i, words.at(static_cast<std::size_t>(i)));
    emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS);
    emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    Fd program{bpf_prog_load(BPF_PROG_TYPE_XDP, "metadata_writer", "GPL", code.data(), code.size(),
                             nullptr)};
    if (!program.is_open())
        throw Error::from_errno("metadata_writer", "load", errno, "see the kernel's log");
    return program;
}

class Handover : public DatapathTest {
protected:
    Handover() {
        learn(1, kVmA, a.owner());
        set_port_flags(a, a.flags | XGRE_PORT_OFFLOADS);
    }
    static Packet segment(MacAddress to = kVmA) {
        return eth(kVmB, to) / ipv4(kVmB, kVmA) / tcp(40000, 80) / payload(500);
    }
    xgre_metadata expected_metadata() const {
        xgre_metadata metadata{};
        metadata.magic = XGRE_METADATA_MAGIC ^ datapath().uplink().find(0)->cookie;
        metadata.network = 1;
        metadata.port = a.index();
        metadata.peer = 1;
        metadata.header_len = 14 + 20 + 20;
        return metadata;
    }
    // As if uplink_xdp had handed a frame over with `metadata`.
    void attach_forged(const xgre_metadata& metadata) {
        const Fd writer = metadata_writer(metadata);
        attach_tc(wire().index(), datapath().program("uplink_tc"));
        attach_xdp(wire().index(), writer.get(), Hooks::generic_xdp);
    }
};

// case A05
TEST_F(Handover, LeavesTheInnerTcpFrameToTcWithWhatItNeedsToDeliverIt) {
    const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, segment()));
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_PACKET_EQ(result.packet, segment());
    ASSERT_TRUE(result.metadata);
    const xgre_metadata expected = expected_metadata();
    EXPECT_EQ(result.metadata->magic, expected.magic);
    EXPECT_EQ(result.metadata->network, expected.network);
    EXPECT_EQ(result.metadata->port, expected.port);
    EXPECT_EQ(result.metadata->peer, expected.peer);
    EXPECT_EQ(result.metadata->header_len, expected.header_len);
    EXPECT_EQ(counts(), Counts{});  // TC counts it
    EXPECT_EQ(owner(1, kVmB), peer_owner(1));
}

TEST_F(Handover, KnowsTheHeaderLengthOfEveryTcpThatGroMerges) {
    const auto header_len = [&](const Packet& inner) {
        const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, inner));
        return result.metadata ? result.metadata->header_len : 0;
    };
    learn(1, kVmA, a.owner(), 5);
    const Packet front = eth(kVmB, kVmA);
    EXPECT_EQ(header_len(front / ipv4(kVmB, kVmA) / tcp(1, 2, {.options = Bytes(12, 1)})),
              14u + 20 + 32);
    EXPECT_EQ(header_len(front / ipv6(kVmB, kVmA) / tcp(1, 2) / payload(9)), 14u + 40 + 20);
    EXPECT_EQ(header_len(front / vlan(5) / ipv4(kVmB, kVmA) / tcp(1, 2) / payload(9)),
              18u + 20 + 20);
    // GRO leaves these alone, so they go straight to the port.
    EXPECT_EQ(header_len(front / ipv4(kVmB, kVmA) / udp(1, 2) / payload(9)), 0u);
    EXPECT_EQ(header_len(front / ipv4(kVmB, kVmA, {.options = {1, 1, 1, 1}}) / tcp(1, 2)), 0u);
    EXPECT_EQ(
        header_len(front / ipv4(kVmB, kVmA, {.df = false, .more_fragments = true}) / tcp(1, 2)),
        0u);
    EXPECT_EQ(header_len(front / vlan(5) / vlan(6) / ipv4(kVmB, kVmA) / tcp(1, 2)), 0u);
    EXPECT_EQ(header_len(front / arp_request(kVmB, kVmB, kVmA)), 0u);
    EXPECT_EQ(counts(), (Counts{{"uplink_xdp to-port", 5}}));
}

TEST_F(Handover, IsForEveryFrameToAPortThatXdpCannotSendInto) {
    set_port_flags(a, 0);
    const Packet inner = frame(kVmB, kVmA);
    const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, inner));
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_PACKET_EQ(result.packet, inner);
    ASSERT_TRUE(result.metadata);
    EXPECT_EQ(result.metadata->header_len, 0u);
}

class HandoverLive : public Handover, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(HandoverLive);

// case A05
TEST_P(HandoverLive, DeliversToThePortAndCountsOnce) {
    attach(GetParam());
    ASSERT_TRUE(wire().send(tunnel(kHostB, segment())));
    expect_got(a, {segment()});
    expect_got(c, {});
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT).bytes, segment().size());
    EXPECT_EQ(peer_traffic(1).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).rx_bytes, segment().size());
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
    EXPECT_EQ(port_traffic(a).tx_bytes, segment().size());
}

// case V01
TEST_P(HandoverLive, DeliversATaggedFrameWithItsTag) {
    learn(1, kVmA, a.owner(), 5);
    attach(GetParam());
    const Packet inner = eth(kVmB, kVmA) / vlan(5, {.pcp = 6, .dei = true}) / ipv4(kVmB, kVmA) /
                         tcp(40000, 80) / payload(500);
    ASSERT_TRUE(wire().send(tunnel(kHostB, inner)));
    expect_got(a, {inner});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT).bytes, inner.size());
}

// An inner frame to the host's own MAC and address, for which a VM may ask, is the VM's.
TEST_P(HandoverLive, NeverReachesTheHostThoughItIsAddressedToTheHost) {
    learn(1, kHostA, a.owner());
    attach(GetParam());
    const Packet syn =
        eth(kVmB, kHostA) / ipv4(kHostB, kHostA) / tcp(40000, 22, {.flags = kSyn}) / payload(0);
    ASSERT_TRUE(
        wire().send(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / tcp(40000, 22, {.flags = kSyn})));
    EXPECT_EQ(wire().received().size(), 1u);  // the host would refuse it with a reset
    ASSERT_TRUE(wire().send(tunnel(kHostB, syn)));
    expect_on_wire({});
    expect_got(a, {syn});
}

// case S07
TEST_F(Handover, IsNotBelievedWithAWrongCookie) {
    xgre_metadata metadata = expected_metadata();
    metadata.magic ^= 1;
    attach_forged(metadata);
    ASSERT_TRUE(wire().send(segment(kHostA)));
    expect_got(a, {});
    EXPECT_EQ(counts(), Counts{});
}

// case S07
TEST_F(Handover, IsNotBelievedWithTheMagicAlone) {
    xgre_metadata metadata = expected_metadata();
    metadata.magic = XGRE_METADATA_MAGIC;
    attach_forged(metadata);
    ASSERT_TRUE(wire().send(segment(kHostA)));
    expect_got(a, {});
    EXPECT_EQ(counts(), Counts{});
}

TEST_F(Handover, IsDeliveredByItsMetadata) {
    attach_forged(expected_metadata());
    ASSERT_TRUE(wire().send(segment(kHostC)));
    expect_got(a, {segment(kHostC)});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
}

// case E01
TEST_F(Handover, ToAPortThatVanishedOnTheWayIsADrop) {
    attach_forged(expected_metadata());
    datapath().redirect().erase(a.index());
    ASSERT_TRUE(wire().send(segment()));
    expect_got(a, {});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc port-gone", 1}}));
    EXPECT_EQ(port_traffic(a).tx_packets, 0u);
}

// case L06
TEST_F(Handover, ToAPortThatChangedItsNetworkOnTheWayIsADrop) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    xgre_metadata metadata = expected_metadata();
    metadata.port = other.index();
    attach_forged(metadata);
    ASSERT_TRUE(wire().send(segment(kHostA)));
    expect_got(other, {});
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc port-gone", 1}}));
}

}  // namespace
}  // namespace xgre::test
