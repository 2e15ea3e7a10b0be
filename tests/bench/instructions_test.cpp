// SPDX-License-Identifier: GPL-2.0-only
// What `scripts/bench --instructions --check` says to figures beside those that are kept.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/fd.h"
#include "bench/process.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kRoom = XGRE_SOURCE_DIR "/bench/instructions/";

json kept() {
    return json::parse(std::ifstream{kRoom + "figures.json"});
}

// Empty when the figures pass, else what is said about them.
std::string complaint_about(const json& figures) {
    std::string path = std::filesystem::temp_directory_path() / "xgre-figures-XXXXXX";
    const Fd file{mkstemp(path.data())};
    std::ofstream{path} << figures;
    std::string complaint;
    try {
        run({kRoom + "measure", "--check", "--from", path});
    } catch (const Error& error) {
        complaint = error.what();
    }
    std::filesystem::remove(path);
    return complaint;
}

// Of the way of counting that --check takes.
json& counted(json& figures) {
    return figures["processors"]["max"];
}

void multiply(json& figure, double factor) {
    figure = figure.get<double>() * factor;
}

TEST(KeptInstructions, PassThemselves) {
    EXPECT_EQ(complaint_about(kept()), "");
}

TEST(KeptInstructions, MayBeExceededByTwoPercentAndNotByFour) {
    for (const char* row : {"frame", "tcp"}) {
        for (const char* peer : {"xgre", "xgre-tc"}) {
            json figures = kept();
            multiply(counted(figures)[row][peer], 1.02);
            EXPECT_EQ(complaint_about(figures), "") << row << " " << peer;
            multiply(counted(figures)[row][peer], 1.02);
            EXPECT_THAT(complaint_about(figures), HasSubstr("RISEN")) << row << " " << peer;
        }
    }
}

TEST(KeptInstructions, AreKeptOfEachProgramToo) {
    json figures = kept();
    multiply(counted(figures)["programs"]["xgre"]["uplink_xdp"]["instructions"], 1.04);
    const std::string complaint = complaint_about(figures);
    EXPECT_THAT(complaint, HasSubstr("uplink_xdp"));
    EXPECT_THAT(complaint, HasSubstr("scripts/bench --instructions --keep"));
}

TEST(KeptInstructions, AreWantedOfAProgramThatIsNew) {
    json figures = kept();
    counted(figures)["programs"]["xgre"]["new_xdp"] = {{"instructions", 10}, {"runs", 1.0}};
    EXPECT_THAT(complaint_about(figures), HasSubstr("not kept yet"));
}

TEST(KeptInstructions, AreNotWantedOfAProgramThatFewFramesMeet) {
    json figures = kept();
    counted(figures)["programs"]["xgre"]["port_tc"] = {{"instructions", 3326}, {"runs", 0.06}};
    EXPECT_EQ(complaint_about(figures), "");
}

TEST(KeptInstructions, OfOtherPeersMayRise) {
    json figures = kept();
    multiply(counted(figures)["frame"]["bridge"], 2);
    EXPECT_EQ(complaint_about(figures), "");
}

TEST(KeptInstructions, MayFall) {
    json figures = kept();
    multiply(counted(figures)["frame"]["xgre"], 0.5);
    EXPECT_EQ(complaint_about(figures), "");
}

}  // namespace
}  // namespace xgre::bench
