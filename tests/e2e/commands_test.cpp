// SPDX-License-Identifier: GPL-2.0-only
// The commands that join two hosts, as an operator types them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "loader/process.h"
#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

// What `xgre WORDS` said on stderr. Fails the test when the command fails.
std::string xgre_at(const Host& host, const std::string& words) {
    const Ended ended =
        xgre::run({{"sh", "-c",
                    fmt::format("exec {} --instance {} --netns {} {}", XGRE_BINARY,
                                host.session().instance, *host.session().netns, words)},
                   nullptr},
                  std::chrono::seconds{20});
    EXPECT_EQ(ended.status, 0) << words << ": " << ended.diagnostics;
    return ended.diagnostics;
}

// case S08
TEST(TypedCommands, JoinTwoHostsAndSayWhatIsThereAlready) {
    Lab lab;
    const VmOptions options{.with_address = true, .mtu = 1500 - 42};
    const Vm& a1 = lab.vm('a', "a1", kVmA, options);
    const Vm& b1 = lab.vm('b', "b1", kVmB, options);
    for (const auto& [letter, vm] : {std::pair{'a', &a1}, std::pair{'b', &b1}}) {
        const Host& host = lab.host(letter);
        const Host& other = lab.host(letter == 'a' ? 'b' : 'a');
        const std::string port = fmt::format("port add {} --network lan", vm->port());
        const std::string peer = fmt::format("peer add {} --network lan", other.address());
        xgre_at(host, fmt::format("attach uplink0 --local {}", host.address()));
        xgre_at(host, "network add lan --key 7");
        EXPECT_EQ(xgre_at(host, port), "");
        EXPECT_EQ(xgre_at(host, peer), "");
        EXPECT_THAT(xgre_at(host, port), testing::HasSubstr("nothing changed"));
        EXPECT_THAT(xgre_at(host, peer), testing::HasSubstr("nothing changed"));
    }

    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 1 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 1 << 20));

    xgre_at(lab.host('b'), "detach --all");
    EXPECT_FALSE(a1.netns().try_run("ping -n -q -c 1 -W 1 192.0.2.12"));
}

}  // namespace
}  // namespace xgre::test
