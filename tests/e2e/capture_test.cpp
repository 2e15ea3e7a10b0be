// SPDX-License-Identifier: GPL-2.0-only
// Who captures sees each frame at both sides and what became of it; who does not is not noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "loader/datapath.h"
#include "loader/pins.h"
#include "tests/e2e/tap_host.h"
#include "xgre/capture.h"
#include "xgre/doctor.h"
#include "xgre/error.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Seen {
    std::string device;
    bool leaves = false;
    std::string verdict;
    std::string text;
    Packet packet;

    bool operator==(const Seen& other) const {
        return device == other.device && leaves == other.leaves && packet == other.packet;
    }
};

void PrintTo(const Seen& seen, std::ostream* out) {
    *out << seen.device << (seen.leaves ? " out " : " in ") << seen.text << "\n";
    PrintTo(seen.packet, out);
}

class CaptureOfAHost : public ::testing::Test {
protected:
    CaptureOfAHost() {
        host.build(TapHost::attach_spec());
        host.must_xgre("port add vm1 --network lan --static " + text_of_mac(kVmC));
        host.must_xgre("port add vm2 --network lan --static " + text_of_mac(kVmD));
    }

    static std::string text_of_mac(const Station& station) {
        return Mac{station.mac.bytes}.format();
    }

    void start(const CaptureSpec& spec = {}) {
        capture.reset();
        capture.emplace(xgre::Capture::start(host.session(), spec));
    }

    std::vector<Seen> seen() {
        std::vector<Seen> all;
        capture->finish([&all](const CapturedPacket& packet) {
            EXPECT_EQ(packet.length, packet.bytes.size());
            all.push_back({packet.device, packet.leaves, packet.verdict, packet.text,
                           Packet::from_bytes(packet.bytes)});
        });
        return all;
    }

    std::uint32_t flags() const {
        return Datapath::open(pins::directory(host.session().instance)).uplink().find(0)->flags;
    }

    bool doctor_notes_it() const {
        const auto findings = examine(host.session(), {.time = std::chrono::milliseconds{0}});
        return std::ranges::any_of(findings, [](const Finding& finding) {
            return finding.check == "watched" && finding.severity == Severity::note;
        });
    }

    void wait_until_watched() const {
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while ((flags() & XGRE_UPLINK_WATCHED) == 0) {
            ASSERT_LT(std::chrono::steady_clock::now(), patience);
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
    }

    TapHost host;
    std::optional<xgre::Capture> capture;
};

const Packet kToB = eth(kVmA, kVmB) / payload(60, 1);
const Packet kFromB = eth(kVmB, kVmA) / payload(60, 2);

TEST_F(CaptureOfAHost, ShowsBothSidesOfAFrameToAPeer) {
    start();
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    const std::vector<Packet> sent = host.take(TapHost::kWire);
    ASSERT_EQ(sent.size(), 1U);
    const std::vector<Seen> all = seen();
    EXPECT_THAT(
        all, ElementsAre(Seen{"vm0", false, "", "", kToB}, Seen{"wire0", true, "", "", sent[0]}));
    EXPECT_THAT(all.at(0).text, HasSubstr("to-peer 198.18.0.2, network lan"));
    EXPECT_EQ(capture->totals().frames, 1U);
    EXPECT_EQ(capture->totals().lost, 0U);
}

TEST_F(CaptureOfAHost, ShowsBothSidesOfAFrameFromAPeerByXdpAndByTc) {
    const Packet to_d = eth(kVmB, kVmD) / payload(60, 3);
    start();
    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(kFromB)));
    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(to_d)));
    const std::vector<Seen> all = seen();
    EXPECT_THAT(all, ElementsAre(Seen{"wire0", false, "", "", from_host_b(kFromB)},
                                 Seen{"vm0", true, "", "", kFromB},
                                 Seen{"wire0", false, "", "", from_host_b(to_d)},
                                 Seen{"vm2", true, "", "", to_d}));
    EXPECT_THAT(all.at(0).text, HasSubstr("to-port vm0, from peer 198.18.0.2, network lan"));
}

TEST_F(CaptureOfAHost, SaysWhyAFrameWasDropped) {
    const Packet unknown = eth(kHostC, kHostA) / ipv4(kHostC, kHostA) / gre({.key = 7}) / kFromB;
    start();
    ASSERT_TRUE(host.send(TapHost::kWire, unknown));
    const std::vector<Seen> all = seen();
    ASSERT_THAT(all, ElementsAre(Seen{"wire0", false, "", "", unknown}));
    EXPECT_EQ(all[0].verdict, "unknown-peer");
    EXPECT_THAT(all[0].text, HasSubstr("dropped, unknown-peer: no peer has this source and key"));
}

TEST_F(CaptureOfAHost, OfDropsAloneShowsNothingElse) {
    const Packet to_itself = eth(kVmA, kVmA) / payload(60, 4);
    start({.drops = true});
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    ASSERT_TRUE(host.send(TapHost::kVm0, to_itself));
    const std::vector<Seen> all = seen();
    ASSERT_THAT(all, ElementsAre(Seen{"vm0", false, "", "", to_itself}));
    EXPECT_EQ(all[0].verdict, "same-port");

    start({.drops = true, .reason = "locked"});
    ASSERT_TRUE(host.send(TapHost::kVm0, to_itself));
    EXPECT_THAT(seen(), IsEmpty());
}

TEST_F(CaptureOfAHost, PutsATagBackThatIsOutsideTheBytes) {
    const Packet tagged = eth(kVmD, kVmB) / vlan(5) / payload(60, 5);
    start();
    ASSERT_TRUE(host.send(TapHost::kVm2, tagged));
    const std::vector<Seen> all = seen();
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all[0].packet, tagged);
}

TEST_F(CaptureOfAHost, TakesOnlyWhatItIsAskedFor) {
    struct Case {
        CaptureSpec spec;
        std::size_t frames;
    };
    const std::string of_b = "ether host " + text_of_mac(kVmB);
    const std::vector<Case> cases{
        {{.port = "vm0"}, 2},
        {{.port = "vm2"}, 0},
        {{.peer = IpAddr::parse("198.18.0.2")}, 2},
        {{.network = "lan"}, 3},
        {{.filter = "proto gre"}, 2},
        {{.filter = of_b}, 3},  // inside the tunnel packet, too
        {{.filter = "arp"}, 0},
    };
    for (const Case& one : cases) {
        start(one.spec);
        ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
        ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(kFromB)));
        ASSERT_TRUE(host.send(TapHost::kVm1, eth(kVmB, kVmC) / payload(60, 6)));
        seen();
        EXPECT_EQ(capture->totals().frames, one.frames)
            << one.spec.port.value_or("") << one.spec.network.value_or("") << one.spec.filter;
    }
}

TEST_F(CaptureOfAHost, ShowsAFloodedFrameToWhoLooksAtOneOfItsTargets) {
    const Packet call = eth(kVmA, kBroadcast) / payload(60, 7);
    for (const CaptureSpec& spec :
         {CaptureSpec{.port = "vm2"}, CaptureSpec{.peer = IpAddr::parse("198.18.0.2")}}) {
        start(spec);
        ASSERT_TRUE(host.send(TapHost::kVm0, call));
        EXPECT_THAT(seen(), ElementsAre(Seen{"vm0", false, "", "", call}));
    }
}

TEST_F(CaptureOfAHost, CountsWhatIsAboveTheRate) {
    start({.rate = 100});  // ten in a tenth of a second
    for (int i = 0; i < 60; ++i)
        ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    seen();
    const CaptureTotals totals = capture->totals();
    EXPECT_EQ(totals.frames + totals.over, 60U);
    EXPECT_GT(totals.over, 0U);
    EXPECT_GE(totals.frames, 10U);
}

TEST_F(CaptureOfAHost, LosesNothingWithoutSayingSo) {
    constexpr std::uint64_t kFrames = 20'000;
    const Packet large = eth(kVmA, kVmB) / payload(1300, 8);
    start();
    // Nobody reads meanwhile: it is more than there is room for.
    for (std::uint64_t i = 0; i < kFrames; ++i)
        ASSERT_TRUE(host.send(TapHost::kVm0, large));
    std::uint64_t unknown = 0;
    capture->finish([&](const CapturedPacket& packet) { unknown += packet.verdict == "unknown"; });
    const CaptureTotals totals = capture->totals();
    EXPECT_GT(totals.lost, 0U);
    EXPECT_EQ(totals.frames + totals.lost - unknown, kFrames);
}

TEST_F(CaptureOfAHost, OfAHundredThousandFramesASecondEachIsInTheFileOrCounted) {
    constexpr std::uint64_t kFrames = 200'000;
    constexpr std::uint64_t kAtOnce = 100;
    const std::filesystem::path path =
        std::filesystem::path{::testing::TempDir()} / (host.session().instance + ".pcapng");
    std::thread sender{[this] {
        while ((flags() & XGRE_UPLINK_CAPTURED) == 0)
            std::this_thread::yield();
        const auto begin = std::chrono::steady_clock::now();
        for (std::uint64_t sent = 0; sent < kFrames; ++sent) {
            if (sent % kAtOnce == 0)
                std::this_thread::sleep_until(begin + sent * std::chrono::microseconds{10});
            host.send(TapHost::kVm0, kToB);
        }
    }};
    const Ended ended =
        host.xgre(fmt::format("capture -c {} --seconds 30 -w {}", kFrames, path.string()));
    sender.join();
    std::filesystem::remove(path);
    std::uint64_t captured = 0;
    std::uint64_t lost = 0;
    ASSERT_EQ(std::sscanf(ended.diagnostics.c_str(), "xgre: %lu frames captured, %lu lost",
                          &captured, &lost),
              2)
        << ended.diagnostics;
    fmt::print("100000 frames a second: {} captured, {} lost and counted\n", captured, lost);
    EXPECT_LE(captured, kFrames);
    EXPECT_GE(captured + lost, kFrames);  // one whose end alone was lost is both
}

TEST_F(CaptureOfAHost, FramesOfTwoCpusAreInTheOrderOfTime) {
    constexpr int kFrames = 20'000;
    // The clock that is told is made of two readings, which are not of one moment.
    constexpr std::chrono::milliseconds kClocks{2};
    std::atomic<int> busy{2};
    const auto send = [&](unsigned cpu, std::string_view from, const Packet& frame) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(cpu % std::thread::hardware_concurrency(), &cpus);
        sched_setaffinity(0, sizeof(cpus), &cpus);
        for (int i = 0; i < kFrames; ++i)
            host.send(from, frame);
        --busy;
    };
    start();
    std::thread one{send, 0U, TapHost::kVm0, kToB};
    std::thread other{send, 1U, TapHost::kVm1, eth(kVmC, kVmB) / payload(60, 3)};
    std::chrono::nanoseconds before{0};
    std::chrono::nanoseconds most{0};
    const auto look = [&](const CapturedPacket& packet) {
        if (packet.leaves) return;
        most = std::max(most, before - packet.time);
        before = packet.time;
    };
    while (busy != 0)
        capture->read(std::chrono::milliseconds{10}, look);
    one.join();
    other.join();
    capture->finish(look);
    EXPECT_LT(most, kClocks);
    // One whose end alone was lost is both.
    EXPECT_GE(capture->totals().frames + capture->totals().lost, 2U * kFrames);
}

TEST_F(CaptureOfAHost, LeavesNothingBehind) {
    const std::string before = host.state();
    start();
    EXPECT_NE(flags() & XGRE_UPLINK_CAPTURED, 0U);
    EXPECT_FALSE(doctor_notes_it());
    capture.reset();
    EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U);
    EXPECT_EQ(host.state(), before);
}

TEST_F(CaptureOfAHost, IsOneAtATime) {
    start();
    const Ended second = host.xgre("capture --seconds 1");
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.diagnostics, HasSubstr("another `xgre capture` watches it; end process " +
                                              std::to_string(getpid())));
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    EXPECT_EQ(seen().size(), 2U);
}

TEST_F(CaptureOfAHost, OneThatWasKilledIsForgottenByTheNextChange) {
    const pid_t killed = fork();
    if (killed == 0) {
        const auto of_child = xgre::Capture::start(host.session(), {});
        raise(SIGKILL);
    }
    ASSERT_EQ(waitpid(killed, nullptr, 0), killed);
    EXPECT_NE(flags() & XGRE_UPLINK_CAPTURED, 0U);
    ASSERT_TRUE(host.carries_traffic());
    EXPECT_TRUE(doctor_notes_it());
    host.must_xgre("network add other --key 8");
    EXPECT_FALSE(doctor_notes_it());
    EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U);
}

// Runs a command line of the shell with our words as "$@", and waits until the flag is set.
class Watching {
public:
    Watching(const TapHost& host, const std::string& shell, const std::string& words)
        : pid_{spawn(host, shell, words)} {}
    pid_t pid() const { return pid_; }
    // As the shell has it: 128 + the signal that ended it.
    int wait() const {
        int status = 0;
        EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

private:
    static pid_t spawn(const TapHost& host, const std::string& shell, const std::string& words) {
        std::vector<std::string> argv{"bash", "-c", shell, "bash"};
        std::ranges::move(host.command(words), std::back_inserter(argv));
        std::vector<char*> raw;
        for (std::string& word : argv)
            raw.push_back(word.data());
        raw.push_back(nullptr);
        const pid_t pid = fork();
        if (pid != 0) return pid;
        execvp(raw[0], raw.data());
        _exit(127);
    }

    pid_t pid_ = 0;
};

constexpr const char* kAlone = "exec \"$@\" >/dev/null 2>&1";

TEST_F(CaptureOfAHost, NoSignalLeavesTheFlagSet) {
    for (const std::string words : {"capture", "capture -w -", "monitor"})
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            const Watching watching{host, kAlone, words};
            wait_until_watched();
            kill(watching.pid(), signal);
            EXPECT_EQ(watching.wait(), 0) << words << " " << signal;
            EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U) << words << " " << signal;
        }
}

TEST_F(CaptureOfAHost, UnderNohupAHangUpIsIgnored) {
    const Watching watching{host, "trap '' HUP; exec \"$@\" >/dev/null 2>&1", "capture"};
    wait_until_watched();
    kill(watching.pid(), SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    EXPECT_NE(flags() & XGRE_UPLINK_WATCHED, 0U);
    kill(watching.pid(), SIGTERM);
    EXPECT_EQ(watching.wait(), 0);
}

// As with any command whose reader goes, but for what was switched on.
TEST_F(CaptureOfAHost, AReaderThatGoesEndsItQuietly) {
    constexpr int kBrokenPipe = 128 + SIGPIPE;
    const std::filesystem::path said =
        std::filesystem::path{::testing::TempDir()} / (host.session().instance + ".said");
    const std::string shell =
        fmt::format("\"$@\" 2>{} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}", said.string());
    for (const std::string words : {"capture", "capture -w -", "capture --json", "monitor"}) {
        const Watching watching{host, shell, words};
        wait_until_watched();
        // The reader goes with what this makes; after that nothing is written.
        ASSERT_TRUE(host.send(TapHost::kVm0, eth(kVmA, kVmA) / payload(60, 9)));
        EXPECT_EQ(watching.wait(), kBrokenPipe) << words;
        EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U) << words;
        EXPECT_EQ(std::filesystem::file_size(said), 0U) << words;
    }
    std::filesystem::remove(said);
}

TEST_F(CaptureOfAHost, SaysSoWhenTheInstanceIsAttachedAnew) {
    start();
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    host.must_xgre("detach --all");
    host.build(TapHost::attach_spec());
    std::size_t packets = 0;
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    try {
        while (std::chrono::steady_clock::now() < patience)
            capture->read(std::chrono::milliseconds{20}, [&](const CapturedPacket&) { ++packets; });
        ADD_FAILURE() << "it goes on";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("it was detached and attached anew; start `xgre capt"));
    }
    EXPECT_EQ(packets, 2U);
}

TEST_F(CaptureOfAHost, LeavesTheFlagToWhoCapturesAnInstanceThatWasAttachedAnew) {
    start();
    host.must_xgre("detach --all");
    host.build(TapHost::attach_spec());
    {
        const auto other = xgre::Capture::start(host.session(), {});
        EXPECT_THROW(seen(), Error);
        capture.reset();
        EXPECT_NE(flags() & XGRE_UPLINK_CAPTURED, 0U);
    }
    EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U);
}

TEST_F(CaptureOfAHost, GoesOnAfterAnUpgrade) {
    start();
    host.must_xgre("attach wire0 --local 198.18.0.1 --upgrade");
    // Longer than from one look at the instance to the next.
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{1200};
    while (std::chrono::steady_clock::now() < end)
        capture->read(std::chrono::milliseconds{20}, [](const CapturedPacket&) {});
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    EXPECT_EQ(seen().size(), 2U);
}

TEST_F(CaptureOfAHost, AFileIsReadByTshark) {
    const std::filesystem::path path =
        std::filesystem::path{::testing::TempDir()} / (host.session().instance + ".pcapng");
    start();
    ASSERT_TRUE(host.send(TapHost::kVm0, kToB));
    ASSERT_TRUE(host.send(TapHost::kVm0, eth(kVmA, kVmA) / payload(60, 9)));
    {
        PcapngFile file{path};
        capture->finish([&file](const CapturedPacket& packet) { file.add(packet); });
        file.flush();
    }
    const std::string read =
        output_of("tshark -r " + path.string() +
                  " -T fields -E separator='|' -e frame.interface_name"
                  " -e frame.packet_flags_direction -e frame.comment -e gre.key 2>/dev/null");
    std::filesystem::remove(path);
    EXPECT_EQ(read,
              "vm0|0x00000001|port_xdp: to-peer 198.18.0.2, network lan|\n"
              "wire0|0x00000002|port_xdp: to-peer 198.18.0.2, network lan|0x00000007\n"
              "vm0|0x00000001|port_xdp: dropped, same-port: destination is behind the port it came "
              "from, network lan|\n");
}

TEST_F(CaptureOfAHost, AFullDiskIsSaid) {
    const Ended ended = host.xgre("capture --seconds 5 -w /dev/full");
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.diagnostics, HasSubstr("/dev/full: write: No space left on device"));
    EXPECT_EQ(flags() & XGRE_UPLINK_WATCHED, 0U);
}

TEST_F(CaptureOfAHost, RefusesWhatIsNotThere) {
    for (const auto& [words, part] : std::vector<std::pair<std::string, std::string>>{
             {"capture --port nope", "port nope: there is none"},
             {"capture --peer 198.18.0.9", "peer 198.18.0.9: there is none"},
             {"capture --network nope", "network nope"},
             {"capture --drop nope", "give one of truncated"},
             {"capture --filter icpm", "filter 'icpm'"},
             {"capture -w /nowhere/x", "/nowhere/x: open"}}) {
        const Ended ended = host.xgre(words);
        EXPECT_EQ(ended.status, 1) << words;
        EXPECT_THAT(ended.diagnostics, HasSubstr(part));
    }
}

}  // namespace
}  // namespace xgre::test
