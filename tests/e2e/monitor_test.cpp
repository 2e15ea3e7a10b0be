// SPDX-License-Identifier: GPL-2.0-only
// Who monitors is told what the data path and other commands do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/tap_host.h"
#include "xgre/error.h"
#include "xgre/monitor.h"

namespace xgre::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{10};

class MonitorOfAHost : public ::testing::Test {
protected:
    MonitorOfAHost() {
        host.build(TapHost::attach_spec());
        host.must_xgre("port add vm1 --network lan");
        monitor.emplace(Monitor::start(host.session()));
    }

    // The next event that is one, within some seconds.
    std::optional<Event> next(EventType type) {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        std::optional<Event> found;
        while (!found && std::chrono::steady_clock::now() < end)
            monitor->read(milliseconds{20}, [&](const Event& event) {
                if (!found && event.type == type) found = event;
            });
        return found;
    }

    TapHost host;
    std::optional<Monitor> monitor;
};

TEST_F(MonitorOfAHost, TellsWhatIsLearnedAndWhereItMoves) {
    ASSERT_TRUE(host.send(TapHost::kVm1, eth(kVmC, kVmA) / payload(60)));
    const auto learned = next(EventType::learned);
    ASSERT_TRUE(learned);
    EXPECT_EQ(learned->mac, Mac{kVmC.mac.bytes});
    EXPECT_EQ(learned->owner.port, "vm1");
    EXPECT_EQ(learned->network, "lan");
    EXPECT_EQ(learned->vlan, 0);

    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(eth(kVmC, kVmA) / payload(60))));
    const auto moved = next(EventType::moved);
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->mac, Mac{kVmC.mac.bytes});
    EXPECT_EQ(moved->old.port, "vm1");
    EXPECT_EQ(moved->owner.peer, IpAddr::parse("198.18.0.2"));
}

TEST_F(MonitorOfAHost, TellsWhatAges) {
    host.must_xgre("network add brief --ageing 1");
    host.must_xgre("port add vm2 --network brief");
    ASSERT_TRUE(host.send(TapHost::kVm2, eth(kVmD, kBroadcast) / payload(60)));
    ASSERT_TRUE(next(EventType::learned));
    const auto aged = next(EventType::aged);
    ASSERT_TRUE(aged);
    EXPECT_EQ(aged->mac, Mac{kVmD.mac.bytes});
    EXPECT_EQ(aged->owner.port, "vm2");
    EXPECT_EQ(aged->network, "brief");
}

TEST_F(MonitorOfAHost, TellsWhatIsDroppedAndWhy) {
    ASSERT_TRUE(host.send(TapHost::kVm0, eth(kVmA, kVmA) / payload(60)));
    const auto dropped = next(EventType::dropped);
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->verdict, "same-port");
    EXPECT_EQ(dropped->device, "vm0");
    EXPECT_EQ(dropped->network, "lan");
    EXPECT_EQ(dropped->length, 74U);
}

TEST_F(MonitorOfAHost, CountsDropsThatAreTooManyToTell) {
    std::uint64_t told = 0;
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(host.send(TapHost::kVm0, eth(kVmA, kVmA) / payload(60)));
    monitor->read(milliseconds{0},
                  [&](const Event& event) { told += event.type == EventType::dropped; });
    EXPECT_GT(monitor->totals().drops_left_out, 0U);
    EXPECT_EQ(told + monitor->totals().drops_left_out + monitor->totals().lost, 1000U);
}

TEST_F(MonitorOfAHost, TellsWhichNetworksPortsAndPeersComeAndGo) {
    host.must_xgre("network add other --key 8");
    EXPECT_EQ(next(EventType::network_added).value_or(Event{}).network, "other");
    host.must_xgre("port add vm2 --network other");
    EXPECT_EQ(next(EventType::port_added).value_or(Event{}).owner.port, "vm2");
    host.must_xgre("peer add 198.18.0.3 --network other");
    EXPECT_EQ(next(EventType::peer_added).value_or(Event{}).owner.peer,
              IpAddr::parse("198.18.0.3"));
    host.restart_vm(TapHost::kVm2);
    EXPECT_EQ(next(EventType::port_gone).value_or(Event{}).owner.port, "vm2");
    host.must_xgre("port add vm2 --network other");
    EXPECT_EQ(next(EventType::port_back).value_or(Event{}).owner.port, "vm2");
    host.must_xgre("peer del 198.18.0.3 --network other");
    EXPECT_EQ(next(EventType::peer_removed).value_or(Event{}).owner.peer,
              IpAddr::parse("198.18.0.3"));
    host.must_xgre("port del vm2");
    EXPECT_EQ(next(EventType::port_removed).value_or(Event{}).owner.port, "vm2");
    host.must_xgre("network del other");
    EXPECT_EQ(next(EventType::network_removed).value_or(Event{}).network, "other");
}

TEST_F(MonitorOfAHost, TellsWhetherAPeerIsUp) {
    // Nothing answers at the other end of the wire: three in a row are lost.
    const Ended asked = host.xgre("peer probe 198.18.0.2 --count 3 --timeout 0.1");
    EXPECT_EQ(asked.status, 1) << asked.diagnostics;
    const auto down = next(EventType::peer_state);
    ASSERT_TRUE(down);
    EXPECT_EQ(down->owner.peer, IpAddr::parse("198.18.0.2"));
    EXPECT_EQ(down->network, "lan");
    EXPECT_EQ(down->state, PeerState::down);
    EXPECT_EQ(down->old_state, PeerState::unknown);
    // What it sends is heard, and that it does not answer is known.
    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(eth(kVmC, kVmA) / payload(60))));
    const auto heard = next(EventType::peer_state);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->state, PeerState::foreign);
    EXPECT_EQ(heard->old_state, PeerState::down);
}

TEST_F(MonitorOfAHost, IsOneAtATimeBesideACapture) {
    const Ended second = host.xgre("monitor --seconds 1");
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.diagnostics, HasSubstr("another `xgre monitor` watches it"));
    EXPECT_EQ(host.xgre("capture --seconds 0.1").status, 0);
}

TEST_F(MonitorOfAHost, SaysSoWhenTheInstanceGoes) {
    host.must_xgre("detach --all");
    EXPECT_THROW(next(EventType::learned), Error);
}

TEST_F(MonitorOfAHost, SaysSoWhenTheInstanceIsAttachedAnew) {
    host.must_xgre("detach --all");
    host.build(TapHost::attach_spec());
    try {
        next(EventType::learned);
        ADD_FAILURE() << "it goes on";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("it was detached and attached anew; start `xgre mon"));
    }
}

TEST_F(MonitorOfAHost, GoesOnAfterAnUpgrade) {
    host.must_xgre("attach wire0 --local 198.18.0.1 --upgrade");
    // Longer than from one look to the next.
    const auto end = std::chrono::steady_clock::now() + milliseconds{700};
    while (std::chrono::steady_clock::now() < end)
        monitor->read(milliseconds{20}, [](const Event&) {});
    ASSERT_TRUE(host.send(TapHost::kVm1, eth(kVmC, kVmA) / payload(60)));
    EXPECT_TRUE(next(EventType::learned));
}

}  // namespace
}  // namespace xgre::test
