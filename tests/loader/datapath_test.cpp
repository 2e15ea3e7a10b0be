// SPDX-License-Identifier: GPL-2.0-only
// Sizes of maps that depend on the machine. What the programs do in them is tested in tests/bpf.
#include "loader/datapath.h"

#include <gtest/gtest.h>

namespace xgre {
namespace {

TEST(FlowsFor, AreFewerWhereManyCpusWouldTakeTooMuchMemory) {
    EXPECT_EQ(flows_for(1), 16384u);
    EXPECT_EQ(flows_for(32), 16384u);
    EXPECT_EQ(flows_for(33), 8192u);
    EXPECT_EQ(flows_for(64), 8192u);
    EXPECT_EQ(flows_for(512), 1024u);
    EXPECT_EQ(flows_for(8192), 1024u);
}

}  // namespace
}  // namespace xgre
