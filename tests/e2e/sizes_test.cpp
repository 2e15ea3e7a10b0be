// SPDX-License-Identifier: GPL-2.0-only
// VMs that know nothing of tunnels: whatever MTUs they, their ports and the underlay have, what
// they send arrives, or they are told why not.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include <fmt/format.h>

#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kOverhead = 42;  // of a tunnel over IPv4 with a key, with Ethernet

struct Sizes {
    std::uint32_t wire;
    std::uint32_t one;  // MTU of the VM at host a, and of its port
    std::uint32_t two;  // likewise at host b
    Path path;
    bool offloads;  // VMs leave segmenting and checksums to others
};

std::string name_of(const testing::TestParamInfo<Sizes>& info) {
    const Sizes& sizes = info.param;
    return fmt::format("Wire{}Vms{}And{}{}{}", sizes.wire, sizes.one, sizes.two,
                       sizes.path == Path::xdp ? "Xdp" : "Tc", sizes.offloads ? "Offloads" : "");
}

class Mtus : public testing::TestWithParam<Sizes> {
protected:
    Mtus()
        : lab_{{.wire_mtu = GetParam().wire}},
          one_{join('a', "a1", kVmA, GetParam().one)},
          two_{join('b', "b1", kVmB, GetParam().two)} {}

    Vm& join(char letter, std::string_view role, const Station& station, std::uint32_t mtu) {
        if (letter == 'a') lab_.mesh("lan", 7, GetParam().path);
        Vm& vm = lab_.join(letter, role, station, "lan",
                           {.offloads = GetParam().offloads, .with_address = true, .mtu = mtu});
        lab_.host(letter).netns().ip(fmt::format("link set dev {} mtu {}", vm.port(), mtu));
        return vm;
    }
    // IPv4 payloads of ICMP echo that fill a packet of the sender's MTU.
    static std::string ping(std::uint32_t mtu, std::string_view how, Ipv4Address to) {
        return fmt::format("ping -n -q -c 1 -W 1 {} -s {} {}", how, mtu - 28, value_of(to));
    }

    Lab lab_;
    Vm& one_;
    Vm& two_;
};

INSTANTIATE_TEST_SUITE_P(
    , Mtus,
    testing::Values(
        Sizes{1500, 1500, 1500, Path::tc, false}, Sizes{1500, 1500, 1500, Path::tc, true},
        Sizes{1500, 1500, 1500, Path::xdp, false}, Sizes{1500, 9000, 9000, Path::tc, true},
        Sizes{1500, 9000, 1500, Path::xdp, false}, Sizes{9000, 1500, 1500, Path::xdp, false},
        Sizes{9000, 9000, 9000, Path::tc, true}, Sizes{9000, 9000, 9000, Path::xdp, false},
        Sizes{9000, 9000, 1500, Path::xdp, false}, Sizes{9000, 9000, 1500, Path::tc, true},
        Sizes{9000, 1500, 9000, Path::tc, false}, Sizes{1400, 1500, 9000, Path::xdp, false}),
    name_of);

// A datagram of so many bytes, and what came of it.
testing::AssertionResult datagram_arrives(const Netns& from, const Netns& to, Ipv4Address address,
                                          std::size_t size) {
    const auto socket_in = [](const Netns& netns) {
        const auto scope = netns.enter();
        return Fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    };
    const Fd receiver = socket_in(to);
    const Fd sender = socket_in(from);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(5001);
    std::memcpy(&where.sin_addr, address.bytes.data(), sizeof(where.sin_addr));
    const auto* any = reinterpret_cast<const sockaddr*>(&where);
    if (::bind(receiver.get(), any, sizeof(where)) != 0)
        return testing::AssertionFailure() << "bind";
    const Bytes sent = payload(size).bytes();
    Bytes got(size + 1);
    // The first may be the one by which the sender is told what fits.
    for (int turn = 0; turn < 3; ++turn) {
        if (::sendto(sender.get(), sent.data(), sent.size(), 0, any, sizeof(where)) < 0) continue;
        pollfd wait{receiver.get(), POLLIN, 0};
        if (::poll(&wait, 1, 500) != 1) continue;
        const auto length = ::recv(receiver.get(), got.data(), got.size(), 0);
        got.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
        if (got == sent) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "got " << length << " bytes, or others";
    }
    return testing::AssertionFailure() << "nothing of " << size << " bytes arrived";
}

// case M02
// case M07
// case M09
TEST_P(Mtus, WhatIsSentArrivesOrItsSenderIsTold) {
    for (const auto& [from, to, mtu] :
         {std::tuple{&one_, &two_, GetParam().one}, std::tuple{&two_, &one_, GetParam().two}}) {
        const Ipv4Address address = to->station().ip;
        ASSERT_TRUE(eventually([&] { return from->netns().ping(address); }));
        // What may be cut is, where it has to be.
        EXPECT_TRUE(from->netns().try_run(ping(mtu, "-M dont", address))) << mtu;
        EXPECT_TRUE(datagram_arrives(from->netns(), to->netns(), address, 8192));
        // What may not be cut: its sender is told the largest that fits, and gets through with
        // that.
        const std::uint32_t fits =
            std::min({GetParam().one, GetParam().two, GetParam().wire - kOverhead});
        if (fits < mtu) {
            EXPECT_FALSE(from->netns().try_run(ping(fits + 1, "-M do", address)));
            from->netns().shell(
                fmt::format("ip route get {} | grep -q 'mtu {}'", value_of(address), fits));
        }
        EXPECT_TRUE(from->netns().try_run(ping(fits, "-M do", address))) << fits;
        EXPECT_TRUE(tcp_arrives_intact(from->netns(), to->netns(), address, 1 << 20));
    }
}

}  // namespace
}  // namespace xgre::test
