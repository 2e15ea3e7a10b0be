// SPDX-License-Identifier: GPL-2.0-only
// A tap device, held by its other end: what a VM sends is a write, what it gets is a read. The
// kernel works off a write before it returns, so a test seldom waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "loader/fd.h"
#include "tests/packet/packet.h"

namespace xgre::test {

// What the sender of a frame left to do. struct virtio_net_hdr; the kernel's header is no C++.
struct Offload {
    static constexpr std::uint8_t kFillInChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
    static constexpr std::uint8_t kTcp4 = 1;            // VIRTIO_NET_HDR_GSO_TCPV4
    static constexpr std::uint8_t kTcp6 = 4;            // VIRTIO_NET_HDR_GSO_TCPV6
    static constexpr std::uint8_t kFragments = 3;       // VIRTIO_NET_HDR_GSO_UDP
    static constexpr std::uint8_t kDatagrams = 5;       // VIRTIO_NET_HDR_GSO_UDP_L4

    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t header_len = 0;  // bytes that the kernel keeps together; the rest may be pages
    std::uint16_t gso_size = 0;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
};
static_assert(sizeof(Offload) == 10);

struct TapFrame {
    Packet packet;
    Offload offload;
};

class Tap {
public:
    // Makes the device `name` in the current network namespace; it is down. It goes with the
    // namespace.
    explicit Tap(std::string name);

    const std::string& name() const { return name_; }
    std::uint32_t index() const { return index_; }

    // The device takes frames with checksums not filled in, and large TCP segments.
    void accept_offloads() const;

    // False: the kernel did not take it.
    [[nodiscard]] bool send(const Packet& packet, const Offload& offload = {}) const;
    // What has left by this device since the last call. Where fewer than `expected` have, more
    // are waited for, a second at the most: the kernel may do some work later.
    std::vector<TapFrame> received_frames(std::size_t expected = 0) const;
    std::vector<Packet> received(std::size_t expected = 0) const;

private:
    Fd fd_;
    std::string name_;
    std::uint32_t index_;
};

}  // namespace xgre::test
