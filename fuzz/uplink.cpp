// SPDX-License-Identifier: GPL-2.0-only
// Packets from the wire: uplink_xdp and uplink_tc.
#include <algorithm>
#include <cstring>
#include <span>

#include "fuzz/harness.h"

namespace xgre::test::fuzz {
namespace {

Bench& bench() {
    static Bench only;
    return only;
}

parsed_outer parse_outer(const Input& input) {
    return fuzz_outer(input.bytes.data(), static_cast<unsigned>(input.bytes.size()),
                      number(kHostA.ip));
}

parsed_flow parse_flow(const Input& input) {
    return fuzz_flow(input.bytes.data(), static_cast<unsigned>(input.bytes.size()),
                     kHostA.mac.bytes.data(), number(kHostA.ip));
}

// The network of the tunnel that this packet comes by; 0: of none.
std::uint32_t network_of(const parsed_outer& outer) {
    const bool keyed = outer.keyed != 0;
    if (keyed && outer.key != __builtin_bswap32(Bench::kKey)) return 0;
    if (outer.source == number(kHostB.ip)) return keyed ? 1 : 2;
    return keyed && outer.source == number(kHostC.ip) ? 1 : 0;
}

std::vector<Packet> copies(std::uint32_t network, const parsed_frame& frame, const Packet& inner) {
    if (is_too_large(inner.size(), frame)) return {};
    return std::vector<Packet>(network == 1 ? 2 : 1, inner);
}

bool has_wrong_sum(const Input& input, const parsed_outer& outer) {
    const ByteView gre{input.bytes.data() + outer.gre_offset,
                       outer.len - outer.gre_offset + outer.inner_len};
    return outer.checksummed != 0 && internet_checksum(gre) != 0;
}

// Of a packet with outer headers that are right.
Expected expect_inner(const Input& input, const parsed_outer& outer) {
    const parsed_frame frame = input.frame(outer.len);
    const Packet inner =
        Packet::from_bytes(ByteView{input.bytes}.subspan(outer.len, outer.inner_len));
    const std::uint32_t network = network_of(outer);
    Expected expected{.bytes = outer.inner_len, .out = inner};
    // To verify a sum, and to cut padding off, is TC's work.
    expected.xdp_may_punt =
        outer.checksummed != 0 || outer.len + outer.inner_len != input.bytes.size();
    const auto is = [&expected](xgre_verdict verdict) {
        expected.verdict = verdict;
        return expected;
    };

    if (network == 0) return is(XGRE_UNKNOWN_PEER);
    if (frame.verdict != XGRE_GO) return is(static_cast<xgre_verdict>(frame.verdict));
    if (has_wrong_sum(input, outer)) return is(XGRE_GRE_CHECKSUM);
    if (is_group(frame.src) || is_zero(frame.src)) return is(XGRE_BAD_SOURCE);
    if (!is_group(frame.dst) && bench().is_behind_peer(network, frame))
        return is(XGRE_SPLIT_HORIZON);
    const Port* port = bench().port_of(network, frame);
    if (port == nullptr || is_group(frame.dst)) {
        expected.xdp_may_punt = true;
        expected.at_ports = copies(network, frame, inner);
        return is(XGRE_FLOODED);
    }
    if (is_too_large(inner.size(), frame)) return is(XGRE_TOO_LARGE);
    if (port == &bench().c && !expected.xdp_may_punt) expected.handed_over = frame.tcp_header_len;
    return is(XGRE_TO_PORT);
}

Expected expect(const Input& input) {
    const parsed_outer outer = parse_outer(input);
    if (outer.verdict == XGRE_PASS ||
        std::memcmp(input.bytes.data(), kHostA.mac.bytes.data(), 6) != 0)
        return {.xdp_may_punt = true};
    if (outer.verdict == XGRE_GO) return expect_inner(input, outer);
    return {.verdict = static_cast<xgre_verdict>(outer.verdict),
            .bytes = outer.inner_len != 0 ? outer.inner_len : input.bytes.size()};
}

// Both parsers of outer headers agree about where the inner frame begins.
void check_flow(const Input& input) {
    const parsed_outer outer = parse_outer(input);
    const parsed_flow flow = parse_flow(input);
    if (outer.verdict != XGRE_GO ||
        std::memcmp(input.bytes.data(), kHostA.mac.bytes.data(), 6) != 0)
        return;
    const parsed_frame frame = input.frame(outer.len);
    if ((flow.found != 0) != (frame.verdict == XGRE_GO) ||
        (flow.found != 0 && flow.inner_offset < outer.len))
        std::abort();
}

// A GRE header that is taken, and a frame between VMs.
void mend_inside(std::span<std::uint8_t> gre, bool to_c) {
    gre[0] &= 0xb0;
    gre[1] = 0;
    const auto flag = [&gre](std::uint8_t bit) { return (gre[0] & bit) != 0 ? 4u : 0u; };
    const std::size_t key = 4 + flag(0x80);
    const std::size_t inner = key + flag(0x20) + flag(0x10);
    if (gre.size() < inner + 12) return;
    if (flag(0x20) != 0) {
        std::fill_n(gre.begin() + static_cast<std::ptrdiff_t>(key), 3, std::uint8_t{0});
        gre[key + 3] = Bench::kKey;
    }
    const MacAddress to = to_c ? kVmC.mac : kVmA.mac;
    std::ranges::copy(to.bytes, gre.begin() + static_cast<std::ptrdiff_t>(inner));
    std::ranges::copy(kVmB.mac.bytes, gre.begin() + static_cast<std::ptrdiff_t>(inner) + 6);
}

// What mutation cannot hit on, addresses and sums and lengths, is put right in most inputs.
void mend(std::span<std::uint8_t> frame, unsigned chance) {
    constexpr std::size_t ip = 14;
    const auto set = [&frame](std::size_t at, std::size_t value) {
        frame[at] = static_cast<std::uint8_t>(value >> 8);
        frame[at + 1] = static_cast<std::uint8_t>(value);
    };
    const auto one_in = [&chance](unsigned n) {  // a digit of `chance`
        const unsigned digit = chance % n;
        chance /= n;
        return digit == 0;
    };
    if (frame.size() < ip + 20) return;
    const std::size_t header = std::size_t{frame[ip] & 0x0fu} * 4;
    if (header < 20 || frame.size() < ip + header + 4) return;
    if (!one_in(8)) {
        std::ranges::copy(kHostA.mac.bytes, frame.begin());
        set(12, kEtherTypeIpv4);
        frame[ip] = static_cast<std::uint8_t>(0x40 | frame[ip] % 16);
        frame[ip + 9] = kProtocolGre;
        std::ranges::copy(kHostA.ip.bytes, frame.begin() + ip + 16);
        set(ip + header + 2, kEtherTypeTransparentBridging);
    }
    if (!one_in(8)) std::ranges::copy(kHostB.ip.bytes, frame.begin() + ip + 12);
    if (!one_in(8)) set(ip + 6, 0);
    if (!one_in(4)) set(ip + 2, frame.size() - ip);
    if (!one_in(8)) {
        set(ip + 10, 0);
        set(ip + 10, internet_checksum(frame.subspan(ip, header)));
    }
    const std::span gre = frame.subspan(ip + header);
    if (!one_in(4)) mend_inside(gre, one_in(2));
    if ((gre[0] & 0x80) == 0 || gre.size() < 8 || one_in(4)) return;
    const std::size_t sum = ip + header + 4;
    set(sum, 0);
    set(sum, internet_checksum(gre));
}

std::vector<Packet> seeds() {
    std::vector<Packet> all;
    const auto add = [&all](const Ipv4Options& outer, const GreOptions& header) {
        all.push_back(eth(kHostB, kHostA) / ipv4(kHostB, kHostA, outer) / gre(header) /
                      eth(kVmB, kVmA) / payload(46));
    };
    for (const Packet& inner : frames()) {
        all.push_back(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 7}) / inner);
        all.push_back(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre() / inner);
    }
    add({}, {.key = 7, .checksum = true});
    add({}, {.key = 7, .checksum = 0x4242});
    add({}, {.key = 7, .sequence = 1});
    add({}, {.key = 7, .checksum = true, .sequence = 1});
    add({}, {.key = 7, .flags_extra = 0x4000});
    add({}, {.key = 7, .version = 1});
    add({}, {.key = 8});
    add({}, {.protocol = 0x0800});
    add({.options = Bytes(40, 1)}, {.key = 7});
    add({.more_fragments = true}, {.key = 7});
    add({.frag_offset = 3}, {.key = 7});
    add({.checksum = 0x4242}, {.key = 7});
    add({.total_length = 30}, {.key = 7});
    all.push_back(concat(all.front(), payload(7)));
    all.push_back(cut(all.front(), 60));
    return all;
}

}  // namespace
}  // namespace xgre::test::fuzz

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

int LLVMFuzzerInitialize(int* argc, char*** argv) {
    xgre::test::fuzz::write_seeds_if_asked(*argc, *argv, xgre::test::fuzz::seeds());
    xgre::test::fuzz::bench();
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    xgre::test::fuzz::mend({data, size}, seed);
    return size;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 14) return 0;  // no device takes that
    const xgre::test::fuzz::Input input{{data, size}};
    xgre::test::fuzz::check_flow(input);
    xgre::test::fuzz::bench().compare(input, nullptr, xgre::test::fuzz::expect(input));
    return 0;
}
}
