// SPDX-License-Identifier: GPL-2.0-only
#include "tests/bpf/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

#include "xgre/error.h"

namespace xgre::test {

Tap::Tap(std::string name)
    // Non-blocking: tun runs XDP natively only on writes that need not wait.
    : fd_{::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)}, name_{std::move(name)} {
    ifreq request{};
    name_.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (!fd_.is_open() || ::ioctl(fd_.get(), TUNSETIFF, &request) != 0)
        throw Error::from_errno(name_, "make tap", errno, "run as root");
    // The device outlives the descriptor, to go with its namespace: that is done by the kernel's
    // own threads, and many at a time, where closing would wait for it.
    if (::ioctl(fd_.get(), TUNSETPERSIST, 1) != 0)
        throw Error::from_errno(name_, "keep tap", errno, "run as root");
    index_ = if_nametoindex(name_.c_str());
}

void Tap::accept_offloads() const {
    if (::ioctl(fd_.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
        throw Error::from_errno(name_, "set offloads", errno, "run as root");
}

bool Tap::send(const Packet& packet, const Offload& offload) const {
    const Bytes& bytes = packet.bytes();
    Offload header = offload;
    std::array<iovec, 2> parts{{
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()},
    }};
    return ::writev(fd_.get(), parts.data(), parts.size()) > 0;
}

std::vector<TapFrame> Tap::received_frames(std::size_t expected) const {
    std::vector<TapFrame> frames;
    Bytes buffer(70000);
    for (;;) {
        TapFrame frame;
        std::array<iovec, 2> parts{{
            {.iov_base = &frame.offload, .iov_len = sizeof(frame.offload)},
            {.iov_base = buffer.data(), .iov_len = buffer.size()},
        }};
        const ssize_t size = ::readv(fd_.get(), parts.data(), parts.size());
        if (size < static_cast<ssize_t>(sizeof(frame.offload))) {
            pollfd more{.fd = fd_.get(), .events = POLLIN, .revents = 0};
            if (frames.size() < expected && ::poll(&more, 1, 1000) == 1) continue;
            return frames;
        }
        const auto length = static_cast<std::size_t>(size) - sizeof(frame.offload);
        frame.packet = Packet::from_bytes(ByteView{buffer.data(), length});
        frames.push_back(std::move(frame));
    }
}

std::vector<Packet> Tap::received(std::size_t expected) const {
    std::vector<Packet> packets;
    for (TapFrame& frame : received_frames(expected))
        packets.push_back(std::move(frame.packet));
    return packets;
}

}  // namespace xgre::test
