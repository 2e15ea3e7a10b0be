// SPDX-License-Identifier: GPL-2.0-only
// Frames that all have to arrive, whatever a command changes meanwhile.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "tests/e2e/tap_host.h"

namespace xgre::test {

// One way through the host: frames with a number, which all have to come out at the far end.
class Stream {
public:
    Stream(std::string_view from, std::string_view to, MacAddress source, MacAddress destination)
        : from_{from}, to_{to}, source_{source}, destination_{destination} {}

    void send(const TapHost& host) {
        Bytes body(46);
        std::memcpy(body.data(), &sent_, sizeof(sent_));
        const Packet frame = eth(source_, destination_) / raw(body);
        const bool from_wire = from_ == TapHost::kWire;
        if (host.send(from_, from_wire ? from_host_b(frame) : frame)) ++sent_;
        take(host);
    }

    void take(const TapHost& host) {
        const std::size_t outer = to_ == TapHost::kWire ? 14 + 20 + 8 : 0;
        for (const Packet& got : host.take(to_)) {
            std::uint64_t number = 0;
            if (got.size() < outer + 14 + sizeof(number)) continue;
            std::memcpy(&number, got.data() + outer + 14, sizeof(number));
            in_order_ = in_order_ && number == received_;
            ++received_;
        }
    }

    // What another CPU has to do takes a while. While the programs there are replaced, what waits
    // for the old one may be overtaken.
    void expect_nothing_lost(const TapHost& host, bool spread) {
        SCOPED_TRACE(fmt::format("{} to {}", from_, to_));
        eventually([&] { return take(host), received_ >= sent_; });
        EXPECT_EQ(received_, sent_);
        EXPECT_TRUE(spread || in_order_);
        EXPECT_GT(sent_, 100U);
    }
    std::uint64_t sent() const { return sent_; }

private:
    std::string_view from_;
    std::string_view to_;
    MacAddress source_;
    MacAddress destination_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    bool in_order_ = true;
};

}  // namespace xgre::test
