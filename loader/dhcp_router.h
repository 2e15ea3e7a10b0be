// SPDX-License-Identifier: GPL-2.0-only
// A network's router: the namespace, and the veth that joins it to the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/dhcp_config.h"
#include "loader/fd.h"
#include "loader/netlink.h"
#include "xgre/session.h"

namespace xgre {

// `xgre-<instance>-<router>`, where the router is the network itself unless it shares another's.
std::string router_netns(const std::string& instance, const std::string& router);

// nullopt: there is none of this name, or only the name, which a command that was killed leaves.
std::optional<Fd> find_netns(const std::string& name);

// What decides, beside the configuration, how the devices are set up.
struct RouterSetup {
    std::uint32_t mtu = 0;    // of the network, bytes
    bool forwarding = false;  // between the networks that the router serves
};

// What is done here is made whole by the next call when it is cut off anywhere. Everything throws
// Error.
class DhcpRouter {
public:
    DhcpRouter(const Session& session, DhcpConfig config);

    // Names for the veth's ends (see DhcpConfig): those it has when it is there already, else
    // free ones. Throws Error when there are none.
    static void choose_names(const Session& session, DhcpConfig& config);
    // Only those it has. False: it is not there, and `config` has the names it would get.
    static bool find_names(const Session& session, DhcpConfig& config);
    // Addresses in the router that are not on `device`. Empty when there is no router.
    static std::vector<Subnet> subnets(const std::string& netns, const std::string& device);

    // A handle on the namespace; nullopt when there is none.
    std::optional<Fd> netns() const;
    // Whether the veth is there, whole, and has no other address than its own.
    bool is_joined() const;
    // What is not as it should be, one sentence each without a full stop; empty: nothing.
    std::vector<std::string> faults(const RouterSetup& setup) const;

    // Makes what is missing of the namespace and the veth, and sets both up. The router's end
    // stays down until bring_up(), so that its first word is heard in the network.
    void make(const RouterSetup& setup) const;
    void bring_up() const;

    // What is ours of the veth. False: there was none.
    bool remove_veth() const;
    bool remove_netns() const;

private:
    struct Ends;
    Ends ends() const;
    void make_netns() const;
    void make_veth() const;
    void set_up_port(const RouterSetup& setup) const;
    void set_up_device(const RouterSetup& setup) const;
    void add_host_faults(const RouterSetup& setup, std::vector<std::string>& faults) const;
    void add_router_faults(const RouterSetup& setup, std::vector<std::string>& faults) const;

    Fd host_;  // the network namespace that has the port
    std::string host_name_;
    DhcpConfig config_;
};

}  // namespace xgre
