// SPDX-License-Identifier: GPL-2.0-only
// The one table of verdicts, and that the counters add up by it.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

enum class Kind { STEP, OK, DROP };

struct Row {
    std::string_view name;
    Kind kind;
    std::string_view help;
};
constexpr std::array<Row, XGRE_VERDICT_MAX> kRows{{
#define X(id, name, fate, help) {name, Kind::fate, help},
    XGRE_VERDICTS(X)
#undef X
}};

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

// case S09
TEST(VerdictTable, HasUniqueNamesAndTexts) {
    std::set<std::string_view> names;
    std::set<std::string_view> texts;
    for (const Row& row : kRows) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(texts.insert(row.help).second) << row.help;
        EXPECT_TRUE(is_name(row.name)) << row.name;
        EXPECT_FALSE(row.help.empty() || row.help.ends_with('.')) << row.help;
    }
}

// The data path has a bit for each drop, in a word of 64 bits.
TEST(VerdictTable, HasTheStepsFirstAndNoMoreThanFitAWord) {
    EXPECT_TRUE(std::ranges::is_sorted(
        kRows, {}, [](const Row& row) { return row.kind == Kind::STEP ? 0 : 1; }));
    EXPECT_EQ(kRows[XGRE_HANDOVER].kind, Kind::STEP);
    EXPECT_EQ(kRows[XGRE_HANDOVER + 1].kind, Kind::OK);
    EXPECT_LE(static_cast<int>(XGRE_VERDICT_MAX), 64);
}

TEST(VerdictTable, HasNotesAndProgramsWithUniqueNamesToo) {
    std::set<std::string_view> names;
    std::size_t rows = 0;
#define X(id, name, help)                                                                          \
    EXPECT_TRUE(names.insert(name).second);                                                        \
    EXPECT_TRUE(is_name(name) && !std::string_view{help}.empty());                                 \
    ++rows;
    XGRE_NOTES(X)
    XGRE_PROGRAMS(X)
#undef X
    EXPECT_EQ(names.size(), rows);
}

class Accounting : public DatapathTest, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(Accounting);

// case S09
TEST_P(Accounting, AddsUpInIsDeliveredAndPassedAndDropped) {
    network(2, {.key = 8});
    const Port& locked = port("locked", 1, {.flags = XGRE_PORT_LOCKED});
    const Port& alone = port("alone", 2);
    const Port& offloads = port("offloads", 1, {.flags = XGRE_PORT_OFFLOADS});
    learn(1, kVmA, a.owner());
    learn(1, kVmB, peer_owner(1));
    learn(1, kVmC, c.owner());
    learn(1, kVmD, offloads.owner());
    ip("link set dev c mtu 1000\n");
    attach(GetParam());

    std::uint64_t sent = 0;
    std::uint64_t passed = 0;
    Counts expected;  // by verdict, whichever program
    const auto expect = [&](const Tap& tap, const Packet& packet, const char* verdict) {
        ASSERT_TRUE(tap.send(packet));
        ++sent;
        if (std::string_view{verdict} == "pass")
            ++passed;
        else
            ++expected[verdict];
    };
    const Tap& w = wire();
    const auto bad = [](const GreOptions& header, const Ipv4Options& ip_header = {}) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA, ip_header) / gre(header) /
               frame(kVmB, kVmA);
    };
    for (int round = 0; round < 3; ++round) {
        expect(a.tap, frame(kVmA, kVmB), "to-peer");
        expect(a.tap, frame(kVmA, kVmC), "to-port");
        expect(a.tap, frame(kVmA, kBroadcast), "flooded");
        expect(a.tap, frame(kVmA, kVmC, 1200), "too-large");
        expect(a.tap, frame(kVmA, kVmA), "same-port");
        expect(a.tap, frame(kMulticast, kVmB), "bad-source");
        expect(a.tap, frame(kAllZero, kVmB), "bad-source");
        expect(locked.tap, frame(mac(2, 9, 9, 9, 9, 9), kVmB), "locked");
        expect(alone.tap, frame(kVmA, kVmB), "no-target");
        expect(w, tunnel(kHostB, frame(kVmB, kVmA)), "to-port");
        expect(w, tunnel(kHostB, eth(kVmB, kVmD) / ipv4(kVmB, kVmD) / tcp(1, 2)), "to-port");
        expect(w, tunnel(kHostB, frame(kVmB, kBroadcast)), "flooded");
        expect(w, tunnel(kHostC, frame(mac(2, 9, 9, 9, 9, 8), kVmB)), "split-horizon");
        expect(w, tunnel(kStranger, frame(kVmB, kVmA)), "unknown-peer");
        expect(w, bad({.key = 7}, {.checksum = 1}), "ip-checksum");
        expect(w, bad({.key = 7}, {.total_length = 10}), "ip-header");
        expect(w, bad({.key = 7}, {.more_fragments = true}), "fragment");
        expect(w, bad({.key = 7, .flags_extra = 0x4000}), "gre-flags");
        expect(w, bad({.key = 7, .version = 1}), "gre-version");
        expect(w, bad({.key = 7, .checksum = 1}), "gre-checksum");
        expect(w, cut(tunnel(kHostB, frame(kVmB, kVmA)), 60), "truncated");
        expect(w, eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 7}) / raw({1, 2, 3}),
               "inner-short");
        expect(w, eth(kHostB, kBroadcast) / arp_request(kHostB, kHostB, kVmA), "pass");
        expect(w, bad({.key = 7, .protocol = 0x0800}), "pass");
        expect(w, eth(kHostB, kHostC) / ipv4(kHostB, kHostA) / gre({.key = 7}) / frame(kVmB, kVmA),
               "pass");
    }

    Counts seen;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict) {
        std::uint64_t packets = 0;
        for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
            packets += count(static_cast<xgre_program>(program), static_cast<xgre_verdict>(verdict))
                           .packets;
        const Row& row = kRows.at(verdict);
        if (packets != 0) seen[std::string{row.name}] = packets;
        if (row.kind == Kind::OK) delivered += packets;
        if (row.kind == Kind::DROP) dropped += packets;
        EXPECT_TRUE(row.kind != Kind::STEP || packets == 0) << row.name;
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(sent, delivered + passed + dropped);
}

}  // namespace
}  // namespace xgre::test
