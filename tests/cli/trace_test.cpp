// SPDX-License-Identifier: GPL-2.0-only
// `xgre trace` as an operator and a script see it. That it says what then happens, tests/model
// holds it to.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/datapath.h"
#include "loader/netlink.h"
#include "loader/netns.h"
#include "loader/pins.h"
#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kVmA = "02:00:00:00:0a:01";
constexpr const char* kVmB = "02:00:00:00:0b:01";
constexpr const char* kPeerMac = "02:00:00:00:00:02";

// A VM at the other end of a tap: without one it has no carrier.
Fd plug_in(const std::string& netns, const std::string& tap) {
    const NetnsScope scope = NetnsScope::enter(netns);
    Fd fd{open("/dev/net/tun", O_RDWR | O_CLOEXEC)};
    ifreq request{};
    tap.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    EXPECT_EQ(ioctl(fd.get(), TUNSETIFF, &request), 0) << tap;
    return fd;
}

// Every entry of every map, per-CPU ones too.
std::map<std::string, std::string> content_of(const std::string& instance) {
    std::map<std::string, std::string> content;
    const Datapath datapath = Datapath::open(pins::directory(instance));
    for (const auto& [name, fd] : datapath.maps()) {
        bpf_map_info info{};
        std::uint32_t len = sizeof(info);
        EXPECT_EQ(bpf_obj_get_info_by_fd(fd.get(), &info, &len), 0);
        // The sweep raises it by itself.
        if (name == "generation") continue;
        std::string key(info.key_size, '\0');
        std::string value(
            (info.value_size + 7) / 8 * 8 * static_cast<std::size_t>(libbpf_num_possible_cpus()),
            '\0');
        for (const void* before = nullptr; bpf_map_get_next_key(fd.get(), before, key.data()) == 0;
             before = key.data())
            if (bpf_map_lookup_elem(fd.get(), key.data(), value.data()) == 0)
                content[name] += key + value;
    }
    return content;
}

class TraceCommand : public Host {
protected:
    void SetUp() override {
        set_up_lan();
        must("port add tap1 --network lan");
        tap0_ = plug_in(netns, "tap0");
        tap1_ = plug_in(netns, "tap1");
        ip(fmt::format("neigh add 198.18.0.2 lladdr {} dev uplink0", kPeerMac));
        must(fmt::format("fdb add {} --network lan --port tap1", kVmB));
        must(fmt::format("fdb add {} --network lan --peer 198.18.0.2", kPeerMac));
    }

    Json trace(const std::string& words) const { return json("trace --hex " + words); }

    Fd tap0_;
    Fd tap1_;
};

std::string text_of_step(const Json& trace, const std::string& name) {
    for (const Json& step : trace.at("steps"))
        if (step.at("step") == name) return step.at("text");
    return "";
}

TEST_F(TraceCommand, ABroadcastGoesToEachPortAndPeerAndTheInstanceDoesNotNotice) {
    const auto before = content_of(instance);
    EXPECT_GT(before.size(), 20U);
    const Json got = trace("--from tap0 --type arp --tc");
    EXPECT_EQ(got.at("verdict"), "flooded");
    EXPECT_EQ(got.at("network"), "lan");
    EXPECT_FALSE(got.at("drop").get<bool>());
    ASSERT_EQ(got.at("leaves").size(), 2U) << got;
    EXPECT_EQ(got.at("leaves")[0].at("device"), "tap1");
    EXPECT_EQ(got.at("leaves")[0].at("size"), 60);
    EXPECT_EQ(got.at("leaves")[1].at("peer"), "198.18.0.2");
    EXPECT_EQ(got.at("leaves")[1].at("size"), 102);
    EXPECT_FALSE(got.at("leaves")[1].at("waits").get<bool>());
    EXPECT_EQ(got.at("notes"), Json::array({"learned"}));
    EXPECT_EQ(got.at("tc_alone").at("verdict"), "flooded");
    EXPECT_TRUE(got.at("tc_alone").at("agrees").get<bool>());
    EXPECT_THAT(text_of_step(got, "source"), HasSubstr("would be learned behind port tap0"));
    EXPECT_FALSE(text_of_step(got, "xdp").empty());
    for (const auto& [name, content] : content_of(instance))
        EXPECT_TRUE(content == before.at(name)) << name;
}

TEST_F(TraceCommand, UnicastGoesToItsPortOrPeerByTheFdb) {
    const Json to_port =
        trace(fmt::format("--from tap0 --src {} --dst {} --proto udp --vlan 0", kVmA, kVmB));
    EXPECT_EQ(to_port.at("verdict"), "to-port");
    ASSERT_EQ(to_port.at("leaves").size(), 1U);
    EXPECT_EQ(to_port.at("leaves")[0].at("device"), "tap1");
    EXPECT_THAT(text_of_step(to_port, "destination"), HasSubstr("behind port tap1, static"));

    const Json to_peer = trace(fmt::format("--from tap0 --dst {}", kPeerMac));
    EXPECT_EQ(to_peer.at("verdict"), "to-peer");
    EXPECT_THAT(text_of_step(to_peer, "next-hop"),
                testing::AllOf(HasSubstr(kPeerMac), HasSubstr("1458 of them inside")));
    const Json& leaves = to_peer.at("leaves").at(0);
    EXPECT_EQ(leaves.at("role"), "uplink");
    EXPECT_THAT(leaves.at("bytes"), testing::StartsWith("020000000002"));
    EXPECT_THAT(leaves.at("layers")[2], HasSubstr("key 7"));

    const Outcome words = xgre(fmt::format("trace --from tap0 --dst {} --type ipv4", kPeerMac));
    EXPECT_EQ(words.exit, 0) << words;
    EXPECT_THAT(words.out, HasSubstr("peer 198.18.0.2: 102 bytes"));
}

TEST_F(TraceCommand, ADropHasItsReasonAndTheWayOut) {
    const std::vector<std::pair<std::string, const char*>> cases{
        {fmt::format("--from tap0 --src 01:00:00:00:00:01 --dst {} --type ipv4", kVmB),
         "bad-source"},
        {fmt::format("--from tap1 --src {} --dst {} --type ipv4", kVmA, kVmB), "same-port"},
        {fmt::format("--from tap0 --dst {} --type 0x88b5 --size 1600", kPeerMac), "too-large"},
    };
    for (const auto& [words, verdict] : cases) {
        const Json got = trace(words + " --expect " + verdict);
        EXPECT_EQ(got.at("verdict"), verdict);
        EXPECT_TRUE(got.at("drop").get<bool>());
        EXPECT_FALSE(got.at("way_out").is_null()) << verdict;
        EXPECT_THAT(got.at("leaves"), IsEmpty()) << verdict;
    }
    const Outcome other = xgre("trace --from tap0 --type arp --expect to-peer");
    EXPECT_EQ(other.exit, 1);
    EXPECT_THAT(other.err, HasSubstr("flooded, not to-peer"));
}

// A packet that is too large is answered, by the detour.
TEST_F(TraceCommand, WhatTakesTheDetourIsTracedThroughIt) {
    const Json got =
        trace(fmt::format("--from tap0 --dst {} --proto udp --size 1514 --tc", kPeerMac));
    EXPECT_EQ(got.at("verdict"), "too-large");
    EXPECT_TRUE(got.at("by_detour").get<bool>());
    EXPECT_EQ(got.at("program"), "detour_tc");
    ASSERT_EQ(got.at("leaves").size(), 1U);
    EXPECT_EQ(got.at("leaves")[0].at("device"), "tap0");
    EXPECT_THAT(got.at("leaves")[0].at("layers").back(), HasSubstr("too large, MTU 1458"));
    EXPECT_TRUE(got.at("tc_alone").at("agrees").get<bool>());
}

// Another host on this machine, whose uplink is the far end of ours.
class TraceBetweenHosts : public TraceCommand {
protected:
    void SetUp() override {
        TraceCommand::SetUp();
        create_netns(other);
        ip("link set wire netns " + other);
        for (const std::string& words :
             {std::string{"addr add 198.18.0.2/24 dev wire"}, std::string{"link set wire up"},
              std::string{"link set lo up"}, std::string{"tuntap add tap7 mode tap"},
              std::string{"link set tap7 up"}})
            EXPECT_EQ(run({"sh", "-c", "ip -n " + other + " " + words}).exit, 0) << words;
        on_other("attach wire --local 198.18.0.2");
        on_other("network add lan --key 7");
        on_other("port add tap7 --network lan");
        on_other("peer add 198.18.0.1 --network lan");
        tap7_ = plug_in(other, "tap7");
    }
    void TearDown() override {
        on_other("detach --all");
        tap7_ = {};
        delete_netns(other);
    }
    void on_other(const std::string& words) const {
        const Outcome outcome =
            run({"sh", "-c", fmt::format("{} -i {} -n {} {}", XGRE_BINARY, other, other, words)});
        EXPECT_EQ(outcome.exit, 0) << words << outcome;
    }

    std::string other = netns + "b";
    Fd tap7_;
};

TEST_F(TraceBetweenHosts, GoesOnInThePeersInstanceAsFarAsItsPort) {
    const Json got =
        trace(fmt::format("--from tap0 --dst {} --type ipv4 --expect flooded "
                          "--peer-instance {}",
                          kPeerMac, other));
    EXPECT_EQ(got.at("verdict"), "to-peer");
    ASSERT_EQ(got.at("onward").size(), 1U) << got;
    const Json& onward = got.at("onward")[0];
    EXPECT_EQ(onward.at("instance"), other);
    EXPECT_EQ(onward.at("from_peer"), "198.18.0.1");
    EXPECT_EQ(onward.at("verdict"), "flooded");
    EXPECT_EQ(onward.at("leaves").at(0).at("device"), "tap7");
    EXPECT_EQ(onward.at("leaves")[0].at("size"), 60);

    // What it would get, as bytes: a tunnel packet comes by the uplink without being told so.
    const std::string bytes = got.at("leaves")[0].at("bytes");
    const std::string command =
        fmt::format("{} -i {} -n {} --json trace ", XGRE_BINARY, other, other);
    const std::string to_us = [&] {
        const NetnsScope scope = NetnsScope::enter(other);
        std::string mac = NlSocket::open().get_link("wire").mac.format();
        std::erase(mac, ':');
        return mac + bytes.substr(12);
    }();
    const Outcome whole = run({"sh", "-c", command + to_us});
    ASSERT_EQ(whole.exit, 0) << whole;
    EXPECT_EQ(Json::parse(whole.out).at("verdict"), "flooded");
    std::string other_key = to_us;
    other_key.replace(82, 2, "09");  // the last digit of the key
    const Outcome unknown = run({"sh", "-c", command + other_key});
    ASSERT_EQ(unknown.exit, 0) << unknown;
    EXPECT_EQ(Json::parse(unknown.out).at("verdict"), "unknown-peer");
    EXPECT_THAT(text_of_step(Json::parse(unknown.out), "tunnel"), HasSubstr("no peer 198.18.0.1"));
}

// ---- Bad input --------------------------------------------------------------------------------

TEST_F(TraceCommand, RefusesWhatIsNoFrame) {
    const std::string path = ::testing::TempDir() + instance + ".pcap";
    const auto write = [&path](std::uint32_t link_type) {
        const std::array<std::uint32_t, 10> words{0xa1b2c3d4, 2 | 4 << 16, 0, 0,  65535,
                                                  link_type,  0,           0, 60, 60};
        std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(words.data()),
                                                    sizeof(words))
            << std::string(60, '\x02');
    };
    struct Bad {
        std::string words;
        int exit;
        const char* part;
    };
    const std::vector<Bad> cases{
        {"trace", 2, "there is no frame"},
        {"trace ffff --from tap0", 2, "2 bytes"},
        {"trace fffg --from tap0", 2, "'g' at character 4"},
        {"trace fffff --from tap0", 2, "half a byte"},
        {"trace ffffffffffff0200000000010806 --type arp", 2, "not by both"},
        {"trace ffffffffffff0200000000010806 --number 2", 2, "--number"},
        {"trace --type arp", 2, "--from"},
        {"trace --from tap0 --type ipv4", 2, "--dst"},
        {"trace --from tap0 --src 02:00:00:00:00:01", 2, "--dst"},
        {"trace --from tap0 --type arp --proto udp", 2, "--proto"},
        {"trace --from tap0 --type arp --dport 68", 2, "--dport"},
        {"trace --from tap0 --proto icmp --dst 02:00:00:00:00:01 --dport 68", 2, "no ports"},
        {"trace --from tap0 --proto udp --dst 02:00:00:00:00:01 --icmp-type 8", 2, "--icmp-type"},
        {"trace --from tap0 --icmp-type 256 --dst 02:00:00:00:00:01", 2, "--icmp-type"},
        {"trace --from tap0 --dport 65536 --dst 02:00:00:00:00:01", 2, "--dport"},
        {"trace --from tap0 --type arp --size 70000", 2, "--size"},
        {"trace --from tap0 --type arp --expect lost", 2, "--expect"},
        {"trace --from tap0 --type 0x12345", 2, "--type"},
        {"trace /nowhere/x.pcap", 1, "/nowhere/x.pcap"},
        {"trace " + path + " --number 2 --from tap0", 1, "no frame 2"},
    };
    write(1);
    const Json before = state();
    for (const Bad& bad : cases) {
        const Outcome outcome = xgre(bad.words);
        EXPECT_EQ(outcome.exit, bad.exit) << bad.words << outcome;
        EXPECT_THAT(outcome.out, IsEmpty()) << bad.words;
        EXPECT_THAT(outcome.err, HasSubstr(bad.part)) << bad.words;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    }
    write(101);
    EXPECT_THAT(xgre("trace " + path).err, HasSubstr("not of Ethernet"));
    std::filesystem::remove(path);
    EXPECT_EQ(state(), before);
}

TEST_F(TraceCommand, SaysWhatGuardsOfAPortDoToWhatTheyAreFor) {
    ASSERT_EQ(xgre("port add tap0 --network lan --dhcp-guard on --ra-guard on").exit, 0);
    const std::string to = fmt::format("--from tap0 --dst {} ", kPeerMac);
    const Json offer = trace(to + "--dport 68");
    EXPECT_EQ(offer.at("verdict"), "dhcp-guard");
    EXPECT_THAT(text_of_step(offer, "udp"), HasSubstr("> 68"));
    EXPECT_EQ(trace(to + "--dport 67").at("verdict"), "to-peer");
    EXPECT_EQ(trace(to + "--proto tcp --dport 68").at("verdict"), "to-peer");
    EXPECT_EQ(trace(to + "--type ipv6 --icmp-type 134").at("verdict"), "ra-guard");
    EXPECT_EQ(trace(to + "--type ipv6 --icmp-type 133").at("verdict"), "to-peer");
}

// These are found out when the stand-in is there.
TEST_F(TraceCommand, RefusesADeviceThatFramesDoNotComeBy) {
    for (const auto& [words, exit, part] : std::vector<std::tuple<const char*, int, const char*>>{
             {"trace ffffffffffff0200000000010806", 2, "--from"},
             {"trace --from wire --type arp", 1, "wire"},
             {"trace --from uplink0 --type arp", 1, "uplink"},
             {"trace --from tap0 --type arp --size 20", 1, "size 20"},
             {"trace --from tap0 --type arp --peer-instance nobody", 1, "nobody"}}) {
        const Outcome outcome = xgre(words);
        EXPECT_EQ(outcome.exit, exit) << words << outcome;
        EXPECT_THAT(outcome.err, HasSubstr(part)) << words;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    }
}

}  // namespace
}  // namespace xgre::test
