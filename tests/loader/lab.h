// SPDX-License-Identifier: GPL-2.0-only
// Namespaces, taps and errors for the loader's tests. Every test works in namespaces of its
// own, and leaves nothing behind.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/netlink.h"
#include "loader/netns.h"
#include "xgre/error.h"

namespace xgre::test {

// The thread is in a new, nameless network namespace while this lives.
class FreshNetns {
public:
    FreshNetns() : origin_{open_current_netns()} {
        if (unshare(CLONE_NEWNET) != 0) throw std::runtime_error{"tests need root"};
    }
    FreshNetns(const FreshNetns&) = delete;
    FreshNetns& operator=(const FreshNetns&) = delete;
    ~FreshNetns() {
        if (setns(origin_.get(), CLONE_NEWNET) != 0) std::abort();
    }

private:
    Fd origin_;
};

// A named namespace, away again at the end. Test processes run side by side: names differ.
class NamedNetns {
public:
    explicit NamedNetns(std::string_view role)
        : name_{fmt::format("xgre-test-{}-{}", getpid(), role)} {
        create_netns(name_);
    }
    NamedNetns(const NamedNetns&) = delete;
    NamedNetns& operator=(const NamedNetns&) = delete;
    ~NamedNetns() {
        if (netns_exists(name_)) delete_netns(name_);
    }

    const std::string& name() const { return name_; }
    NetnsScope enter() const { return NetnsScope::enter(name_); }

private:
    std::string name_;
};

class LoaderTest : public ::testing::Test {
protected:
    FreshNetns netns;
};

// A tap as a VM opens it; it is gone when the descriptor closes.
inline Fd open_tap(const std::string& name, short flags = 0) {
    Fd tap{open("/dev/net/tun", O_RDWR | O_CLOEXEC)};
    ifreq request{};
    name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | flags);
    if (!tap.is_open() || ioctl(tap.get(), TUNSETIFF, &request) != 0) {
        throw std::runtime_error{"cannot open a tap"};
    }
    return tap;
}

// The Error that `action` throws; fails the test when it throws none.
inline std::optional<Error> error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no Error was thrown";
    return std::nullopt;
}

// A whole error: no part is empty, and it is about `object`.
inline void expect_error_about(std::string_view object, const std::function<void()>& action) {
    const auto error = error_of(action);
    if (!error) return;
    EXPECT_NE(error->object().find(object), std::string::npos) << error->what();
    EXPECT_FALSE(error->cause().empty()) << error->what();
    EXPECT_FALSE(error->way_out().empty()) << error->what();
}

}  // namespace xgre::test
