// SPDX-License-Identifier: GPL-2.0-only
#include "bench/bpf_statistics.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

namespace xgre::bench {
namespace {

// Off, nobody can tell here: another process may have switched them on.
TEST(BpfStatistics, AreSeenWhileSomebodyHasThemOn) {
    const BpfStatistics statistics;
    const Fd on{bpf_enable_stats(BPF_STATS_RUN_TIME)};
    ASSERT_TRUE(on.is_open());
    EXPECT_TRUE(statistics.are_on());
}

}  // namespace
}  // namespace xgre::bench
