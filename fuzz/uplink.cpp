// SPDX-License-Identifier: GPL-2.0-only
// Packets from the wire: uplink_xdp and uplink_tc.
#include <algorithm>
#include <cstdlib>
#include <span>

#include <fmt/format.h>

#include "fuzz/harness.h"
#include "tests/model/fragments.h"

namespace xgre::test::fuzz {
namespace {

Bench& bench() {
    static Bench only;
    return only;
}

constexpr fuzz_self self() {
    fuzz_self all{};
    std::ranges::copy(kHostA.mac.bytes, all.mac);
    std::ranges::copy(kHostA.ip.bytes, all.ip);
    std::ranges::copy(kHostA.ip6.bytes, all.ip6);
    return all;
}

parsed_outer parse_outer(const Input& input, fuzz_reading reading = FUZZ_WHOLE) {
    constexpr fuzz_self uplink = self();
    return fuzz_outer(input.bytes.data(), static_cast<unsigned>(input.bytes.size()), &uplink,
                      reading);
}

parsed_flow parse_flow(const Input& input) {
    constexpr fuzz_self uplink = self();
    return fuzz_flow(input.bytes.data(), static_cast<unsigned>(input.bytes.size()), &uplink);
}

bool is_to_us(const Input& input) {
    return std::ranges::equal(kHostA.mac.bytes, ByteView{input.bytes}.first(6));
}

// The peer that this packet comes from; 0: none.
std::uint32_t peer_of(const model::Incoming& in) {
    for (const auto& [id, peer] : bench().peers())
        if (model::is_from(peer, in)) return id;
    return 0;
}

std::vector<Packet> copies(std::uint32_t network, const parsed_frame& frame, const Packet& inner) {
    if (is_too_large(inner.size(), frame)) return {};
    return std::vector<Packet>(network == 1 ? 2 : 1, inner);
}

// Of a packet with outer headers that are right.
Expected expect_inner(const Input& input, const parsed_outer& outer, const model::Incoming& in) {
    const parsed_frame frame = input.frame(outer.len);
    const std::uint32_t peer = peer_of(in);
    const std::uint32_t network = peer == 0 ? 0 : bench().peers().at(peer).network;
    Bytes marked{in.inner.begin(), in.inner.end()};
    const xgre_verdict ecn = model::take_ecn(in.ecn, marked);
    Packet inner = Packet::from_bytes(marked);
    if (peer != 0 && frame.syn != 0) inner = bench().with_mss(inner, {peer});
    Expected expected{.bytes = outer.inner_len, .out = inner};
    // To verify a sum, and to cut padding off, is TC's work.
    expected.xdp_may_punt = frame.syn != 0 || outer.checksummed != 0 ||
                            outer.len + outer.inner_len != input.bytes.size();
    const auto is = [&expected](xgre_verdict verdict) {
        expected.verdict = verdict;
        return expected;
    };

    if (network == 0) return is(XGRE_UNKNOWN_PEER);
    if (frame.verdict != XGRE_GO) return is(static_cast<xgre_verdict>(frame.verdict));
    if (!in.sum_is_right) return is(XGRE_GRE_CHECKSUM);
    if (is_group(frame.src) || is_zero(frame.src)) return is(XGRE_BAD_SOURCE);
    if (!is_group(frame.dst) && bench().is_behind_peer(network, frame))
        return is(XGRE_SPLIT_HORIZON);
    const Port* port = bench().port_of(network, frame);
    if (port == nullptr || is_group(frame.dst)) {
        expected.xdp_may_punt = true;
        if (ecn != XGRE_GO) return is(ecn);
        expected.at_ports = copies(network, frame, inner);
        return is(XGRE_FLOODED);
    }
    if (is_too_large(inner.size(), frame)) {
        expected.xdp_may_punt = true;  // to be cut, or its sender told
        return is(XGRE_TOO_LARGE);
    }
    // XDP learns nothing of what TC may get after all.
    if (std::equal(frame.src, frame.src + sizeof(frame.src), frame.dst))
        expected.xdp_may_punt = true;
    if (ecn != XGRE_GO) return is(ecn);
    if (port == &bench().c && !expected.xdp_may_punt) expected.handed_over = frame.tcp_header_len;
    return is(XGRE_TO_PORT);
}

// The headers and the model agree about what is a tunnel packet, and where it has what.
[[noreturn]] void disagree(const Input& input, const char* what) {
    fmt::print(stderr, "fuzz: headers: {}\n{}", what, decode(input.bytes));
    std::abort();
}

void check_headers(const Input& input, const parsed_outer& outer, xgre_verdict verdict,
                   const model::Incoming& in) {
    if (outer.verdict != verdict) disagree(input, "another verdict than the model's");
    if (in.inner.size() != outer.inner_len && !in.inner.empty())
        disagree(input, "another length than the model's");
    const int brief = parse_outer(input, FUZZ_BRIEFLY).verdict;
    if (brief != XGRE_PUNT && brief != verdict) disagree(input, "in brief another verdict");
    if (verdict != XGRE_GO) return;
    if (in.inner.data() != input.bytes.data() + outer.len)
        disagree(input, "the inner frame is elsewhere");
    const parsed_flow flow = parse_flow(input);
    if (brief == XGRE_PUNT) return;
    if ((flow.found != 0) != (input.frame(outer.len).verdict == XGRE_GO) ||
        (flow.found != 0 && flow.inner_offset != outer.len))
        disagree(input, "to spread it, the inner frame is looked for elsewhere");
}

// Alone: nothing is held that it could be the second of.
Expected expect_fragment(const Input& input) {
    model::Incoming in;
    const parsed_outer outer = parse_outer(input, FUZZ_FIRST);
    const xgre_verdict verdict = model::take_apart(kHostA, input.bytes, in);
    if (outer.verdict != verdict) disagree(input, "of a fragment another verdict than the model's");
    Expected expected{.verdict = verdict, .bytes = outer.inner_len, .xdp_may_punt = true};
    if (expected.bytes == 0) expected.bytes = input.bytes.size();
    if (verdict != XGRE_GO) return expected;
    const auto fragment = model::read_fragment(kHostA, input.bytes);
    if (peer_of(in) == 0)
        expected.verdict = XGRE_UNKNOWN_PEER;
    else if (!fragment || (fragment->end - fragment->payload) % 8 != 0)
        expected.verdict = XGRE_FRAGMENT;
    else
        expected.verdict = XGRE_PUNT;
    return expected;
}

Expected expect(const Input& input) {
    if (!is_to_us(input)) return {.xdp_may_punt = true};
    const parsed_outer outer = parse_outer(input);
    if (outer.verdict == XGRE_FRAGMENT) return expect_fragment(input);
    model::Incoming in;
    const xgre_verdict verdict = model::take_apart(kHostA, input.bytes, in);
    check_headers(input, outer, verdict, in);
    Expected expected{.verdict = verdict,
                      .bytes = in.inner.empty() ? input.bytes.size() : in.inner.size()};
    if (verdict == XGRE_GO) expected = expect_inner(input, outer, in);
    if (parse_outer(input, FUZZ_BRIEFLY).verdict == XGRE_PUNT || verdict == XGRE_PASS)
        expected.xdp_may_punt = true;
    if (expected.xdp_may_punt) expected.handed_over = 0;
    return expected;
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
void mend_ipv6(std::span<std::uint8_t> frame, unsigned chance) {
    constexpr std::size_t ip = 14;
    std::ranges::copy(kHostA.mac.bytes, frame.begin());
    frame[ip] = static_cast<std::uint8_t>(0x60 | frame[ip] % 16);
    std::ranges::copy(kGateway.ip6.bytes, frame.begin() + ip + 8);
    std::ranges::copy(kHostA.ip6.bytes, frame.begin() + ip + 24);
    if (chance % 4 == 0) return;
    frame[ip + 4] = static_cast<std::uint8_t>((frame.size() - ip - 40) >> 8);
    frame[ip + 5] = static_cast<std::uint8_t>(frame.size() - ip - 40);
    const std::span rest = frame.subspan(ip + 40);
    if (chance % 8 > 3 || rest.size() < 8) return;
    frame[ip + 6] = kProtocolGre;
    rest[2] = kEtherTypeTransparentBridging >> 8;
    rest[3] = kEtherTypeTransparentBridging & 0xff;
    mend_inside(rest, chance % 2 == 0);
}

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
    if (frame.size() >= ip + 44 && get16(frame, 12) == kEtherTypeIpv6) {
        mend_ipv6(frame, chance);
        return;
    }
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
    const Packet inner = eth(kVmB, kVmC) / ipv4(kVmB, kVmC, {.tos = 2}) / tcp(40000, 80);
    const auto add6 = [&](const Packet& ip) {
        all.push_back(eth(kGateway, kHostA) / ip / gre({.key = 7}) / inner);
    };
    const Packet ip6 = ipv6(kGateway, kHostA, {.traffic_class = 3});
    add6(ip6);
    add6(ip6 / ipv6_encap_limit());
    add6(ip6 / ipv6_encap_limit() / ipv6_encap_limit());
    add6(ip6 / ipv6_fragment());
    add6(ip6 / ipv6_fragment({.more_fragments = true}));
    add({.tos = 3}, {.key = 7});
    add({.tos = 1}, {.key = 7, .checksum = true});
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
    xgre::test::fuzz::bench().compare(input, nullptr, xgre::test::fuzz::expect(input));
    return 0;
}
}
