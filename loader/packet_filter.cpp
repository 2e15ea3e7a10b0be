// SPDX-License-Identifier: GPL-2.0-only
#include "loader/packet_filter.h"

#include <pcap/pcap.h>

#include "xgre/error.h"

namespace xgre {
namespace {

struct Close {
    void operator()(pcap_t* handle) const noexcept { pcap_close(handle); }
};

}  // namespace

void PacketFilter::Free::operator()(bpf_program* program) const noexcept {
    pcap_freecode(program);
    delete program;
}

PacketFilter::PacketFilter(const std::string& text) {
    constexpr int kSnapLength = 262144;
    const std::unique_ptr<pcap_t, Close> ethernet{pcap_open_dead(DLT_EN10MB, kSnapLength)};
    program_.reset(new bpf_program{});
    if (pcap_compile(ethernet.get(), program_.get(), text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
        throw Error{"filter '" + text + "'", pcap_geterr(ethernet.get()),
                    "give one as tcpdump takes it: see pcap-filter(7)"};
}

bool PacketFilter::matches(std::span<const std::uint8_t> bytes, std::uint32_t length) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<std::uint32_t>(bytes.size());
    header.len = length;
    return pcap_offline_filter(program_.get(), &header, bytes.data()) != 0;
}

}  // namespace xgre
