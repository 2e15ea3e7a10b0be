// SPDX-License-Identifier: GPL-2.0-only
// What was learned, saved and restored.
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/tap_host.h"
#include "xgre/error.h"
#include "xgre/saved_state.h"

namespace xgre::test {
namespace {

constexpr const char* kBehindB = "02:aa:00:00:00:01";
constexpr const char* kBehindVm1 = "02:aa:00:00:00:02";

class SavedState : public testing::Test {
protected:
    SavedState() {
        host.build(TapHost::attach_spec());
        host.must_xgre("port add vm1 --network lan");
    }

    std::string save() {
        std::string text;
        save_state(host.session(), [&text](std::string_view line) {
            text += line;
            text += '\n';
        });
        return text;
    }
    RestoredFdb restore(const std::string& text) {
        std::istringstream stream{text};
        return xgre::SavedState{stream, "a text"}.restore_fdb(host.session());
    }
    std::uint64_t leases_of(std::istream& text) {
        return xgre::SavedState{text, "a text"}.restore_leases(host.session(), {"lan"});
    }
    std::vector<FdbInfo> learned() {
        std::vector<FdbInfo> all;
        Instance::view(host.session()).fdb({}, [&all](const FdbInfo& entry) {
            if (!entry.is_static) all.push_back(entry);
        });
        return all;
    }
    static std::int64_t now() {
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }
    static std::string header(std::int64_t ago) {
        return "xgre-state 1 " + std::to_string(now() - ago) + "\n";
    }

    TapHost host;
};

TEST_F(SavedState, ComesBackWithItsOwnersAndAges) {
    const MacAddress b{{0x02, 0xaa, 0, 0, 0, 1}};
    const MacAddress vm{{0x02, 0xaa, 0, 0, 0, 2}};
    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(eth(b, kVmA) / payload(60))));
    ASSERT_TRUE(host.send(TapHost::kVm1, eth(vm, kVmA) / vlan(5) / payload(60)));
    const std::string text = save();
    EXPECT_EQ(learned().size(), 2u);
    host.must_xgre("fdb flush");
    ASSERT_TRUE(learned().empty());
    const RestoredFdb restored = restore(text);
    EXPECT_EQ(restored.entries, 2u);
    EXPECT_EQ(restored.known + restored.expired + restored.homeless, 0u);
    bool has_b = false;
    bool has_vm = false;
    for (const FdbInfo& entry : learned()) {
        has_b |= entry.mac.format() == kBehindB && entry.peer && entry.vlan == 0;
        has_vm |= entry.mac.format() == kBehindVm1 && entry.port == "vm1" && entry.vlan == 5;
    }
    EXPECT_TRUE(has_b);
    EXPECT_TRUE(has_vm);
    // They count as learned ones do, and go as they do.
    EXPECT_EQ(Instance::view(host.session()).peers().at(0).learned, 1u);
    host.must_xgre("fdb flush");
    EXPECT_EQ(Instance::view(host.session()).peers().at(0).learned, 0u);
}

TEST_F(SavedState, IsOlderByTheTimeThatHasPassed) {
    const std::string entry = "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 100\n";
    EXPECT_EQ(restore(header(150) + entry).entries, 1u);
    ASSERT_EQ(learned().size(), 1u);
    EXPECT_GE(learned()[0].age, std::chrono::seconds{250});
    EXPECT_LT(learned()[0].age, std::chrono::seconds{260});
    host.must_xgre("fdb flush");
    EXPECT_EQ(restore(header(250) + entry).expired, 1u);  // 300 s is the network's ageing time
    EXPECT_TRUE(learned().empty());
}

// Longer ago than the machine has been up.
TEST_F(SavedState, MayBeOlderThanTheMachine) {
    host.must_xgre("network add lan --ageing 1000000");
    const std::string entry = "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 900000\n";
    EXPECT_EQ(restore(header(0) + entry).entries, 1u);
    ASSERT_EQ(learned().size(), 1u);
    EXPECT_GE(learned()[0].age, std::chrono::seconds{900000});
    EXPECT_FALSE(learned()[0].expired);
    EXPECT_NE(save().find(" 90000"), std::string::npos);
}

TEST_F(SavedState, KnowsNoBetterThanTheInstance) {
    const MacAddress b{{0x02, 0xaa, 0, 0, 0, 1}};
    ASSERT_TRUE(host.send(TapHost::kVm1, eth(b, kVmA) / payload(60)));
    const RestoredFdb restored =
        restore(header(0) + "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 0\n");
    EXPECT_EQ(restored.known, 1u);
    ASSERT_EQ(learned().size(), 1u);
    EXPECT_EQ(learned()[0].port, "vm1");
}

TEST_F(SavedState, KeepsToTheMacLimitAndToWhatIsHere) {
    host.must_xgre("peer add 198.18.0.2 --network lan --mac-limit 1");
    const RestoredFdb restored =
        restore(header(0) + "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 0\n" +
                "fdb lan 0 02:aa:00:00:00:02 peer 198.18.0.2 0\n" +
                "fdb lan 0 02:aa:00:00:00:03 peer 198.18.0.99 0\n" +
                "fdb lan 0 02:aa:00:00:00:03 port nowhere 0\n" +
                "fdb other 0 02:aa:00:00:00:04 port vm1 0\n");
    EXPECT_EQ(restored.entries, 1u);
    EXPECT_EQ(restored.known, 1u);
    EXPECT_EQ(restored.homeless, 3u);
}

TEST_F(SavedState, IsRefusedWholeWhereALineIsWrong) {
    const std::string good = "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 0\n";
    const std::vector<std::string> texts{
        std::string{},
        good,
        "xgre-state 2 1\n" + good,
        "xgre-state 12 1\n" + good,
        "xgre-state 1 x\n",
        header(0) + good + "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2\n",
        header(0) + good + "fdb lan 0 03:aa:00:00:00:01 peer 198.18.0.2 0\n",
        header(0) + good + "fdb lan 5000 02:aa:00:00:00:01 peer 198.18.0.2 0\n",
        header(0) + good + "fdb lan 0 02:aa:00:00:00:01 peer nobody 0\n",
        header(0) + good + "fdb lan 0 02:aa:00:00:00:01 peer 198.18.0.2 -1\n",
        header(0) + good + "fdbx lan 0 02:aa:00:00:00:01 peer 198.18.0.2 0\n",
        header(0) + good + "fdb lan 0 00:00:00:00:00:00 peer 198.18.0.2 0\n",
        header(0) + good + "leases lan " + std::to_string(now() + 3600) +
            " 02:00:00:00:0a:01 192.0.2.11 vm *\n",
        header(0) + good + "lease lan\n",
        header(0) + good + "lease lan no lease\n",
        header(0) + good + "something else\n"};
    for (const std::string& bad : texts) {
        EXPECT_THROW(restore(bad), Error) << bad;
        EXPECT_TRUE(learned().empty()) << bad;
    }
}

TEST_F(SavedState, HasTheLeasesAndPutsThemWhereThereAreNone) {
    const std::string line = std::to_string(now() + 3600) + " 02:00:00:00:0a:01 192.0.2.11 vm *";
    const std::string text = header(0) + "lease lan " + line + "\n";
    std::istringstream stream{text};
    EXPECT_EQ(leases_of(stream), 1u);
    EXPECT_NE(save().find("lease lan " + line + "\n"), std::string::npos);
    // Those of a network without server are not for this host.
    std::istringstream elsewhere{header(0) + "lease other " + line + "\n"};
    EXPECT_EQ(leases_of(elsewhere), 0u);
    // Those that are there stay.
    std::istringstream again{header(0) + "lease lan " + std::to_string(now() + 3600) +
                             " 02:00:00:00:0a:02 192.0.2.12 other *\n"};
    EXPECT_EQ(leases_of(again), 0u);
    EXPECT_EQ(save().find("192.0.2.12"), std::string::npos);
    host.must_xgre("detach --all");
    EXPECT_TRUE(host.leftovers().empty());
}

}  // namespace
}  // namespace xgre::test
