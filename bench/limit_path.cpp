// SPDX-License-Identifier: GPL-2.0-only
#include "bench/limit_path.h"

#include "bench/live_frames.h"

namespace xgre::bench {
namespace {

Redirector redirector_of(const Site& site) {
    const Host& host = site.host;
    if (site.segments.size() > 1) {
        std::vector<int> ports;
        for (const Vm& vm : host.vms)
            ports.push_back(vm.port.index);
        return {host.netns, host.uplink_index, ports, host.vms.at(0).mac};
    }
    if (site.shape.addresses != 0)
        return {host.netns, host.vms.at(0).port.index, host.uplink_index, kRemoteMac,
                site.shape.addresses};
    const int other = host.vms.size() > 1 ? host.vms[1].port.index : host.uplink_index;
    return {host.netns, host.vms.at(0).port.index, other};
}

class LimitPath : public DataPath {
public:
    explicit LimitPath(const Site& site) : redirector_{redirector_of(site)} {}

private:
    Redirector redirector_;
};

}  // namespace

std::unique_ptr<DataPath> join_limit(const Site& site) {
    return std::make_unique<LimitPath>(site);
}

}  // namespace xgre::bench
