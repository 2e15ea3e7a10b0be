// SPDX-License-Identifier: GPL-2.0-only
// Frames from a VM: port_xdp and port_tc.

#include "fuzz/harness.h"

namespace xgre::test::fuzz {
namespace {

Bench& bench() {
    static Bench only;
    return only;
}

// As from port a.
Expected expect(const Input& input) {
    const parsed_frame frame = input.frame();
    const Packet packet = Packet::from_bytes(input.bytes);
    Expected expected{.bytes = packet.size(), .out = packet};
    const auto is = [&expected](xgre_verdict verdict) {
        expected.verdict = verdict;
        return expected;
    };

    if (frame.verdict != XGRE_GO) return is(static_cast<xgre_verdict>(frame.verdict));
    // TC refuses odd tags; but a test run leaves all of them in the bytes, where it takes any.
    expected.xdp_may_punt = is_zero(frame.src) || frame.odd_tags != 0 || frame.syn != 0;
    if (is_group(frame.src) || is_zero(frame.src)) return is(XGRE_BAD_SOURCE);
    if (!is_group(frame.dst) && bench().is_behind_peer(1, frame)) {
        const auto out = bench().tunneled(1, bench().with_mss(packet, {1}));
        expected.out = out.value_or(packet);
        expected.xdp_may_punt |= !out;  // to be cut, or its sender told
        return is(out ? XGRE_TO_PEER : XGRE_TOO_LARGE);
    }
    const Port* port = bench().port_of(1, frame);
    if (port == nullptr || is_group(frame.dst)) {
        expected.xdp_may_punt = true;
        if (!is_too_large(packet.size(), frame)) expected.at_ports = {packet};
        const Packet copy = bench().with_mss(packet, {1, 2, 4});
        for (const std::uint32_t peer : {1u, 2u, 4u})
            if (const auto out = bench().tunneled(peer, copy)) expected.on_wire.push_back(*out);
        return is(XGRE_FLOODED);
    }
    if (port == &bench().a) return is(XGRE_SAME_PORT);
    const bool is_long = is_too_large(packet.size(), frame);
    expected.xdp_may_punt |= is_long;
    return is(is_long ? XGRE_TOO_LARGE : XGRE_TO_PORT);
}

}  // namespace
}  // namespace xgre::test::fuzz

extern "C" {

int LLVMFuzzerInitialize(int* argc, char*** argv) {
    xgre::test::fuzz::write_seeds_if_asked(*argc, *argv, xgre::test::fuzz::frames());
    xgre::test::fuzz::bench();
    return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const xgre::test::fuzz::Input input{{data, size}};
    if (size < 14) return 0;  // no device takes that
    xgre::test::fuzz::bench().compare(input, &xgre::test::fuzz::bench().a,
                                      xgre::test::fuzz::expect(input));
    return 0;
}
}
