// SPDX-License-Identifier: GPL-2.0-only
// A host whose wire and VMs are taps that the test holds: the kernel works off a frame before the
// write of it returns, so a test writes, reads, and never waits.
//
//   vm0, vm1 (XDP), vm2 (vnet_hdr: TC) --- the host, 198.18.0.1 --- wire0 --- hosts B and C
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/fd.h"
#include "loader/process.h"
#include "tests/e2e/lab.h"
#include "tests/packet/packet.h"
#include "xgre/instance.h"

namespace xgre::test {

class TapHost {
public:
    static constexpr std::string_view kWire = "wire0";
    static constexpr std::string_view kVm0 = "vm0";
    static constexpr std::string_view kVm1 = "vm1";
    static constexpr std::string_view kVm2 = "vm2";

    TapHost();
    TapHost(const TapHost&) = delete;
    TapHost& operator=(const TapHost&) = delete;
    ~TapHost();

    const Session& session() const { return session_; }
    const Netns& netns() const { return netns_; }
    NetnsScope enter() const { return netns_.enter(); }

    // The command line of `xgre WORDS` about this host.
    std::vector<std::string> command(std::string_view words) const;
    Ended xgre(std::string_view words) const;
    // Throws when it fails.
    void must_xgre(std::string_view words) const;

    // Attached, network `lan` with key 7, kVmA behind vm0, kVmB behind host B.
    void build(const AttachSpec& spec) const;
    static AttachSpec attach_spec();

    // The VM stops, and comes back with a device of the same name.
    void restart_vm(std::string_view name);

    // False: the kernel did not take it.
    bool send(std::string_view device, const Packet& frame) const;
    // What left by the device since the last call.
    std::vector<Packet> take(std::string_view device) const;

    // A frame from kVmA to kVmB, one back, and a broadcast, arrive once, as they should.
    testing::AssertionResult carries_traffic();

    // All that the instance was told, and what runs at its devices, in lines that do not depend on
    // how it got there. "nothing" without an instance.
    std::string state() const;
    // What the next command will have to say; it is done hereby.
    std::vector<std::string> repairs() const;
    // No XDP without TC at a device, and no program that the instance does not account for.
    testing::AssertionResult programs_are_whole() const;
    // Whatever is left of the instance: pins, programs, filters, namespaces, devices, processes.
    std::vector<std::string> leftovers() const;
    // Kernel ids of the programs that run at a device, TC then XDP.
    std::vector<std::uint32_t> programs_at(std::string_view device) const;

private:
    void open_vm(std::string_view name, bool vnet_hdr = false);

    Netns netns_;
    Session session_;
    std::map<std::string, Fd, std::less<>> taps_;
    std::uint8_t next_ = 0;  // tells one test frame from another
};

// What a shell's command prints.
std::string output_of(const std::string& command);

// Packets of B's, and to B, around a frame of `lan`.
Packet from_host_b(const Packet& inner);
Packet to_host_b(const Packet& inner);

}  // namespace xgre::test
