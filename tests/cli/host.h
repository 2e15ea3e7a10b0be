// SPDX-License-Identifier: GPL-2.0-only
// A host of a test's own: a network namespace with an uplink and taps, and an instance.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/cli/tool.h"

namespace xgre::test {

using Json = nlohmann::json;

// 198.18.0.1/24 is on uplink0, its far end is `wire`; tap0 and tap1 are there. IPv6 is off, so
// that no frame moves that a test did not send. Everything goes at the end.
class Host : public ::testing::Test {
protected:
    Host();
    ~Host() override;

    Outcome xgre(std::vector<std::string> arguments) const;  // on this host
    Outcome xgre(std::string_view words) const;              // separated by blanks
    // Must say nothing and exit 0.
    void must(std::string_view words) const;
    // Must exit 0 and print JSON and nothing else.
    Json json(std::string_view words) const;
    void ip(std::string_view words) const;  // `ip -n HOST ...`

    // uplink0 attached; `lan` with key 7, tap0 and 198.18.0.2 in it; an empty network `two`.
    void set_up_lan() const;
    // All that a command may change.
    Json state() const;

    std::vector<std::string> globals() const;
    std::string netns;
    std::string instance;
};

}  // namespace xgre::test
