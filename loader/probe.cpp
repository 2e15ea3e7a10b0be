// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/probe.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "loader/icmp_echo.h"
#include "loader/instance_state.h"
#include "loader/liveness.h"
#include "loader/outer_header.h"
#include "xgre/error.h"

namespace xgre {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kLook{1};  // how often we look whether an answer came
constexpr milliseconds kEcho{1000};
constexpr std::uint32_t kEthernet = 14;  // bytes of its header

// One peer that is asked.
class Asked {
public:
    // `largest`: bytes of a frame that goes to it.
    Asked(const Datapath& datapath, std::uint32_t id, std::uint32_t largest, ProbeResult result)
        : datapath_{datapath}, id_{id}, largest_{largest}, result_{std::move(result)} {}

    void ask(std::uint32_t len) {
        result_.refusal = why_not(len);
        if (!result_.refusal.empty()) return;
        before_ = row().answered;
        const int err = datapath_.send_probe(id_, len);
        waits_ = err == 0;
        if (err == 0)
            ++result_.sent;
        else
            result_.refusal = err == ENODEV
                                  ? "the instance's detour is gone: any changing command mends it"
                                  : std::generic_category().message(err);
    }

    // Its answer may have come.
    void look() {
        if (!waits_) return;
        const xgre_liveness now = row();
        if (now.answered == before_) return;
        waits_ = false;
        note(nanoseconds{now.rtt});
        result_.xdp_there = (now.path & XGRE_PROBE_XDP_THERE) != 0;
        result_.xdp_back = (now.path & XGRE_PROBE_XDP_BACK) != 0;
    }

    bool waits() const { return waits_; }
    void give_up() { waits_ = false; }
    bool is_silent() const { return result_.sent != 0 && result_.answered == 0; }
    const IpAddr& address() const { return result_.address; }
    void set_host_answers(bool answers) { result_.host_answers = answers; }

    ProbeResult result() const {
        ProbeResult result = result_;
        const Liveness live = liveness_of(datapath_, id_);
        result.state = live.state;
        result.was_heard = live.heard.has_value();
        result.is_xgre = live.is_xgre;
        if (result.answered != 0) result.mean = sum_ / result.answered;
        return result;
    }

private:
    // Its number may have become another peer's.
    std::string why_not(std::uint32_t len) const {
        const auto peer = datapath_.peers().find(id_);
        if (!peer || peer->network == 0 || remote_of(*peer) != result_.address)
            return "it is no peer any more";
        if (len > largest_) return fmt::format("larger than its MTU, {}", largest_ - kEthernet);
        return {};
    }
    xgre_liveness row() const { return datapath_.liveness().find(id_).value_or(xgre_liveness{}); }

    void note(nanoseconds rtt) {
        result_.least = result_.answered == 0 ? rtt : std::min(result_.least, rtt);
        result_.most = std::max(result_.most, rtt);
        sum_ += rtt;
        ++result_.answered;
    }

    const Datapath& datapath_;
    std::uint32_t id_;
    std::uint32_t largest_;
    ProbeResult result_;
    nanoseconds sum_{0};
    std::uint64_t before_ = 0;
    bool waits_ = false;
};

bool is_wanted(const ProbeSpec& spec, const IpAddr& address, const std::string& network) {
    return (!spec.address || *spec.address == address) &&
           (!spec.network || *spec.network == network);
}

std::vector<Asked> who_is_asked(const Session& session, const Instance::State& state,
                                const ProbeSpec& spec) {
    std::vector<Asked> asked;
    for (const PeerInfo& peer : Instance::view(session).peers()) {
        ProbeResult result;
        result.address = peer.address;
        result.network = peer.network;
        if (is_wanted(spec, result.address, result.network))
            asked.emplace_back(state.datapath, peer.id, peer.mtu + kEthernet, std::move(result));
    }
    return asked;
}

void wait_for_answers(std::vector<Asked>& asked, milliseconds timeout, const ProbeGoesOn& goes_on) {
    const auto until = Clock::now() + timeout;
    while (std::ranges::any_of(asked, &Asked::waits) && Clock::now() < until && goes_on()) {
        std::this_thread::sleep_for(kLook);
        for (Asked& each : asked)
            each.look();
    }
    for (Asked& each : asked)
        each.give_up();
}

void pause(milliseconds time, const ProbeGoesOn& goes_on) {
    const auto until = Clock::now() + time;
    while (Clock::now() < until && goes_on())
        std::this_thread::sleep_for(kLook);
}

// nullopt: to who may not open raw sockets. All else is told to them, too.
std::optional<std::vector<bool>> try_echo(const std::vector<IpAddr>& hosts) {
    try {
        return answer_echo(hosts, kEcho);
    } catch (const Error&) {
        return std::nullopt;
    }
}

// A host that is there and no xgre, or has no such tunnel, is another trouble than one that is not.
void ping_silent_ones(std::vector<Asked>& asked) {
    std::vector<Asked*> silent;
    std::vector<IpAddr> hosts;
    for (Asked& each : asked) {
        if (!each.is_silent()) continue;
        silent.push_back(&each);
        hosts.push_back(each.address());
    }
    const auto answers = try_echo(hosts);
    for (std::size_t i = 0; answers && i < silent.size(); ++i)
        silent[i]->set_host_answers((*answers)[i]);
}

}  // namespace

std::vector<ProbeResult> probe(const Session& session, const ProbeSpec& spec,
                               const ProbeGoesOn& goes_on) {
    const Instance::State state{session, std::nullopt};
    const auto scope = state.enter();
    if (spec.network) state.network(*spec.network);
    std::vector<Asked> asked = who_is_asked(session, state, spec);
    if (asked.empty() && spec.address)
        throw Error{"peer " + spec.address->format(), "no such peer",
                    "run `xgre peer show` for those there are"};
    const std::uint32_t len = spec.mtu ? *spec.mtu + kEthernet : 0;
    for (std::uint32_t i = 0; i < spec.count && goes_on(); ++i) {
        if (i != 0) pause(spec.interval, goes_on);
        for (Asked& each : asked)
            each.ask(len);
        wait_for_answers(asked, spec.timeout, goes_on);
    }
    ping_silent_ones(asked);
    std::vector<ProbeResult> results;
    for (const Asked& each : asked)
        results.push_back(each.result());
    return results;
}

}  // namespace xgre
