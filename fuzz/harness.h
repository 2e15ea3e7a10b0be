// SPDX-License-Identifier: GPL-2.0-only
// A host for the fuzzer's inputs: the loaded programs on maps that no input can change, so that the
// same frame meets the same fate whenever it comes. What has to become of a frame is said by the
// parsing headers as the host's compiler and its sanitizers have them (shim/parser.h).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/shim/parser.h"
#include "tests/bpf/datapath_fixture.h"
#include "tests/model/outer.h"

namespace xgre::test::fuzz {

constexpr std::size_t kMaxInput =
    1700;  // bytes: XDP's buffer holds them, and devices of MTU 1500 do not
constexpr std::size_t kMtu = 1500;

// The parsers get an allocation of just this size: the sanitizer sees a byte more that is read.
struct Input {
    explicit Input(ByteView all) : bytes{all.begin(), all.end()} {}
    parsed_frame frame(std::size_t offset = 0) const;

    Bytes bytes;
};

// What has to become of a frame.
struct Expected {
    xgre_verdict verdict = XGRE_PASS;  // PASS, and PUNT of what is held: not counted
    std::uint64_t bytes = 0;           // as counted
    Packet out = {};                   // with TO_PORT and TO_PEER
    bool xdp_may_punt = false;         // else XDP has to take it
    unsigned handed_over = 0;          // not 0: XDP leaves it to GRO, with this header_len
    // Of a flooded frame.
    std::vector<Packet> at_ports = {};
    std::vector<Packet> on_wire = {};
};

// Network 1 (key 7): ports a, and c which takes large segments; hosts B and C, and the gateway over
// IPv6. Network 2 (no key): port d, and host B. VMs a, c, d behind the port of their letter, VM b
// behind host B; on VLAN 5, too. The FDB has room for these, which are static, and for no more.
class Bench : public Host {
public:
    static constexpr std::uint32_t kKey = 7;

    Bench();
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench();  // says how often what became of a frame

    // Runs both programs and aborts, having said why, where one does something else.
    void compare(const Input& input, const Port* ingress, const Expected& expected);
    const std::map<std::uint32_t, model::Peer>& peers() const { return peers_; }
    // What is sent to a peer of network 1; nullopt: too large.
    std::optional<Packet> tunneled(std::uint32_t peer, const Packet& frame) const;
    // As it is sent to, or taken from, these peers.
    Packet with_mss(const Packet& frame, const std::vector<std::uint32_t>& peers) const;
    // Where the FDB says that the destination is: a port, a peer's id, or nobody.
    const Port* port_of(std::uint32_t network, const parsed_frame& frame) const;
    bool is_behind_peer(std::uint32_t network, const parsed_frame& frame) const;

    Port& a;
    Port& c;
    Port& d;

private:
    struct Program {
        const char* name;
        xgre_program id;
    };
    void check(const Input& input, std::uint32_t ingress, const Program& program,
               const Expected& expected);
    void check_copies(const Input& input, const Expected& expected) const;
    [[noreturn]] static void differ(const Input& input, const Program& program,
                                    std::string_view what);

    const std::map<std::uint32_t, model::Peer> peers_;
    std::map<std::uint32_t, std::vector<xgre_count>> counted_;  // by program, as of the last look
    std::map<std::string, std::uint64_t> fates_;
    OnOneCpu pinned_;
};

inline bool is_group(const unsigned char* mac) {
    return (mac[0] & 1) != 0;
}
bool is_zero(const unsigned char* mac);
// Is the frame too long for a device of MTU kMtu, which allows for one tag?
bool is_too_large(std::size_t size, const parsed_frame& frame);

// Writes seeds into the directory that `--seeds DIRECTORY` names, and ends the process.
void write_seeds_if_asked(int argc, char** argv, const std::vector<Packet>& seeds);
// Frames of all kinds, as VMs send them.
std::vector<Packet> frames();

}  // namespace xgre::test::fuzz
