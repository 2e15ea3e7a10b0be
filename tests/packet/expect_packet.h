// SPDX-License-Identifier: GPL-2.0-only
// EXPECT_PACKET_EQ(actual, expected): whole packets compared; a mismatch shows both decoded,
// their bytes, and the first offset they differ at.
#pragma once

#include <gtest/gtest.h>

#include "tests/packet/decode.h"
#include "tests/packet/packet.h"

namespace xgre::test {

inline testing::AssertionResult packets_equal(const char* actual_text, const char* expected_text,
                                              const Packet& actual, const Packet& expected) {
    if (actual == expected) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << actual_text << " is not " << expected_text << ": " << difference(actual, expected);
}

}  // namespace xgre::test

// Macros, because GoogleTest reports the file and line they stand in.
#define EXPECT_PACKET_EQ(actual, expected)                                                         \
    EXPECT_PRED_FORMAT2(::xgre::test::packets_equal, actual, expected)
#define ASSERT_PACKET_EQ(actual, expected)                                                         \
    ASSERT_PRED_FORMAT2(::xgre::test::packets_equal, actual, expected)
