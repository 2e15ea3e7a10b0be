// SPDX-License-Identifier: GPL-2.0-only
// Frames as the programs of an instance see them, and what becomes of each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xgre/ip_addr.h"
#include "xgre/session.h"

namespace xgre {

// What to capture: frames that match everything given.
struct CaptureSpec {
    std::optional<std::string> port = {};  // comes in or leaves by it
    std::optional<IpAddr> peer = {};       // comes from it or goes to it
    std::optional<std::string> network = {};
    bool drops = false;                      // only what is dropped
    std::optional<std::string> reason = {};  // with `drops`: for this reason, a name of xgre/abi.h
    std::string filter = {};  // in libpcap's language, of the frame as it comes or as it
                              // leaves; empty: all
    std::optional<std::uint32_t> bytes = {};  // of each, at most; all without
    std::optional<std::uint32_t> rate = {};   // frames a second, before the filters; all without
};

// One side of a frame: as it came in by a device, or as it leaves by one.
struct CapturedPacket {
    std::chrono::nanoseconds time{0};  // since 1970
    std::string device;
    bool leaves = false;
    std::string program;  // of xgre/abi.h
    std::string verdict;  // a name of xgre/abi.h, or "unknown": its end was lost
    bool drop = false;
    std::string text;                     // what became of it, for people
    std::uint32_t length = 0;             // bytes, of which `bytes` may have fewer
    std::span<const std::uint8_t> bytes;  // valid during the call that hands it out
};

struct CaptureTotals {
    std::uint64_t frames = 0;  // that were handed out
    std::uint64_t lost = 0;    // or their end was: the reader was too slow
    std::uint64_t over = 0;    // left out: above the rate
};

// Attached to the programs while it lives, and to be read often: what nobody reads is lost, and
// counted. The frames are not touched, and no counter of the instance is.
class Capture {
public:
    using Visit = std::function<void(const CapturedPacket& packet)>;

    // Throws Error for a port, peer, network or reason that is not there, for a filter that libpcap
    // does not take, and when the kernel cannot do it.
    static Capture start(const Session& session, const CaptureSpec& spec);

    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    Capture(Capture&&) noexcept;
    Capture& operator=(Capture&&) noexcept;
    ~Capture();

    // Waits up to so long for frames, and hands out those from before the last call, in the order
    // in which they came, whichever CPU took them. Throws Error when the instance has gone, or was
    // attached anew: what came before is handed out then.
    void read(std::chrono::milliseconds time, const Visit& visit);

    // Takes it off the programs, and hands out the rest. Throws Error as read() does.
    void finish(const Visit& visit);

    CaptureTotals totals() const;

private:
    class Running;
    explicit Capture(std::unique_ptr<Running> running);

    std::unique_ptr<Running> running_;
};

// What the packet is, in a few words: "ARP broadcast", "tunnel: IPv4 TCP".
std::string kind_of(const CapturedPacket& packet);

// The reasons for which frames are dropped, as xgre/abi.h names them.
std::vector<std::string> drop_reasons();

// A capture file in the format pcapng (draft-ietf-opsawg-pcapng): an interface for each device, and
// what became of a frame as its comment.
class PcapngFile {
public:
    // `path` is made, or emptied; "-" is stdout. Throws Error.
    explicit PcapngFile(const std::string& path);
    PcapngFile(const PcapngFile&) = delete;
    PcapngFile& operator=(const PcapngFile&) = delete;
    ~PcapngFile();

    void add(const CapturedPacket& packet);
    // Writes what was added. Throws Error when not all could be written; the file then ends behind
    // the last packet that is in it whole. Throws ReaderGone when it is a pipe that nobody reads.
    void flush();

private:
    class Writer;
    std::unique_ptr<Writer> writer_;
};

}  // namespace xgre
