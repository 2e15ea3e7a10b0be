// SPDX-License-Identifier: GPL-2.0-only
// The whole configuration of an instance: read from a file, read from what runs, compared, applied.
//
// A Config describes everything: what it does not mention is to have its default, or not to be
// there. Fields bear the names of the options of the commands, and take the same text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xgre/dhcp.h"
#include "xgre/error.h"
#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre {

// Of a file, both from 1.
struct Place {
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    auto operator<=>(const Place&) const = default;
};

// Something that is configured and does not work as it is, but would when it is asked for again.
struct Broken {
    std::string noun;
    std::string name;
    std::string what;
};

struct Config {
    std::optional<AttachSpec> uplink;  // none: not attached
    std::vector<NetworkSpec> networks;
    std::vector<PortSpec> ports;  // but for those that DHCP servers have made
    std::vector<PeerSpec> peers;
    std::vector<FdbSpec> fdb;  // static; untagged ones of ports are among their `static_macs`
    std::vector<DhcpSpec> dhcp;

    // Of what runs:
    std::vector<Broken> broken;
    TcHook automatic_tc = TcHook::tcx;  // what `auto` is on this kernel

    // Of a file: its name, and where an entry {"port tap0", ""} or a field {"port tap0", "network"}
    // is.
    std::string file;
    std::map<std::pair<std::string, std::string>, Place> places;
};

// What is wrong with a file, all of it; what() is the first.
class BadConfig : public Error {
public:
    static constexpr std::size_t kMost = 20;  // are told

    // `problems` are in the file's order, at least one.
    explicit BadConfig(std::vector<Error> problems)
        : Error{problems.front()}, problems_{std::move(problems)} {}

    const std::vector<Error>& problems() const { return problems_; }

private:
    std::vector<Error> problems_;
};

// How a file writes a field's value.
enum class ConfigKind : std::uint8_t { text, number, on_or_off, list };

// A field, in the words of its option.
struct ConfigField {
    std::string name;
    ConfigKind kind = ConfigKind::text;
    std::vector<std::string> texts;  // one, or of a list any number; none: there is no such thing
    bool is_default = false;
    bool is_fixed = false;  // to change it, the entry has to be made again
    bool is_name = false;   // it is in the entry's name

    // As in a file: `7`, `"lan"`, `true`, `["a", "b"]`; `none` where there is no such thing.
    std::string format() const;
};

struct ConfigEntry {
    std::string noun;  // "port"
    std::string name;  // what tells it from others of its noun: "tap0", "198.18.0.2 of network lan"
    std::vector<ConfigField> fields;  // all that the noun has, in the order of its options
};

// Sorted by noun, as they have to be made, and by name.
std::vector<ConfigEntry> entries_of(const Config& config);

struct ConfigNoun {
    std::string noun;
    std::vector<std::string> fields;
};
// What a file may say.
std::vector<ConfigNoun> config_nouns();

// Reads a file's text; `name` is what errors call it. What is left open gets its default. Throws
// BadConfig for everything that is wrong with the text alone.
Config read_config(std::string_view text, const std::string& name);

// As a file, without what has its default. A comment in front names the instance and xgre's
// version.
std::string write_config(const Config& config, const std::string& instance);

// What an instance was asked for; one without uplink when it is not attached. Throws Error.
Config running_config(const Session& session);

struct FieldChange {
    std::string name;
    std::string from;  // as in a file; empty: what was added has it from the beginning
    std::string to;
};

struct Difference {
    enum class Kind : std::uint8_t { added, removed, changed };

    Kind kind = Kind::added;
    std::string noun;
    std::string name;
    std::vector<FieldChange> fields;  // beside those in the name; of what is removed: none
    bool again = false;               // it cannot be changed in place: removed and added
};

// From one to the other, in the order of entries_of(); what is removed first, the last one first.
std::vector<Difference> difference(const Config& from, const Config& to);

// What apply() would do. Throws BadConfig for everything that can be seen to go wrong: a device
// that is not there, say, or what a running instance cannot become.
std::vector<Difference> check_config(const Session& session, const Config& wanted);

struct Applied {
    std::vector<Difference> differences;
    std::vector<std::string> repairs;  // of what was found half-done before, a sentence each
};
// Makes the instance what `wanted` says, whole or not at all: what is equal is not touched, what
// can be changed in place is, and what was done before a step failed is taken back. Throws
// BadConfig as check_config() does, before anything is changed; Error when a step fails.
Applied apply_config(const Session& session, const Config& wanted);

}  // namespace xgre
