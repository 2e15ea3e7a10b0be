// SPDX-License-Identifier: GPL-2.0-only
// `xgre profile` as an operator and a script see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ProfileCommand : public Host {
protected:
    void SetUp() override { set_up_lan(); }

    std::vector<std::string> arguments(std::vector<std::string> words) const {
        const auto before = globals();
        words.insert(words.begin(), before.begin(), before.end());
        return words;
    }
};

TEST_F(ProfileCommand, SaysWhatIsMeasuredAndWhatToDo) {
    const Outcome outcome = xgre("profile --seconds 0.1");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    for (const char* part : {"instance ", "NS/RUN", "uplink_xdp", "uplink0", "tap0", "NETWORKING",
                             "fdb: no frame was looked up", "WHAT TO DO", "no frame of a network"})
        EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(ProfileCommand, AsJsonIsOneObjectWithAllOfIt) {
    const Json profile = json("profile --seconds 0.1");
    EXPECT_EQ(profile.at("instance"), instance);
    EXPECT_GE(profile.at("seconds").get<double>(), 0.1);
    EXPECT_EQ(profile.at("frames"), 0);
    EXPECT_EQ(profile.at("fast_share"), nullptr);
    EXPECT_EQ(profile.at("programs").size(), 6U);
    for (const Json& program : profile.at("programs")) {
        for (const char* field :
             {"program", "runs", "runs_per_second", "ns_per_run", "cores", "frames", "dropped",
              "flooded", "copies", "copies_per_flooded", "frames_by_cpu"})
            EXPECT_TRUE(program.contains(field)) << field;
    }
    ASSERT_EQ(profile.at("devices").size(), 2U);
    EXPECT_EQ(profile.at("devices")[0].at("role"), "uplink");
    EXPECT_EQ(profile.at("devices")[1].at("device"), "tap0");
    EXPECT_EQ(profile.at("devices")[1].at("lost_after"), 0);
    EXPECT_EQ(profile.at("devices")[1].at("cores"), 0);
    EXPECT_EQ(profile.at("devices")[1].at("ns_per_frame"), nullptr);
    EXPECT_EQ(profile.at("missed"), Json::array());
    EXPECT_EQ(profile.at("fdb").at("known_share"), nullptr);
    EXPECT_FALSE(profile.at("cpus").empty());
    EXPECT_EQ(profile.at("advice")[0].at("id"), "no-frames");
    EXPECT_EQ(profile.at("verdicts"), json("stats").at("verdicts"));
}

TEST_F(ProfileCommand, LiveAsJsonIsOneObjectALine) {
    const Outcome outcome = xgre("--json profile --live --seconds 0.1 --count 3");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    std::istringstream lines{outcome.out};
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        EXPECT_EQ(Json::parse(line).at("instance"), instance);
    EXPECT_EQ(count, 3);
}

TEST_F(ProfileCommand, LiveWithoutATerminalIsOneBlockAfterTheOther) {
    const Outcome outcome = xgre("profile --live --seconds 0.1 --count 2");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    const std::size_t first = outcome.out.find("instance " + instance);
    const std::size_t second = outcome.out.find("instance " + instance, first + 1);
    EXPECT_EQ(first, 0U);
    EXPECT_NE(second, std::string::npos);
    EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(ProfileCommand, StagesSayWhatTheyCost) {
    const Json stages = json("profile --seconds 0.2 --stages --rate 500").at("stages");
    EXPECT_EQ(stages.at("rate"), 500);
    for (const char* field : {"cpus", "samples", "lost", "ns_per_sample", "cost", "in_programs",
                              "after_programs", "other_networking", "other_kernel", "steps"})
        EXPECT_TRUE(stages.contains(field)) << field;
    EXPECT_FALSE(stages.at("other_build").get<bool>());
    const Outcome outcome = xgre("profile --seconds 0.1 --stages");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("stages: "));
    EXPECT_THAT(outcome.out, HasSubstr("a second on each of"));
    EXPECT_FALSE(json("profile --seconds 0.1").contains("stages"));
}

TEST_F(ProfileCommand, WritesStacksAsAPictureOrAsText) {
    const std::string directory = ::testing::TempDir() + instance;
    ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
    const std::string picture = directory + "/flame.svg";
    const std::string text = directory + "/flame.folded";
    EXPECT_EQ(xgre("profile --seconds 0.2 --flame " + picture).exit, 0);
    EXPECT_EQ(xgre("profile --seconds 0.2 --flame " + text).exit, 0);
    std::stringstream svg;
    svg << std::ifstream{picture}.rdbuf();
    EXPECT_THAT(svg.str(), testing::StartsWith("<?xml"));
    EXPECT_THAT(svg.str(), HasSubstr("xgre instance " + instance));
    EXPECT_TRUE(std::ifstream{text});
    std::filesystem::remove_all(directory);
}

TEST_F(ProfileCommand, AFileThatCannotBeWrittenIsSaidBeforeAnythingIsMeasured) {
    const Outcome outcome = xgre("profile --seconds 1000 --flame /nowhere/x.svg");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr("/nowhere/x.svg"));
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
}

TEST_F(ProfileCommand, ReplaysACapture) {
    // One broadcast of 60 bytes, as tcpdump writes it.
    const std::string path = ::testing::TempDir() + instance + ".pcap";
    const std::array<std::uint32_t, 10> words{0xa1b2c3d4, 2 | 4 << 16, 0, 0,  65535,
                                              1,          0,           0, 60, 60};
    std::string frame(60, '\0');
    frame.replace(0, 12, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01", 12);
    std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(words.data()),
                                                sizeof(words))
        << frame;
    const Json result = json("profile --seconds 0.1 --replay " + path + " --as tap0");
    EXPECT_EQ(result.at("device"), "tap0");
    EXPECT_EQ(result.at("frames"), 1);
    for (const char* field : {"role", "cut", "too_large", "left_out", "rounds", "ns_per_frame",
                              "ns_of_measuring", "other_build"})
        EXPECT_TRUE(result.contains(field)) << field;
    ASSERT_EQ(result.at("kinds").size(), 1U);
    const Json& kind = result.at("kinds")[0];
    EXPECT_EQ(kind.at("kind"), "EtherType 0x0000 broadcast");
    EXPECT_EQ(kind.at("verdict"), "flooded");
    EXPECT_GT(kind.at("ns").get<double>(), 0);
    const Outcome outcome = xgre("profile --seconds 0.1 --replay " + path + " --as tap0");
    EXPECT_THAT(outcome.out, HasSubstr("1 frames as if received by port tap0"));
    EXPECT_THAT(outcome.out, HasSubstr("XDP-NS"));
    std::filesystem::remove(path);
}

TEST_F(ProfileCommand, ACaptureThatCannotBeReadIsRefused) {
    const Outcome outcome = xgre("profile --replay /nowhere/x.pcap");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr("/nowhere/x.pcap"));
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
}

TEST_F(ProfileCommand, EndsByCtrlC) {
    RunningXgre live{arguments({"profile", "--live", "--seconds", "0.1"})};
    EXPECT_THAT(live.line(), HasSubstr("instance " + instance));
    EXPECT_EQ(live.end_by(SIGINT), 0);
}

TEST_F(ProfileCommand, RefusesWhatItCannotMeasure) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"profile --seconds 0", "--seconds"},
        {"profile --seconds -1", "--seconds"},
        {"profile --seconds x", "--seconds"},
        {"profile --seconds 1 --seconds 2", "given 2 times"},
        {"profile --live --count 0", "--count"},
        {"profile --count 2", "--live"},
        {"profile --flame x.png", ".svg or .folded"},
        {"profile --flame x.svg --live", "--live"},
        {"profile --stages --rate 0", "--rate"},
        {"profile --rate 100", "--rate"},
        {"profile --as tap0", "--replay"},
        {"profile --replay x.pcap --live", "--live"},
        {"profile --replay x.pcap --stages", "--stages"},
        {"profile uplink0", "uplink0"},
    };
    for (const auto& [words, part] : cases) {
        const Outcome outcome = xgre(words);
        EXPECT_EQ(outcome.exit, 2) << words << outcome;
        EXPECT_THAT(outcome.out, IsEmpty()) << words;
        EXPECT_THAT(outcome.err, HasSubstr(part)) << words;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    }
}

TEST_F(ProfileCommand, OfNoInstanceIsRefused) {
    must("detach --all");
    const Outcome outcome = xgre("profile --seconds 0.1");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr("xgre attach UPLINK"));
}

TEST_F(ProfileCommand, WithoutPrivilegeIsRefused) {
    std::vector<std::string> argv{"setpriv", "--bounding-set=-all", XGRE_BINARY};
    for (const std::string& word : arguments({"profile", "--seconds", "0.1"}))
        argv.push_back(word);
    const Outcome outcome = run(argv);
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("root"));
}

}  // namespace
}  // namespace xgre::test
