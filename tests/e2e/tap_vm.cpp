// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/tap_vm.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/loader/lab.h"
#include "tests/packet/wire.h"
#include "xgre/mac.h"

namespace xgre::test {
namespace {

// TUN_F_USO4, TUN_F_USO6: Linux 6.2.
constexpr unsigned kUso = 0x20 | 0x40;

// struct virtio_net_hdr; the kernel's header is no C++.
constexpr std::size_t kVnetHeader = 10;
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kLargeTcp4 = 1;
constexpr std::uint8_t kLargeTcp6 = 4;
constexpr std::uint8_t kLargeUdp = 5;
constexpr std::uint8_t kKindMask = 0x7f;  // without ECN

constexpr std::size_t kLargest = (1 << 16) + 256;

// As a VM's process does for a guest that takes everything. False: all but datagrams.
bool take_offloads(const Fd& tap) {
    const unsigned all = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (ioctl(tap.get(), TUNSETOFFLOAD, all | kUso) == 0) return true;
    if (ioctl(tap.get(), TUNSETOFFLOAD, all) != 0)
        throw std::runtime_error{"a tap does not take offloads"};
    return false;
}

Fd tap_in(const Netns& netns, const std::string& device, bool vnet_hdr) {
    const NetnsScope scope = netns.enter();
    Fd tap = open_tap(device, vnet_hdr ? IFF_VNET_HDR : 0);
    // The kernel runs XDP natively only on writes that need not wait.
    if (fcntl(tap.get(), F_SETFL, O_NONBLOCK) != 0)
        throw std::runtime_error{"a tap that waits for nothing"};
    return tap;
}

void count(Crossed& crossed, ByteView all, std::size_t header) {
    ++crossed.frames;
    if (all.size() >= header + 14 && get16(all, header + 12) == kEtherTypeVlan) ++crossed.tagged;
    if (header == 0) return;
    if ((all[0] & kNeedsChecksum) != 0) ++crossed.checksum_open;
    const auto kind = static_cast<std::uint8_t>(all[1] & kKindMask);
    if (kind == kLargeTcp4) ++crossed.large_tcp4;
    if (kind == kLargeTcp6) ++crossed.large_tcp6;
    if (kind == kLargeUdp) ++crossed.large_udp;
}

}  // namespace

TapVm::TapVm(const Host& host, std::string_view role, const Station& station,
             const TapVmOptions& options)
    : netns_{fmt::format("vm-{}", role)},
      port_{fmt::format("tap-{}", role)},
      vnet_hdr_{options.vnet_hdr},
      outside_{tap_in(host.netns(), port_, vnet_hdr_)},
      inside_{tap_in(netns_, "eth0", vnet_hdr_)},
      stop_{eventfd(0, EFD_CLOEXEC)} {
    if (vnet_hdr_) has_uso_ = take_offloads(outside_) && take_offloads(inside_);
    host.netns().ip(fmt::format("link set {} mtu {} up", port_, options.port_mtu));
    netns_.ip(fmt::format("link set eth0 address {} mtu {} up", Mac{station.mac.bytes}.format(),
                          options.mtu));
    carrier_ = std::thread{[this] { carry_all(); }};
}

TapVm::~TapVm() {
    const std::uint64_t one = 1;
    if (write(stop_.get(), &one, sizeof(one)) != sizeof(one)) std::abort();
    carrier_.join();
}

// False: there is nothing more to read.
bool TapVm::carry(const Fd& from, const Fd& to, Crossed& crossed) const {
    std::array<std::uint8_t, kLargest> frame{};
    const ssize_t size = read(from.get(), frame.data(), frame.size());
    if (size <= 0) return false;
    const auto whole = static_cast<std::size_t>(size);
    count(crossed, ByteView{frame}.first(whole), vnet_hdr_ ? kVnetHeader : 0);
    // What the kernel does not take is lost, as on any wire.
    return write(to.get(), frame.data(), whole) == size || errno != EBADF;
}

void TapVm::carry_all() {
    std::array<pollfd, 3> ready{
        {{inside_.get(), POLLIN, 0}, {outside_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while ((ready[2].revents & POLLIN) == 0) {
        if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return;
        for (int i = 0; i < 64 && carry(inside_, outside_, sent_); ++i) {
        }
        for (int i = 0; i < 64 && carry(outside_, inside_, got_); ++i) {
        }
    }
}

}  // namespace xgre::test
