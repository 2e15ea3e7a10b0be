// SPDX-License-Identifier: GPL-2.0-only
// What would happen to a frame in an instance, step by step; the instance does not notice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/session.h"
#include "xgre/vlan.h"

namespace xgre {

using TraceFrame = std::vector<std::uint8_t>;  // Ethernet, from the destination MAC on

// ---- Frames -------------------------------------------------------------------------------

enum class FrameProtocol : std::uint8_t { udp, tcp, icmp };

// A frame of a VM. What is in it beside this is made up: addresses of documentation, a request by
// ARP, an echo request, a segment with ACK, and zeros.
struct FrameSpec {
    Mac source;
    Mac destination;
    std::uint16_t type = 0;                      // EtherType
    std::optional<Vlan> vlan = {};               // a tag; none without
    std::optional<std::size_t> size = {};        // bytes; 60, or what it takes, without
    std::optional<FrameProtocol> protocol = {};  // of IPv4 and IPv6; udp without
    std::optional<std::uint16_t> port = {};  // the destination's, of UDP and TCP; 9 or 80 without
    std::optional<std::uint8_t> icmp_type = {};  // of ICMP; an echo request without
};

// Throws Error when it does not fit `size`.
TraceFrame make_frame(const FrameSpec& spec);

// Frame `number`, from 1 on, of a file that libpcap reads. Throws Error when there is no such, or
// not whole.
TraceFrame frame_of_file(const std::string& path, std::uint32_t number);

// ---- What would become of it --------------------------------------------------------------

struct TraceStep {
    std::string step;  // "from", "ethernet", "source", "destination", "xdp", "verdict", ...
    std::string text;
};

// A frame that leaves.
struct TraceDeparture {
    std::string device;
    bool is_uplink = false;
    std::string network;         // of a port
    std::optional<IpAddr> peer;  // by the uplink
    bool waits = false;          // until the kernel knows the next hop's MAC: `frame` has 02:00:..
    bool lost = false;           // the device is down or without carrier: `frame` is empty
    TraceFrame frame;
    std::vector<std::string> layers;
};

// Copies of a flooded frame that are dropped.
struct TraceLoss {
    std::string verdict;
    std::string help;
    std::string way_out;
    std::uint64_t copies = 0;
};

struct Trace {
    std::string instance;
    std::string device;
    bool is_uplink = false;
    std::string network;              // where it is known
    std::optional<IpAddr> from_peer;  // of a tunnel packet
    std::uint16_t vlan = 0;
    std::size_t size = 0;      // bytes, as it came
    bool other_build = false;  // these are this tool's programs, and the instance's are others
    std::vector<TraceStep> steps;
    std::string program;  // that decided; empty where none did
    std::string verdict;  // a name of xgre/abi.h; "none": no program got it
    std::string help;
    bool drop = false;
    std::string way_out;                 // of a drop
    bool by_detour = false;              // it went through the veth pair
    std::vector<std::string> notes;      // names of xgre/abi.h: "learned", ...
    std::vector<TraceDeparture> leaves;  // ports first
    std::vector<TraceLoss> lost;
    std::optional<std::string> tc_verdict;  // with `tc_alone`
    bool tc_agrees = true;
    std::vector<Trace> onward;  // what a peer on this machine does with what leaves
};

struct TraceOptions {
    bool tc_alone = false;  // also what TC decides without XDP
};

// Holds a stand-in of an instance: the programs once more, on copies of its maps, in a network
// namespace of its own. To make one takes some time; each trace then starts from the instance as it
// is at that moment. Nothing of it stays. Everything throws Error.
class Tracer {
public:
    explicit Tracer(const Session& session);
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;
    Tracer(Tracer&&) noexcept;
    Tracer& operator=(Tracer&&) noexcept;
    ~Tracer();

    // As if received by `device`, the uplink or a port.
    Trace trace(std::span<const std::uint8_t> frame, const std::string& device,
                const TraceOptions& options = {});
    // Several, one after the other: each meets what those before it have left behind.
    std::vector<Trace> trace_all(const std::vector<TraceFrame>& frames, const std::string& device,
                                 const TraceOptions& options = {});

    // The uplink, for a tunnel packet to this instance; nullopt: it may come by any.
    std::optional<std::string> device_of(std::span<const std::uint8_t> frame) const;
    // A MAC that was learned behind this port, or is static there; else one made up, always the
    // same.
    Mac source_behind(const std::string& port, std::uint16_t vlan) const;

private:
    class State;
    std::unique_ptr<State> state_;
};

// Goes on with what leaves `trace` for a peer that is the instance `name` of this machine.
void trace_onward(Trace& trace, const std::string& name, const TraceOptions& options = {});

}  // namespace xgre
