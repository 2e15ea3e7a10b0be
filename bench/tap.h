// SPDX-License-Identifier: GPL-2.0-only
// A tap as a VM with offloads has it, and what goes through it.
#pragma once

#include <cstdint>
#include <string>

#include "bench/fd.h"

namespace xgre::bench {

// What its sender left to do of a frame: struct virtio_net_hdr; the kernel's header is no C++.
struct Offload {
    static constexpr std::uint8_t kFillInChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
    static constexpr std::uint8_t kChecked = 2;         // VIRTIO_NET_HDR_F_DATA_VALID
    static constexpr std::uint8_t kTcp4 = 1;            // VIRTIO_NET_HDR_GSO_TCPV4

    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t header_len = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
};
static_assert(sizeof(Offload) == 10);

// Makes the device `name` in the current network namespace, which may be given frames with
// checksums to be filled in and large TCP segments. It goes with the descriptor, whose reads and
// writes do not wait.
Fd open_tap(const std::string& name);

}  // namespace xgre::bench
