// SPDX-License-Identifier: GPL-2.0-only
// Who gets a copy, and who must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Flood : public testing::TestWithParam<Path> {};

INSTANTIATE_TEST_SUITE_P(, Flood, testing::Values(Path::tc, Path::xdp),
                         [](const auto& test) { return test.param == Path::tc ? "Tc" : "Xdp"; });

// case L03
TEST_P(Flood, ABroadcastArrivesOnceOnEveryVmOfThreeHosts) {
    Lab lab{{.hosts = "abc"}};
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    Vm& c1 = lab.join('c', "c1", kVmD, "lan");

    const Packet frame = eth(kVmA, kBroadcast) / payload(46);
    a1.send(frame);
    lab.settle(a1, {&a2, &b1, &c1});

    EXPECT_THAT(a2.take(), ElementsAre(frame));
    EXPECT_THAT(b1.take(), ElementsAre(frame));
    EXPECT_THAT(c1.take(), ElementsAre(frame));
    EXPECT_THAT(a1.take(), IsEmpty());
}

}  // namespace
}  // namespace xgre::test
