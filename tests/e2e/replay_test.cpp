// SPDX-License-Identifier: GPL-2.0-only
// `xgre profile --replay`: what becomes of captured frames, and that the instance does not notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/capture_file.h"
#include "loader/frame_label.h"
#include "tests/e2e/tap_host.h"
#include "xgre/error.h"
#include "xgre/replay.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint32_t kEthernet = 1;  // LINKTYPE_ETHERNET
constexpr std::uint32_t kRawIp = 101;   // LINKTYPE_RAW

// A file as tcpdump writes it; gone with the object.
class Pcap {
public:
    explicit Pcap(std::uint32_t link_type = kEthernet)
        : path_{fmt::format("{}xgre-{}-{}.pcap", ::testing::TempDir(), getpid(), ++made())},
          file_{path_, std::ios::binary} {
        word(0xa1b2c3d4);
        word(2 | 4 << 16);
        word(0);
        word(0);
        word(65535);
        word(link_type);
    }
    Pcap(const Pcap&) = delete;
    Pcap& operator=(const Pcap&) = delete;
    ~Pcap() { std::filesystem::remove(path_); }

    // `whole`: the length on the wire, when the capture has less of it.
    Pcap& add(const Packet& frame, std::optional<std::uint32_t> whole = {}) {
        const auto size = static_cast<std::uint32_t>(frame.size());
        word(0);
        word(0);
        word(size);
        word(whole.value_or(size));
        file_.write(reinterpret_cast<const char*>(frame.data()), size);
        file_ << std::flush;
        return *this;
    }
    // Something that is no frame.
    Pcap& damage() {
        file_ << "damaged" << std::flush;
        return *this;
    }
    const std::string& path() const { return path_; }

private:
    static int& made() {
        static int count = 0;
        return count;
    }
    void word(std::uint32_t value) {
        file_.write(reinterpret_cast<const char*>(&value), sizeof(value));
        file_ << std::flush;
    }

    std::string path_;
    std::ofstream file_;
};

std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

// ---- Files and labels -----------------------------------------------------------------------

TEST(CaptureFileTest, HasWholeFramesOnly) {
    const Packet frame = eth(kVmA, kVmB) / payload(46);
    Pcap pcap;
    pcap.add(frame).add(frame, 1000).add(frame).add(frame);
    const CaptureFile capture = CaptureFile::read(pcap.path(), 2);
    ASSERT_THAT(capture.frames, SizeIs(2));
    EXPECT_EQ(capture.frames[0], frame.bytes());
    EXPECT_EQ(capture.cut, 1U);
    EXPECT_EQ(capture.left_out, 1U);
}

TEST(CaptureFileTest, WhatIsNoCaptureOfEthernetIsRefused) {
    const auto read = [](const std::string& path) {
        return error_of([&] { CaptureFile::read(path, 10); });
    };
    EXPECT_THAT(read("/nowhere/x.pcap"), HasSubstr("/nowhere/x.pcap"));
    EXPECT_THAT(read("/dev/null"), HasSubstr("tcpdump -w"));
    const Pcap raw{kRawIp};
    EXPECT_THAT(read(raw.path()), HasSubstr("not of Ethernet"));
    Pcap damaged;
    damaged.add(eth(kVmA, kVmB) / payload(46)).damage();
    EXPECT_THAT(read(damaged.path()), HasSubstr("damaged"));
}

TEST(FrameLabel, SaysWhatAFrameIs) {
    const auto label = [](const Packet& frame) { return label_of(frame.bytes()); };
    EXPECT_EQ(label(eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / tcp(1, 2)), "IPv4 TCP");
    EXPECT_EQ(label(eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2)), "IPv4 UDP");
    EXPECT_EQ(label(eth(kVmA, kBroadcast) / ipv4(kVmA, kVmB) / udp(68, 67)), "IPv4 DHCP broadcast");
    EXPECT_EQ(label(eth(kVmA, kVmB) / vlan(5) / ipv6(kVmA, kVmB) / udp(1, 2)), "VLAN IPv6 UDP");
    EXPECT_EQ(label(eth(kVmA, kVmB) / payload(46)), "EtherType 0x88b5");
}

TEST(FrameLabel, OfAPacketFromTheWireIsThatOfTheFrameInside) {
    const Ip4Addr local = value_of(kHostA);
    const auto label = [local](const Packet& packet) {
        return label_of_arrival(packet.bytes(), {local});
    };
    const Packet inner = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(1, 2);
    EXPECT_EQ(label(from_host_b(inner)), "tunnel: IPv4 TCP");
    EXPECT_EQ(label(to_host_b(inner)), "host: IPv4 GRE");
    EXPECT_EQ(label(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / udp(1, 2)), "host: IPv4 UDP");
}

TEST(FrameLabel, HoldsAtEveryLength) {
    const Packet packet = from_host_b(eth(kVmB, kVmA) / vlan(5) / ipv4(kVmB, kVmA) / udp(67, 68));
    for (std::size_t length = 0; length <= packet.size(); ++length) {
        const std::vector<std::uint8_t> cut{packet.data(), packet.data() + length};
        EXPECT_THAT(label_of(cut), testing::Not(IsEmpty())) << length;
        EXPECT_THAT(label_of_arrival(cut, {value_of(kHostA)}), testing::Not(IsEmpty())) << length;
    }
}

// ---- Replays --------------------------------------------------------------------------------

class ReplayOnAHost : public testing::Test {
protected:
    void SetUp() override { host.build(TapHost::attach_spec()); }

    Replay run(const Pcap& pcap, std::optional<std::string> device = {}) const {
        ReplaySpec spec;
        spec.capture = pcap.path();
        spec.device = std::move(device);
        spec.time = std::chrono::milliseconds{50};
        return replay(host.session(), spec);
    }
    // The fates, without times: "KIND: PROGRAM VERDICT xFRAMES".
    static std::vector<std::string> fates(const Replay& replay) {
        std::vector<std::string> list;
        for (const FrameKind& kind : replay.kinds)
            list.push_back(
                fmt::format("{}: {} {} x{}", kind.kind, kind.program, kind.verdict, kind.frames));
        std::ranges::sort(list);
        return list;
    }
    // All that counts in the instance, and what it has learned.
    std::string counters() const {
        const Instance instance = Instance::view(host.session());
        const Stats stats = instance.stats();
        std::string text;
        for (const VerdictCount& count : stats.verdicts)
            text += fmt::format("{} {} {} {} {}\n", count.program, count.verdict, count.packets,
                                count.bytes, count.copies);
        for (const NoteCount& note : stats.notes)
            text += fmt::format("{} {}\n", note.name, note.count);
        for (const PortInfo& port : stats.ports)
            text += fmt::format("{} {} {}\n", port.device, port.traffic.rx_packets, port.learned);
        instance.fdb({}, [&text](const FdbInfo& entry) {
            text += fmt::format("{} {} {}\n", entry.mac, entry.vlan, entry.port);
        });
        return text;
    }

    TapHost host;
};

TEST_F(ReplayOnAHost, FramesOfAPortGoTheWayTheyWouldGo) {
    Pcap pcap;
    const Packet known = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(40);
    pcap.add(known).add(known).add(eth(kVmA, kBroadcast) / payload(46));
    pcap.add(eth(kVmA, kVmC) / payload(46));    // nobody knows kVmC
    pcap.add(eth(kVmA, kVmB) / payload(1490));  // too large for the tunnel
    const Replay result = run(pcap, std::string{TapHost::kVm0});
    EXPECT_THAT(fates(result),
                testing::ElementsAre("EtherType 0x88b5 broadcast: port_tc flooded x1",
                                     "EtherType 0x88b5: port_tc flooded x1",
                                     "EtherType 0x88b5: port_tc too-large x1",
                                     "IPv4 UDP: port_xdp to-peer x2"));
    EXPECT_EQ(result.frames, 5U);
    EXPECT_GE(result.rounds, 1U);
    EXPECT_FALSE(result.is_uplink);
    EXPECT_FALSE(result.other_build);
    double frames = 0;
    double time = 0;
    for (const FrameKind& kind : result.kinds) {
        EXPECT_TRUE(kind.xdp_ns) << kind.kind;
        EXPECT_EQ(kind.tc_ns.has_value(), kind.program == "port_tc") << kind.kind;
        frames += kind.share;
        time += kind.time_share;
    }
    EXPECT_NEAR(frames, 1, 1e-9);
    EXPECT_NEAR(time, 1, 1e-9);
}

TEST_F(ReplayOnAHost, FramesFromTheWireGoTheWayTheyWouldGo) {
    Pcap pcap;
    pcap.add(from_host_b(eth(kVmB, kVmA) / payload(46)));
    pcap.add(from_host_b(eth(kVmB, kBroadcast) / payload(46)));
    pcap.add(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 99}) / eth(kVmB, kVmA) /
             payload(46));
    pcap.add(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / udp(1, 2));
    EXPECT_THAT(fates(run(pcap)),
                testing::ElementsAre("host: IPv4 UDP: uplink_tc pass x1",
                                     "tunnel: EtherType 0x88b5 broadcast: uplink_tc flooded x1",
                                     "tunnel: EtherType 0x88b5: uplink_xdp to-port x1",
                                     "tunnel: EtherType 0x88b5: uplink_xdp unknown-peer x1"));
}

TEST_F(ReplayOnAHost, TcpForAPortThatTakesLargeSegmentsIsHandedOver) {
    host.must_xgre("port add vm2 --network lan --static 02:00:00:00:0a:03");
    Pcap pcap;
    pcap.add(from_host_b(eth(kVmB, kVmC) / ipv4(kVmB, kVmC) / tcp(1, 2) / payload(40)));
    EXPECT_THAT(fates(run(pcap)), testing::ElementsAre("tunnel: IPv4 TCP: uplink_xdp handover x1"));
}

TEST_F(ReplayOnAHost, WithoutXdpAllIsTcs) {
    host.must_xgre("detach --all");
    AttachSpec spec = TapHost::attach_spec();
    spec.xdp = XdpUse::off;
    host.build(spec);
    Pcap pcap;
    pcap.add(eth(kVmA, kVmB) / payload(46));
    const Replay result = run(pcap, std::string{TapHost::kVm0});
    ASSERT_THAT(fates(result), testing::ElementsAre("EtherType 0x88b5: port_tc to-peer x1"));
    EXPECT_FALSE(result.kinds[0].xdp_ns);
    EXPECT_TRUE(result.kinds[0].tc_ns);
}

TEST_F(ReplayOnAHost, WhatTheCaptureTeachesIsKnownWhenItIsMeasured) {
    Pcap pcap;
    pcap.add(eth(kVmA, kVmC) / payload(46));  // unknown when it comes first
    pcap.add(eth(kVmC, kVmA) / payload(46));  // ... and behind this port from now on
    const Replay result = run(pcap, std::string{TapHost::kVm0});
    EXPECT_THAT(fates(result), testing::Each(HasSubstr("same-port")));
}

TEST_F(ReplayOnAHost, TheInstanceDoesNotNotice) {
    Pcap pcap;
    for (int i = 0; i < 20; ++i)
        pcap.add(eth(kVmC, kBroadcast) / payload(46)).add(eth(kVmC, kVmB) / payload(46));
    for (const std::string_view device : {TapHost::kWire, TapHost::kVm0})
        host.take(device);
    const std::string state = host.state();
    const std::string counted = counters();
    run(pcap, std::string{TapHost::kVm0});
    EXPECT_EQ(counters(), counted);
    EXPECT_EQ(host.state(), state);
    EXPECT_THAT(host.repairs(), IsEmpty());
    EXPECT_THAT(host.take(TapHost::kWire), IsEmpty());  // no copy has left
    EXPECT_THAT(host.take(TapHost::kVm0), IsEmpty());
    EXPECT_TRUE(host.carries_traffic());
}

TEST_F(ReplayOnAHost, FramesThatTheKernelDoesNotRunAreCounted) {
    Pcap pcap;
    const Packet frame = eth(kVmA, kVmB) / payload(46);
    pcap.add(frame).add(frame, 1000).add(eth(kVmA, kVmB) / payload(60'000));
    const Replay result = run(pcap, std::string{TapHost::kVm0});
    EXPECT_EQ(result.frames, 1U);
    EXPECT_EQ(result.cut, 1U);
    EXPECT_EQ(result.too_large, 1U);
}

TEST_F(ReplayOnAHost, ADeviceThatIsNoPortIsRefused) {
    const Pcap pcap;
    EXPECT_THAT(error_of([&] { run(pcap, "lo"); }), HasSubstr("device lo: is neither"));
}

TEST_F(ReplayOnAHost, ACaptureWithoutAFrameIsRefused) {
    const Pcap pcap;
    EXPECT_THAT(error_of([&] { run(pcap); }), HasSubstr("no frame that can be run"));
}

}  // namespace
}  // namespace xgre::test
