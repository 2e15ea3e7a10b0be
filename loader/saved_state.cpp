// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/saved_state.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/dhcp_files.h"
#include "loader/instance_state.h"
#include "loader/outer_header.h"
#include "loader/words.h"
#include "xgre/error.h"
#include "xgre/number.h"
#include "xgre/vlan.h"

namespace xgre {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::string_view kHeader = "xgre-state 1";
constexpr std::string_view kFdb = "fdb";
constexpr std::string_view kLease = "lease";
constexpr std::size_t kLongestLine = 1000;

std::int64_t now_in_seconds() {
    return std::chrono::duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

// ---- Reading --------------------------------------------------------------------------------

// fdb NETWORK VLAN MAC port|peer WHO AGE
struct FdbLine {
    std::string network;
    Vlan vlan;
    Mac mac;
    std::string port;
    std::optional<IpAddr> peer;
    milliseconds age{0};
};

// lease NETWORK LINE, as dnsmasq's file has it
struct LeaseEntry {
    std::string network;
    LeaseLine line;
};

class StateReader {
public:
    StateReader(std::istream& text, const std::string& name) : text_{text}, name_{name} {
        next();
        const auto words = words_of(line_);
        // "xgre-state 1 SECONDS", since 1970
        const auto taken = words.size() == 3 ? parse_decimal(words[2], UINT32_MAX) : std::nullopt;
        if (words.size() != 3 || words[0] + " " + words[1] != kHeader || !taken)
            throw wrong("`xgre-state 1` and the time it was saved");
        passed_ = std::max(seconds{now_in_seconds() - std::int64_t{*taken}}, seconds{0});
    }

    // Since it was saved.
    seconds passed() const { return passed_; }

    template <typename OnFdb, typename OnLease>
    void each(const OnFdb& on_fdb, const OnLease& on_lease) {
        while (next()) {
            if (line_.empty()) continue;
            const std::string_view what = std::string_view{line_}.substr(0, line_.find(' '));
            if (what == kFdb)
                on_fdb(fdb_line());
            else if (what == kLease)
                on_lease(lease_entry());
            else
                throw wrong("a line that begins with `fdb` or `lease`");
        }
    }

private:
    bool next() {
        ++number_;
        line_.clear();
        // Not all of a file that has no ends of lines.
        for (char letter = 0; text_.get(letter);) {
            if (letter == '\n') return true;
            if (line_.size() == kLongestLine) throw wrong("a line of less than 1000 characters");
            line_ += letter;
        }
        return !line_.empty();
    }

    Error wrong(const std::string& expected) const {
        return Error{fmt::format("{}, line {}", name_, number_), "expected " + expected,
                     "give a file that `xgre export --state` has written"};
    }

    FdbLine fdb_line() const {
        constexpr std::uint32_t kLongest = 4'000'000;  // seconds; ageing ends long before
        const auto words = words_of(line_);
        if (words.size() != 7) throw wrong("`fdb NETWORK VLAN MAC port|peer WHO AGE`");
        const auto vlan = Vlan::parse(words[2]);
        const auto mac = Mac::parse(words[3]);
        const auto age = parse_decimal(words[6], kLongest);
        FdbLine entry;
        entry.network = words[1];
        if (words[4] == "port")
            entry.port = words[5];
        else if (words[4] == "peer")
            entry.peer = IpAddr::parse(words[5]);
        if (!vlan || !mac || !age || (entry.port.empty() && !entry.peer) || mac->is_group() ||
            *mac == Mac{})
            throw wrong("an entry of the FDB");
        entry.vlan = *vlan;
        entry.mac = *mac;
        entry.age = seconds{*age};
        return entry;
    }

    LeaseEntry lease_entry() const {
        const auto words = words_of(line_);
        if (words.size() < 3) throw wrong("`lease NETWORK` and a line of a lease file");
        const std::size_t at = line_.find(words[1], kLease.size()) + words[1].size() + 1;
        const LeaseFile file = parse_leases(line_.substr(at) + "\n");
        if (file.leases.size() != 1 || file.damaged != 0) throw wrong("a lease");
        return {words[1], file.leases.front()};
    }

    std::istream& text_;
    const std::string& name_;
    std::string line_;
    std::size_t number_ = 0;
    seconds passed_{0};
};

const auto kIgnore = [](const auto&) {};

// ---- Whose an entry is ----------------------------------------------------------------------

class Owners {
public:
    explicit Owners(const Instance::State& state) : networks_{state.networks()} {
        for (const auto& [ifindex, port] : state.ports())
            if (state.is_live(ifindex))
                ports_[{port.network, text_of(port.name)}] = {owner_of_port(ifindex, port.slot),
                                                              port.mac_limit};
        for (const auto& [id, peer] : state.peers())
            peers_[{peer.network, remote_of(peer)}] = {owner_of_peer(id), peer.mac_limit};
    }

    struct Found {
        xgre_fdb_key key{};
        xgre_owner owner = 0;
        std::uint32_t limit = 0;
        std::uint64_t ageing_ns = 0;
    };
    // nullopt: not here.
    std::optional<Found> find(const FdbLine& line) const {
        for (const auto& [id, network] : networks_) {
            if (text_of(network.name) != line.network) continue;
            const Owner* owner =
                line.peer ? get(peers_, {id, *line.peer}) : get(ports_, {id, line.port});
            if (owner == nullptr) return std::nullopt;
            Found found;
            found.key.network = id;
            found.key.vlan = line.vlan.id();
            std::ranges::copy(line.mac.bytes(), std::begin(found.key.mac));
            found.owner = owner->owner;
            found.limit = owner->limit;
            found.ageing_ns = network.ageing_ns;
            return found;
        }
        return std::nullopt;
    }

private:
    struct Owner {
        xgre_owner owner = 0;
        std::uint32_t limit = 0;
    };
    template <typename Map>
    static const Owner* get(const Map& map, const typename Map::key_type& key) {
        const auto found = map.find(key);
        return found == map.end() ? nullptr : &found->second;
    }

    Rows<xgre_network> networks_;
    std::map<std::pair<std::uint32_t, std::string>, Owner> ports_;
    std::map<std::pair<std::uint32_t, IpAddr>, Owner> peers_;
};

}  // namespace

void save_state(const Session& session, const std::function<void(std::string_view)>& write) {
    const Instance instance = Instance::view(session);
    write(fmt::format("{} {}", kHeader, now_in_seconds()));
    instance.fdb({}, [&](const FdbInfo& entry) {
        if (entry.is_static || entry.expired || (entry.port.empty() && !entry.peer)) return;
        write(fmt::format("{} {} {} {} {} {} {}", kFdb, entry.network, entry.vlan,
                          entry.mac.format(), entry.peer ? "peer" : "port",
                          entry.peer ? entry.peer->format() : entry.port,
                          std::chrono::duration_cast<seconds>(entry.age).count()));
    });
    for (const std::string& network : DhcpFiles::networks(session.instance))
        for (const LeaseLine& lease : DhcpFiles{session.instance, network}.leases().leases)
            write(fmt::format("{} {} {}", kLease, network, lease.text));
}

SavedState::SavedState(std::istream& text, std::string name)
    : text_{text}, name_{std::move(name)}, start_{text.tellg()} {
    StateReader{text_, name_}.each(kIgnore, kIgnore);
    begin_again();
}

void SavedState::begin_again() {
    text_.clear();
    text_.seekg(start_);
    if (!text_) throw Error{name_, "it cannot be read twice, as a pipe", "give a file"};
}

std::uint64_t SavedState::restore_leases(const Session& session,
                                         const std::vector<std::string>& networks) {
    begin_again();
    std::map<std::string, LeaseFile> files;
    StateReader{text_, name_}.each(kIgnore, [&files](const LeaseEntry& entry) {
        files[entry.network].leases.push_back(entry.line);
    });
    std::uint64_t count = 0;
    for (const auto& [network, leases] : files) {
        const DhcpFiles here{session.instance, network};
        const bool is_wanted = std::ranges::find(networks, network) != networks.end();
        if (!is_wanted || !here.leases().leases.empty()) continue;
        here.make_lease_directory();
        here.write_leases(leases);
        count += leases.leases.size();
    }
    return count;
}

RestoredFdb SavedState::restore_fdb(const Session& session) {
    begin_again();
    const Instance::State state{session, InstanceLock::acquire()};
    const Owners owners{state};
    RestoredFdb restored;
    StateReader reader{text_, name_};
    const seconds passed = reader.passed();
    reader.each(
        [&](const FdbLine& line) {
            const auto found = owners.find(line);
            const std::chrono::nanoseconds age = line.age + passed;
            if (!found)
                ++restored.homeless;
            else if (static_cast<std::uint64_t>(age.count()) > found->ageing_ns)
                ++restored.expired;
            else if (state.datapath.fdb_restore(found->key, found->owner,
                                                static_cast<std::uint64_t>(age.count()),
                                                found->limit))
                ++restored.entries;
            else
                ++restored.known;
        },
        kIgnore);
    return restored;
}

}  // namespace xgre
