// SPDX-License-Identifier: GPL-2.0-only
// What `xgre doctor` prints, and how it exits. What it finds is tested in tests/loader and
// tests/e2e.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class DoctorCommand : public Host {};

TEST_F(DoctorCommand, ExaminesTheHostWithoutAnInstance) {
    const Outcome outcome = xgre("doctor --seconds 0");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, HasSubstr("note     instance " + instance + ": not attached"));
    EXPECT_THAT(outcome.out, HasSubstr("\n0 problems, "));
}

TEST_F(DoctorCommand, TellsOnAskingWhatIsFine) {
    set_up_lan();
    const Outcome brief = xgre("doctor --seconds 0");
    EXPECT_EQ(brief.exit, 0) << brief;
    EXPECT_THAT(brief.out, Not(HasSubstr("ok       ")));
    const Outcome all = xgre("doctor --seconds 0 --all");
    EXPECT_EQ(all.exit, 0) << all;
    EXPECT_THAT(all.out, HasSubstr("ok       uplink uplink0: up, with a carrier (carrier)"));
}

TEST_F(DoctorCommand, ExitsWithOneForAProblemAndTellsItFirst) {
    set_up_lan();
    ip("link set tap0 down");
    const Outcome outcome = xgre("doctor --seconds 0");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(
        outcome.out.starts_with("problem  port tap0: the device is set down (carrier)\n"
                                "         `nsenter --net=/run/netns/" +
                                netns + " ip link set tap0 up`\n"))
        << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("\n1 problem, "));
}

TEST_F(DoctorCommand, MendsByTheCommandThatItNames) {
    set_up_lan();
    ip("link set tap0 down");
    const Outcome sick = xgre("doctor --seconds 0");
    const auto begin = sick.out.find('`') + 1;
    const std::string command = sick.out.substr(begin, sick.out.find('`', begin) - begin);
    EXPECT_EQ(run({"sh", "-c", command}).exit, 0) << command;
    EXPECT_EQ(xgre("doctor --seconds 0").exit, 0);
}

TEST_F(DoctorCommand, PrintsJsonWithEverything) {
    set_up_lan();
    ip("link set tap0 down");
    const Outcome outcome = xgre("doctor --json --seconds 0.1");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    const Json json = Json::parse(outcome.out, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << outcome.out;
    EXPECT_EQ(json.at("instance"), instance);
    EXPECT_EQ(json.at("problems"), 1);
    const Json& findings = json.at("findings");
    EXPECT_EQ(findings.at(0).at("severity"), "problem");
    EXPECT_EQ(findings.at(0).at("check"), "carrier");
    EXPECT_EQ(findings.at(0).at("object"), "port tap0");
    const auto severity = [](const Json& finding) { return finding.at("severity"); };
    EXPECT_GT(std::ranges::count(findings, "ok", severity), 10);
    for (const Json& finding : findings)
        EXPECT_EQ(finding.at("way_out").is_null(), finding.at("severity") == "ok") << finding;
}

TEST_F(DoctorCommand, ExitsWithTwoWhenItCannotLook) {
    const Outcome outcome = run_xgre({"--netns", "no-such-host", "doctor"});
    EXPECT_EQ(outcome.exit, 2) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
}

}  // namespace
}  // namespace xgre::test
