// SPDX-License-Identifier: GPL-2.0-only
// Commands that look, on a host with traffic: no counter but what the frames themselves count, no
// entry and no row changes, and each frame arrives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cctype>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "tests/e2e/tap_host.h"
#include "xgre/instance.h"

namespace xgre::test {
namespace {

using Counters = std::map<std::string, std::uint64_t>;

void add_traffic(Counters& counters, const std::string& name, const Traffic& traffic) {
    counters[name + " rx packets"] = traffic.rx_packets;
    counters[name + " rx bytes"] = traffic.rx_bytes;
    counters[name + " tx packets"] = traffic.tx_packets;
    counters[name + " tx bytes"] = traffic.tx_bytes;
}

Counters counters_of(const TapHost& host) {
    const Instance instance = Instance::view(host.session());
    const Stats stats = instance.stats();
    Counters counters;
    for (const VerdictCount& verdict : stats.verdicts) {
        const std::string name = verdict.program + " " + verdict.verdict;
        counters[name + " packets"] = verdict.packets;
        counters[name + " bytes"] = verdict.bytes;
        counters[name + " copies"] = verdict.copies;
    }
    for (const NoteCount& note : stats.notes)
        counters["note " + note.name] = note.count;
    for (const PortInfo& port : stats.ports)
        add_traffic(counters, "port " + port.device, port.traffic);
    for (const PeerInfo& peer : stats.peers)
        add_traffic(counters, "peer " + peer.address.format(), peer.traffic);
    return counters;
}

Counters growth(const Counters& before, const Counters& now) {
    Counters grown;
    for (const auto& [name, count] : now) {
        const auto then = before.find(name);
        const std::uint64_t by = count - (then == before.end() ? 0 : then->second);
        if (by != 0) grown[name] = by;
    }
    return grown;
}

std::set<std::string> learned(const TapHost& host) {
    std::set<std::string> all;
    Instance::view(host.session()).fdb({}, [&](const FdbInfo& entry) {
        all.insert(entry.mac.format() + " " + (entry.peer ? entry.peer->format() : entry.port));
    });
    return all;
}

class Look : public testing::TestWithParam<const char*> {
protected:
    Look() {
        host.build(TapHost::attach_spec());
        host.must_xgre("port add vm1 --network lan");
        round();  // what is learned is learned now
    }

    // Out, in, to all, and one that is dropped. False: one did not arrive.
    bool round() {
        const bool carries = host.carries_traffic();
        return host.send(TapHost::kVm0, eth(kVmA, kVmA) / payload(60)) && carries;
    }

    TapHost host;
};

TEST_P(Look, ChangesNoCounterButThoseOfTheFrames) {
    Counters before = counters_of(host);
    ASSERT_TRUE(round());
    Counters expected = growth(before, counters_of(host));
    ASSERT_THAT(expected, testing::Contains(testing::Key("port_xdp same-port packets")));
    const std::string state = host.state();
    const std::set<std::string> addresses = learned(host);

    before = counters_of(host);
    std::atomic<bool> ended = false;
    Ended outcome;
    std::thread command{[&] {
        outcome = host.xgre(GetParam());
        ended = true;
    }};
    std::uint64_t rounds = 0;
    bool carries = true;
    while (!ended || rounds < 5) {
        carries = round() && carries;
        ++rounds;
    }
    command.join();
    EXPECT_EQ(outcome.status, 0) << outcome.diagnostics;
    EXPECT_TRUE(carries);

    for (auto& [name, count] : expected)
        count *= rounds;
    EXPECT_EQ(growth(before, counters_of(host)), expected) << rounds;
    EXPECT_EQ(host.state(), state);
    EXPECT_EQ(learned(host), addresses);
    EXPECT_THAT(host.repairs(), testing::IsEmpty());
}

constexpr const char* kLooks[] = {
    "show",
    "show --maps",
    "network show",
    "port show",
    "peer show",
    "fdb show",
    "dhcp show",
    "stats",
    "stats --watch 0.1 --count 2",
    "map",
    "map fdb",
    "map counters --json",
    "trace --from vm0 --dst ff:ff:ff:ff:ff:ff --type arp",
    "capture --seconds 0.3",
    "capture --drops --seconds 0.3 -w /dev/null",
    "monitor --seconds 0.3",
    "top -b -n 2 -d 0.1",
    "test --no-probes",
    "doctor",
    "metrics",
    "export",
    "export --state",
    "profile --seconds 0.2",
};
INSTANTIATE_TEST_SUITE_P(, Look, testing::ValuesIn(kLooks), [](const auto& param) {
    std::string name;
    for (const char c : std::string{param.param})
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
    return name;
});

}  // namespace
}  // namespace xgre::test
