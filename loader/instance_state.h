// SPDX-License-Identifier: GPL-2.0-only
// An open instance. Networks, ports and peers are what a user asked for; links, tunnels, flood
// lists and redirect entries follow from them, and reconcile() makes them so. A command changes
// a row and reconciles; killed anywhere, the next command's reconcile() ends what it began.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/datapath.h"
#include "loader/hooks.h"
#include "loader/lock.h"
#include "loader/netlink.h"
#include "loader/netns.h"
#include "xgre/instance.h"

namespace xgre {

template <typename V>
using Rows = std::map<std::uint32_t, V>;

class Instance::State {
public:
    // Opens the pins. Throws Error when there are none, or of another version, or when they
    // belong to another network namespace than the session's.
    State(Session session, std::optional<InstanceLock> lock);

    // Enters the instance's network namespace for as long as the result lives.
    NetnsScope enter() const;

    // Makes links, tunnels, flood lists and redirect entries what the rows say; returns what it
    // had to change, a sentence each.
    std::vector<std::string> reconcile() const;

    Rows<xgre_network> networks() const;  // used ones, by id
    Rows<xgre_port> ports() const;        // by ifindex, gone ones too
    Rows<xgre_peer> peers() const;        // used ones, by id

    // Throws Error when there is no such network.
    std::pair<std::uint32_t, xgre_network> network(const std::string& name) const;
    // Of several rows of this name, the one whose device is there.
    std::optional<std::pair<std::uint32_t, xgre_port>> port(const std::string& device) const;
    // Static entries of one port become another's.
    void move_statics(std::uint32_t from, std::uint32_t to, std::uint32_t to_slot) const;
    // What a port may use beside its leases, sorted.
    std::vector<IpAddr> addresses(std::uint32_t slot) const;
    // Is the row's device still the one it was added with?
    bool is_live(std::uint32_t ifindex) const;
    // The uplink's device, also under a new name; nullopt when it is gone, whatever has its index.
    std::optional<LinkInfo> find_uplink(NlSocket& netlink) const;
    // MTU of the largest inner IP packet that fits, where encapsulation adds `overhead` bytes to
    // it; 0 when the uplink is gone.
    std::uint32_t mtu_behind(std::uint32_t overhead) const;
    HookInfo hook_info(const LinkInfo* device, bool is_uplink) const;

    Session session;
    std::optional<InstanceLock> lock;
    Datapath datapath;
    xgre_uplink uplink;
    Hooks hooks;
    std::vector<std::string> repairs;
};

// ---- Shared by the commands ----------------------------------------------------------------

// When the instance is another network namespace's.
Error is_of_namespace(const std::string& instance, const std::string& netns);

// Enters the session's network namespace for as long as the result lives.
NetnsScope enter(const Session& session);

// Text of a fixed field, up to its zero.
template <std::size_t N>
std::string text_of(const char (&field)[N]) {
    return std::string{field, ::strnlen(field, N)};
}

// Throws Error when the name does not fit; `object` is what it calls it.
void set_name(char (&field)[XGRE_NAME_LEN], const std::string& name, const std::string& object);

xgre_owner owner_of_port(std::uint32_t ifindex, std::uint32_t slot);
xgre_owner owner_of_peer(std::uint32_t peer);

std::uint64_t kernel_id_of_program(int fd);

MapInfo map_info(const MapView& map);

// All of them, also those that are zero.
std::vector<VerdictCount> verdict_counts(const Datapath& datapath);
std::vector<NoteCount> note_counts(const Datapath& datapath);

constexpr std::chrono::seconds kDefaultAgeing{300};  // as Linux bridges and Open vSwitch

}  // namespace xgre
