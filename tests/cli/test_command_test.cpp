// SPDX-License-Identifier: GPL-2.0-only
// `xgre test` and `xgre peer probe`: what they print, and their exit codes.
#include <gmock/gmock.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;

class TestCommand : public Host {
protected:
    TestCommand() { set_up_lan(); }

    static std::vector<Json> lines_of(const std::string& text) {
        std::vector<Json> lines;
        std::istringstream stream{text};
        for (std::string line; std::getline(stream, line);)
            lines.push_back(Json::parse(line));
        return lines;
    }
};

TEST_F(TestCommand, PassesWithALineForEachPortAndPeer) {
    const Json before = state();
    const Outcome outcome = xgre("test --no-probes");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("port tap0: "));
    EXPECT_THAT(outcome.out, HasSubstr("peer 198.18.0.2 of network lan: "));
    EXPECT_THAT(outcome.out, HasSubstr(" by uplink_"));
    EXPECT_THAT(outcome.out, HasSubstr(" 0 failed"));
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(state(), before);
}

TEST_F(TestCommand, ShowsEachCheckWithAll) {
    const Outcome outcome = xgre("test --no-probes --all");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("passed  ARP from tap0 to peer 198.18.0.2"));
    EXPECT_THAT(outcome.out, HasSubstr("passed  another key"));
}

// Nobody is at the other end of the wire.
TEST_F(TestCommand, FailsWhereAPeerDoesNotAnswer) {
    const Outcome outcome = xgre("test --json");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    const auto checks = lines_of(outcome.out);
    ASSERT_GT(checks.size(), 10u);
    const Json& last = checks.back();
    EXPECT_EQ(last["object"], "peer 198.18.0.2 of network lan");
    EXPECT_EQ(last["result"], "failed");
    EXPECT_EQ(last["found"], "0 of 3 answered; the host does not answer pings either");
    for (std::size_t i = 0; i + 1 < checks.size(); ++i)
        EXPECT_NE(checks[i]["result"], "failed") << checks[i];
}

TEST_F(TestCommand, WritesJUnitsXml) {
    const Outcome outcome = xgre("test --junit");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    // Read by another program.
    const Outcome read =
        run({"python3", "-c",
             "import sys, xml.etree.ElementTree as tree\n"
             "suite = tree.fromstring(sys.argv[1].split('?>', 1)[1])\n"
             "cases = suite.findall('testcase')\n"
             "assert int(suite.get('tests')) == len(cases) > 10\n"
             "assert int(suite.get('failures')) == len(suite.findall('.//failure')) == 1\n"
             "assert all(case.get('name') and case.get('classname') for case in cases)\n",
             outcome.out});
    EXPECT_EQ(read.exit, 0) << read;
}

TEST_F(TestCommand, TestsAPortThatIsBoundToItsLeases) {
    must("port add tap0 --network lan --lease-bound");
    const Outcome outcome = xgre("test --no-probes --all");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("an IPv4 address that it has no lease of"));
}

TEST_F(TestCommand, KnowsLockedAndIsolatedPorts) {
    must("port add tap0 --network lan --locked --isolated");
    must("port add tap1 --network lan --isolated");
    const Outcome outcome = xgre("test --no-probes --all");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("a MAC that is not its own"));
}

TEST_F(TestCommand, RefusesTwoFormatsAndAnInstanceThatIsNotThere) {
    EXPECT_EQ(xgre("test --junit --json").exit, 2);
    must("detach --all");
    const Outcome gone = xgre("test");
    EXPECT_EQ(gone.exit, 1);
    EXPECT_TRUE(is_error_line(gone.err)) << gone;
}

TEST_F(TestCommand, ProbesAPeerThatIsSilent) {
    const Outcome outcome = xgre("peer probe -c 1 --timeout 0.1");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("the host is silent, too"));
    const Outcome json = xgre("peer probe 198.18.0.2 -c 2 --timeout 0.1 --interval 0.1 --json");
    EXPECT_EQ(json.exit, 1);
    const Json all = Json::parse(json.out);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0]["sent"], 2);
    EXPECT_EQ(all[0]["answered"], 0);
    EXPECT_EQ(all[0]["state"], "down");
    EXPECT_EQ(all[0]["host_answers"], false);
    EXPECT_TRUE(all[0]["rtt_mean_ms"].is_null());
    EXPECT_EQ(this->json("peer show")[0]["state"], "down");
    EXPECT_EQ(this->json("peer show")[0]["unanswered"], 3);
}

TEST_F(TestCommand, RefusesProbesOfNoPeer) {
    for (const char* words : {"peer probe 198.18.0.99", "peer probe --network nowhere",
                              "peer probe -c 0", "peer probe --mtu 45", "peer probe --mtu x"}) {
        const Outcome outcome = xgre(words);
        EXPECT_NE(outcome.exit, 0) << words;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
        EXPECT_EQ(outcome.out, "");
    }
}

}  // namespace
}  // namespace xgre::test
