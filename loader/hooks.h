// SPDX-License-Identifier: GPL-2.0-only
// The programs at the devices: TC by tcx links or, where the kernel has none (before 6.6), by a
// clsact filter; XDP by links. Pins keep them attached when the command ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/fd.h"
#include "loader/netlink.h"
#include "xgre/abi.h"

namespace xgre {

// Programs at a device that nothing is pinned of: they go with the link, or, of clsact, with the
// device. Throws Error.
[[nodiscard]] Fd attach_tc(const LinkInfo& device, int program, xgre_tc_hook tc_hook);
[[nodiscard]] Fd attach_xdp(const LinkInfo& device, int program);

// A program of anybody's at a device.
struct HookedProgram {
    std::uint32_t id = 0;    // 0: a filter that is no BPF program
    std::string name;        // of the program, or the kind of filter
    std::uint32_t link = 0;  // the kernel's number of the link that holds it; 0: none
};

// Can this kernel attach to tcx? By asking for what is there; nothing is attached.
bool knows_tcx();
// The XDP program of a device; nullopt: it has none.
std::optional<HookedProgram> xdp_program(const LinkInfo& device);

class Hooks {
public:
    // `directory` holds the pins and exists.
    Hooks(std::string directory, xgre_tc_hook tc_hook)
        : directory_{std::move(directory)}, tc_hook_{tc_hook} {}

    // The programs' kernel ids that run at a device by us; nullopt: none of ours.
    std::optional<std::uint32_t> tc(int ifindex) const;
    std::optional<std::uint32_t> xdp(int ifindex) const;
    // What a frame that the device receives meets at the TC hook before it meets ours, in this
    // order. Empty when ours is not there.
    std::vector<HookedProgram> before(int ifindex) const;
    // The indexes of all devices that something of ours is, or was, attached to.
    std::vector<int> devices() const;

    // Attach, or replace the program atomically. Before all other programs of the hook: one that
    // ends the chain must not keep a decapsulated frame from ours. Throws Error.
    void set_tc(const LinkInfo& device, int program) const;
    // False: another program is there, or the driver has no native XDP, or not for this device as
    // it is set up. TC does it all then.
    bool set_xdp(const LinkInfo& device, int program) const;
    // Take ours off, at once; nothing there is no error. XDP first, TC last: what XDP hands over
    // must always meet TC.
    void clear_xdp(int ifindex) const;
    void clear(const std::vector<int>& devices) const;

private:
    void clear_tc(int ifindex) const;
    std::vector<std::uint32_t> tcx_programs_before(int ifindex) const;
    std::string pin(const char* kind, int ifindex) const;

    std::string directory_;
    xgre_tc_hook tc_hook_;
};

}  // namespace xgre
