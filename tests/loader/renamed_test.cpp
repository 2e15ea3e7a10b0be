// SPDX-License-Identifier: GPL-2.0-only
// Devices that change their name, and numbers of devices that change their owner.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loader/process.h"
#include "tests/loader/dhcp_hosts.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Renamed : public testing::Test {
protected:
    void SetUp() override {
        connect(a.netns(), "up0", far.name(), "far-up0", true);
        a.attach("198.18.0.1");
        a.add_network("lan", 7);
        add("p1");
    }

    void add(const std::string& device) {
        connect(a.netns(), device, far.name(), "far-" + device, false);
        add_port(device);
    }
    void add_port(const std::string& device) const {
        PortSpec spec;
        spec.device = device;
        spec.network = "lan";
        Instance::open(a.session()).add_port(spec);
    }
    void rename(const std::string& before, const std::string& after) const {
        const auto scope = NetnsScope::enter(a.netns());
        NlSocket::open().rename(before, after);
    }
    void remove(const std::string& device) const {
        const auto scope = NetnsScope::enter(a.netns());
        NlSocket::open().delete_link(device);
    }
    int index_of(const std::string& device) const {
        const auto scope = NetnsScope::enter(a.netns());
        return NlSocket::open().get_link(device).index;
    }
    std::vector<std::string> ports() const {
        std::vector<std::string> names;
        for (const PortInfo& port : Instance::view(a.session()).ports())
            names.push_back(port.device);
        return names;
    }

    Host a{"a"};
    NamedNetns far{"far"};
};

TEST_F(Renamed, AnUplinkIsStillTheUplink) {
    rename("up0", "eth7");
    EXPECT_FALSE(Instance::view(a.session()).show().uplink_gone);
    Instance::open(a.session());
    const InstanceInfo info = Instance::view(a.session()).show();
    EXPECT_EQ(info.uplink, "eth7");
    EXPECT_NE(info.hook.tc, "none");
    EXPECT_THAT(Instance::open(a.session()).repairs(), IsEmpty());
}

TEST_F(Renamed, APortIsFollowedAndItsOldNameIsFree) {
    rename("p1", "zz");
    connect(a.netns(), "p1", far.name(), "other", false);
    add_port("p1");
    EXPECT_THAT(ports(), ElementsAre("p1", "zz"));
    Instance::open(a.session()).delete_port("zz");
    EXPECT_THAT(ports(), ElementsAre("p1"));
}

// A frame of a VM would go out on the uplink as it is.
TEST_F(Renamed, AnUplinkWithTheNumberOfAPortThatIsGoneIsNoPort) {
    const int number = index_of("p1");
    remove("p1");
    remove("up0");
    const Fd host = open_netns(a.netns());
    const Ended made = run({{"ip", "link", "add", "up0", "index", std::to_string(number), "type",
                             "veth", "peer", "name", "up1"},
                            &host},
                           std::chrono::seconds{10});
    ASSERT_EQ(made.status, 0) << made.diagnostics;
    a.attach("198.18.0.1");
    EXPECT_EQ(Instance::view(a.session()).show().ifindex, number);
    EXPECT_THAT(ports(), IsEmpty());
    EXPECT_THAT(Instance::open(a.session()).repairs(), IsEmpty());
}

}  // namespace
}  // namespace xgre::test
