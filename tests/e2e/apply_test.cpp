// SPDX-License-Identifier: GPL-2.0-only
// A configuration is applied while frames flow through what it does not change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "loader/pins.h"
#include "tests/e2e/stream.h"
#include "tests/e2e/tap_host.h"
#include "xgre/config.h"

namespace xgre::test {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

class ApplyUnderLoad : public ::testing::Test {
protected:
    TapHost host;

    // What runs, with more below it.
    Config with(const std::string& more) const {
        const Config running = running_config(host.session());
        return read_config(write_config(running, "test") + more, "test.toml");
    }
    // Each with its inode, which another object pinned in its place would not have.
    std::vector<std::string> pins() const {
        std::vector<std::string> all;
        for (const char* part : {"maps", "programs", "links"}) {
            const std::string directory =
                pins::directory(host.session().instance) + "/" + part + "/";
            for (const std::string& name : pins::list(directory)) {
                struct stat pin{};
                EXPECT_EQ(::stat((directory + name).c_str(), &pin), 0) << name;
                all.push_back(fmt::format("{} {}", name, pin.st_ino));
            }
        }
        return all;
    }
};

TEST_F(ApplyUnderLoad, NoFrameIsLostOnWhatDoesNotChange) {
    constexpr int kTimes = 5;
    host.build(TapHost::attach_spec());
    const Config plain = with("");
    // Networks, ports and peers that come, change and go beside those that carry the frames, and an
    // option of their own network.
    const Config more = with(
        "[[network]]\nname = \"two\"\nkey = 8\n"
        "[[port]]\ndevice = \"vm1\"\nnetwork = \"two\"\nmac-limit = 7\n"
        "static = [\"02:00:00:00:0c:01\"]\n"
        "[[peer]]\naddress = \"198.18.0.77\"\nnetwork = \"two\"\nttl = 9\n"
        "[[peer]]\naddress = \"198.18.0.78\"\nnetwork = \"lan\"\n"
        "[[fdb]]\nmac = \"02:00:00:00:0c:02\"\nnetwork = \"lan\"\nvlan = 5\n"
        "peer = \"198.18.0.78\"\n");
    Config changed = more;
    changed.networks.front().ageing = std::chrono::seconds{77};
    changed.networks.back().key = GreKey{9};
    const std::vector<const Config*> in_turn{&more, &changed, &plain};
    const auto before = host.programs_at(TapHost::kWire);

    std::atomic<bool> is_done = false;
    std::vector<std::string> failures;
    std::thread changes{[&] {
        for (int i = 0; i < kTimes; ++i)
            for (const Config* next : in_turn) {
                try {
                    if (apply_config(host.session(), *next).differences.empty())
                        failures.emplace_back("nothing was changed");
                } catch (const Error& error) {
                    failures.emplace_back(error.what());
                }
            }
        is_done = true;
    }};
    std::vector<Stream> streams{
        {TapHost::kVm0, TapHost::kWire, kVmA, kVmB},
        {TapHost::kWire, TapHost::kVm0, kVmB, kVmA},
    };
    while (!is_done)
        for (Stream& stream : streams)
            stream.send(host);
    changes.join();

    EXPECT_THAT(failures, IsEmpty());
    for (Stream& stream : streams)
        stream.expect_nothing_lost(host, false);
    EXPECT_EQ(host.programs_at(TapHost::kWire), before);
    EXPECT_THAT(host.repairs(), IsEmpty());
    EXPECT_THAT(difference(running_config(host.session()), plain), IsEmpty());
}

TEST_F(ApplyUnderLoad, ASecondTimeTouchesNothing) {
    host.build(TapHost::attach_spec());
    const Config config = with(
        "[[port]]\ndevice = \"vm2\"\nnetwork = \"lan\"\n"
        "[[peer]]\naddress = \"198.18.0.77\"\nnetwork = \"lan\"\nocsum = true\n");
    EXPECT_THAT(apply_config(host.session(), config).differences, Not(IsEmpty()));
    const auto state = host.state();
    const auto pinned = pins();
    const auto programs = host.programs_at(TapHost::kVm2);
    EXPECT_THAT(apply_config(host.session(), config).differences, IsEmpty());
    EXPECT_EQ(host.state(), state);
    EXPECT_EQ(pins(), pinned);
    EXPECT_EQ(host.programs_at(TapHost::kVm2), programs);
}

}  // namespace
}  // namespace xgre::test
