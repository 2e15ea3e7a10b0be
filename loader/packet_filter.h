// SPDX-License-Identifier: GPL-2.0-only
// A filter in libpcap's language (pcap-filter(7)), for Ethernet frames.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct bpf_program;

namespace xgre {

class PacketFilter {
public:
    // Of an empty text, everything. Throws Error with what libpcap says.
    explicit PacketFilter(const std::string& text);

    // `length` of the frame, of which `bytes` may be the beginning only.
    bool matches(std::span<const std::uint8_t> bytes, std::uint32_t length) const;

private:
    struct Free {
        void operator()(bpf_program* program) const noexcept;
    };
    std::unique_ptr<bpf_program, Free> program_;
};

}  // namespace xgre
