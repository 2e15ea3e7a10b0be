// SPDX-License-Identifier: GPL-2.0-only
// What `xgre doctor` looks at: maps, netlink, /proc and /sys. Nothing is changed.
#include <algorithm>
#include <thread>

#include "loader/abi_text.h"
#include "loader/bpffs.h"
#include "loader/detour.h"
#include "loader/doctor.h"
#include "loader/host_settings.h"
#include "loader/instance_state.h"
#include "loader/loopback.h"
#include "loader/outer_header.h"
#include "loader/process.h"
#include "loader/spread.h"
#include "loader/watcher.h"

namespace xgre::doctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kClock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
constexpr const char* kClocks =
    "/sys/devices/system/clocksource/clocksource0/available_clocksource";
constexpr const char* kTypes = "/sys/kernel/btf/vmlinux";
constexpr const char* kStatistics = "/proc/sys/kernel/bpf_stats_enabled";
constexpr const char* kBridgeCalls = "/proc/sys/net/bridge/bridge-nf-call-iptables";

bool is_set(const char* file) {
    return first_word(file).value_or("0") != "0";
}

HostFacts look_at_host() {
    HostFacts host;
    host.missing_capabilities = missing_capabilities();
    host.has_bpffs = is_bpffs(kBpffsRoot);
    host.has_btf = ::access(kTypes, F_OK) == 0;
    host.has_jit = has_jit();
    host.times_programs = is_set(kStatistics);
    host.has_dnsmasq = find_program("dnsmasq").has_value();
    host.clock = first_word(kClock).value_or("");
    host.clocks = words_of_file(kClocks);
    if (!host.missing_capabilities.empty()) return host;
    host.has_tcx = knows_tcx();
    host.features = probe_kernel_features();
    return host;
}

// ---- What grows ----------------------------------------------------------------------------

class Reader {
public:
    explicit Reader(const Instance::State& state, const Instance& instance)
        : state_{state}, instance_{instance}, online_{system_cpus("online")} {}

    Reading read() const {
        Reading reading;
        Stats stats = instance_.stats();
        reading.verdicts = std::move(stats.verdicts);
        reading.notes = std::move(stats.notes);
        for (const PeerInfo& peer : stats.peers)
            reading.peers.emplace(peer.id, peer.traffic);
        read_cpus(reading);
        read_macs(reading);
        return reading;
    }

private:
    void read_cpus(Reading& reading) const {
        reading.cpu_times = read_cpu_times();
        const auto counters = state_.datapath.counters();
        const std::size_t cpus = counters.cpus();
        const auto cells = counters.all();
        for (const std::uint32_t cpu : online_.list()) {
            std::uint64_t packets = 0;
            for (const std::uint32_t program :
                 {XGRE_PROGRAM_UPLINK_XDP, XGRE_PROGRAM_UPLINK_TC, XGRE_PROGRAM_UPLINK_CPU})
                for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
                    packets += cells.at(XGRE_COUNTER(program, verdict) * cpus + cpu).packets;
            reading.from_wire_by_cpu.emplace(cpu, packets);
        }
    }

    void read_macs(Reading& reading) const {
        instance_.fdb({}, [&](const FdbInfo& entry) {
            reading.macs.push_back(
                {entry.network, entry.vlan, entry.mac,
                 entry.peer ? "peer " + entry.peer->format() : "port " + entry.port,
                 entry.is_static, entry.expired});
        });
        std::ranges::sort(reading.macs, {}, &MacFacts::key);
    }

    const Instance::State& state_;
    const Instance& instance_;
    CpuSet online_;
};

// ---- Devices and ways ----------------------------------------------------------------------

class Gathering {
public:
    explicit Gathering(const Session& session)
        : session_{session},
          state_{session, std::nullopt},
          instance_{Instance::view(session)},
          scope_{state_.enter()},
          netlink_{NlSocket::open()} {}

    InstanceFacts run(std::chrono::milliseconds time) {
        const Reader reader{state_, instance_};
        const auto begin = Clock::now();
        facts_.first = reader.read();
        facts_.info = instance_.show();
        look_at_devices();
        look_at_peers();
        look_at_locals();
        look_at_settings();
        look_at_watchers();
        facts_.dhcp = show_dhcp(session_, std::nullopt);
        if (time.count() == 0) {
            facts_.second = facts_.first;
            return std::move(facts_);
        }
        std::this_thread::sleep_until(begin + time);
        facts_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        facts_.second = reader.read();
        return std::move(facts_);
    }

private:
    void look_at_devices() {
        chains_ = NlSocket::open_netfilter().list_device_chains();
        DeviceFacts uplink =
            device(facts_.info.uplink, facts_.info.hook, state_.find_uplink(netlink_));
        uplink.is_uplink = true;
        facts_.devices.push_back(std::move(uplink));
        for (const PortInfo& port : facts_.info.ports) {
            DeviceFacts facts = device(port.device, port.hook,
                                       port.gone ? std::nullopt : netlink_.find_link(port.ifindex));
            facts.network = port.network;
            facts_.devices.push_back(std::move(facts));
        }
        for (const LinkInfo& link : netlink_.list_links())
            if ((link.kind == "gretap" || link.kind == "ip6gretap") && link.up)
                facts_.gretaps.push_back(link.name);
    }

    DeviceFacts device(const std::string& name, const HookInfo& hook,
                       std::optional<LinkInfo> link) {
        DeviceFacts facts;
        facts.name = link ? link->name : name;
        facts.hook = hook;
        facts.link = std::move(link);
        if (!facts.link) return facts;
        if (facts.link->master != 0) {
            const auto master = netlink_.find_link(static_cast<int>(facts.link->master));
            facts.master = master ? master->name : "another device";
        }
        facts.before = state_.hooks.before(facts.link->index);
        const auto xdp = xdp_program(*facts.link);
        if (xdp && state_.hooks.xdp(facts.link->index) != xdp->id) facts.foreign_xdp = xdp;
        std::ranges::copy_if(chains_, std::back_inserter(facts.chains),
                             [&](const DeviceChain& chain) {
                                 return std::ranges::count(chain.devices, facts.name) != 0;
                             });
        return facts;
    }

    void look_at_peers() {
        for (const PeerInfo& info : facts_.info.peers) {
            PeerFacts facts;
            facts.info = info;
            facts.route = netlink_.route_to(info.address);
            if (facts.route) {
                const auto link = netlink_.find_link(facts.route->ifindex);
                facts.route_device = link ? link->name : "another device";
                facts.neighbour = netlink_.find_neighbour(
                    facts.route->ifindex, facts.route->gateway.value_or(info.address));
            }
            facts_.peers.push_back(std::move(facts));
        }
    }

    void look_at_locals() {
        const auto& link = facts_.uplink().link;
        if (!link) return;
        std::vector<IpAddr> there;
        for (const AddressInfo& address : netlink_.list_addresses())
            if (address.ifindex == link->index) there.emplace_back(address.address);
        for (const AddressInfo6& address : netlink_.list_addresses6())
            if (address.ifindex == link->index) there.emplace_back(address.address);
        std::ranges::copy_if(
            locals_of(state_.uplink), std::back_inserter(facts_.missing_locals),
            [&](const IpAddr& local) { return std::ranges::count(there, local) == 0; });
    }

    void look_at_settings() {
        facts_.forwards_on_loopback = forwards_on_loopback();
        facts_.bridge_calls_iptables = is_set(kBridgeCalls);
        const auto detour = Detour{state_.uplink.cookie}.find(netlink_);
        facts_.has_detour = detour && state_.uplink.detour != 0 && detour->in.up && detour->out.up;
    }

    // A watcher that ends meanwhile takes its flag away before it gives up its lock.
    void look_at_watchers() {
        if ((state_.uplink.flags & XGRE_UPLINK_WATCHED) == 0) return;
        std::uint32_t stale = stale_watch_flags(session_.instance);
        stale &= state_.datapath.uplink().find(0).value_or(xgre_uplink{}).flags;
        if ((stale & XGRE_UPLINK_CAPTURED) != 0) facts_.watched_by_nobody.emplace_back("capture");
        if ((stale & XGRE_UPLINK_MONITORED) != 0) facts_.watched_by_nobody.emplace_back("monitor");
    }

    Session session_;
    Instance::State state_;
    Instance instance_;
    NetnsScope scope_;
    NlSocket netlink_;
    std::vector<DeviceChain> chains_;
    InstanceFacts facts_;
};

}  // namespace

Facts gather(const Session& session, const DoctorSpec& spec) {
    Facts facts;
    facts.session = session;
    if (session.netns) {
        const NetnsScope scope = enter(session);
        facts.host = look_at_host();
    } else {
        facts.host = look_at_host();  // who has no privilege may not enter even where it is
    }
    try {
        facts.instances = Instance::list();
        if (std::ranges::count(facts.instances, session.instance) == 0) return facts;
        facts.instance = Gathering{session}.run(spec.time);
    } catch (const Error& error) {
        facts.unopened = error;
    }
    return facts;
}

}  // namespace xgre::doctor
