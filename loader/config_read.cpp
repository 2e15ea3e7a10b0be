// SPDX-License-Identifier: GPL-2.0-only
// From a file's text to a Config.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "loader/config_fields.h"
#include "loader/config_problems.h"
#include "loader/config_toml.h"

namespace xgre {
namespace {

// How many letters have to be put in, taken out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (const char letter : a) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (letter == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
        }
    }
    return row.back();
}

// The one that was probably meant, or all there are.
std::string choose_from(const std::string& text, const std::vector<std::string>& names) {
    constexpr std::size_t kMostWrong = 3;
    const auto nearest = std::ranges::min_element(
        names, {}, [&](const std::string& name) { return distance(text, name); });
    const std::size_t wrong = distance(text, *nearest);
    if (wrong <= kMostWrong && wrong < text.size())
        return fmt::format("it may have to be `{}`", *nearest);
    return fmt::format("give one of {}", fmt::join(names, ", "));
}

template <typename Spec>
const Setting<Spec>* find_setting(const Noun<Spec>& noun, const std::string& name) {
    const auto found = std::ranges::find(noun.settings, name, &Setting<Spec>::name);
    return found == noun.settings.end() ? nullptr : &*found;
}

bool takes(ConfigKind kind, const std::string& type) {
    if (type == "a string") return true;
    if (type == "an integer") return kind == ConfigKind::number;
    return type == "a boolean" && kind == ConfigKind::on_or_off;
}

std::string heading(const std::string& noun, bool is_one_of_many) {
    return is_one_of_many ? "[[" + noun + "]]" : "[" + noun + "]";
}

class Reader {
public:
    Reader(Config& config, Problems& problems) : config_{config}, problems_{problems} {}

    void read(const RawTable& table) {
        bool is_known = false;
        std::vector<std::string> nouns;
        for_each_noun([&](const auto& noun) {
            nouns.push_back(noun.noun);
            if (noun.noun != table.noun) return;
            is_known = true;
            read(noun, table);
        });
        if (!is_known)
            say(table.place, table.noun, "there is no such table", choose_from(table.noun, nouns));
    }

private:
    void say(Place place, const std::string& object, const std::string& cause,
             const std::string& way_out) {
        problems_.list().push_back({place, object, cause, way_out});
    }

    template <typename Spec>
    void read(const Noun<Spec>& noun, const RawTable& table) {
        if ((noun.list != nullptr) != table.is_one_of_many)
            return say(table.place, table.noun,
                       noun.list != nullptr ? "there may be several" : "there is only one",
                       "write " + heading(noun.noun, noun.list != nullptr));
        Spec spec;
        std::set<std::string> bad;
        for (const RawField& field : table.fields)
            if (!read(noun, field, spec)) bad.insert(field.name);
        if (!has_required(noun, table, spec, bad)) return;
        const std::string name = noun.name(spec);
        const std::string entry = noun.noun + " " + name;
        if (const auto before = config_.places.find({entry, ""}); before != config_.places.end())
            return say(table.place, entry,
                       fmt::format("is there already, in line {}", before->second.line),
                       "remove one of them");
        config_.places[{entry, ""}] = table.place;
        for (const RawField& field : table.fields)
            config_.places[{entry, field.name}] = field.place;
        if constexpr (std::is_same_v<Spec, AttachSpec>)
            config_.uplink = std::move(spec);
        else
            (config_.*noun.list).push_back(std::move(spec));
    }

    // Whether it could be read.
    template <typename Spec>
    bool read(const Noun<Spec>& noun, const RawField& field, Spec& spec) {
        const Setting<Spec>* setting = find_setting(noun, field.name);
        if (setting == nullptr) {
            std::vector<std::string> names;
            for (const Setting<Spec>& known : noun.settings)
                names.push_back(known.name);
            say(field.place, field.name, fmt::format("a {} has no such field", noun.noun),
                choose_from(field.name, names));
            return false;
        }
        if (field.is_list && setting->kind != ConfigKind::list) {
            say(field.place, field.name, "a list is not " + setting->is_a, "give " + setting->give);
            return false;
        }
        Texts texts;
        for (const RawText& text : field.texts) {
            if (!takes(setting->kind, text.type)) {
                say(text.place, field.name, fmt::format("{} is not {}", text.type, setting->is_a),
                    "give " + setting->give + in_quotes(setting->kind));
                return false;
            }
            texts.push_back(text.text);
        }
        const auto bad = setting->read(spec, texts);
        if (bad)
            say(field.texts.at(*bad).place, field.name,
                fmt::format("'{}' is not {}", texts.at(*bad), setting->is_a),
                "give " + setting->give);
        return !bad && check_list(*setting, field, texts, spec);
    }

    static std::string in_quotes(ConfigKind kind) {
        return kind == ConfigKind::text || kind == ConfigKind::list ? ", in quotes" : "";
    }

    // A list has nothing twice, and all of it was taken: of local addresses one of each family.
    template <typename Spec>
    bool check_list(const Setting<Spec>& setting, const RawField& field, const Texts& texts,
                    const Spec& spec) {
        if (setting.kind != ConfigKind::list) return true;
        std::set<std::string> seen;
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (seen.insert(texts[i]).second) continue;
            say(field.texts.at(i).place, field.name, fmt::format("'{}' is there twice", texts[i]),
                "remove one of them");
            return false;
        }
        if (std::is_same_v<Spec, AttachSpec> && setting.texts(spec).size() != texts.size()) {
            say(field.place, field.name,
                fmt::format("{} are of the same family", fmt::join(texts, " and ")),
                "give one address of IPv4, one of IPv6, or both");
            return false;
        }
        return true;
    }

    template <typename Spec>
    bool has_required(const Noun<Spec>& noun, const RawTable& table, const Spec& spec,
                      const std::set<std::string>& bad) {
        bool has_all = true;
        for (const Setting<Spec>& setting : noun.settings) {
            if (!setting.is_required) continue;
            const auto is_this = [&](const RawField& field) { return field.name == setting.name; };
            const bool is_there = std::ranges::any_of(table.fields, is_this);
            has_all = has_all && is_there && !bad.contains(setting.name);
            if (bad.contains(setting.name) || (is_there && !setting.texts(spec).empty())) continue;
            say(table.place, noun.noun, fmt::format("it has no `{}`", setting.name),
                "give " + setting.give);
        }
        return has_all;
    }

    Config& config_;
    Problems& problems_;
};

// Untagged entries behind ports are the ports' own.
void move_statics(Config& config, Problems& problems) {
    std::vector<FdbSpec> rest;
    for (FdbSpec& entry : config.fdb) {
        const auto port =
            std::ranges::find(config.ports, entry.port.value_or(""), &PortSpec::device);
        if (!entry.port || entry.peer || entry.vlan != Vlan{} || port == config.ports.end() ||
            port->network != entry.network) {
            rest.push_back(std::move(entry));
        } else if (std::ranges::count(port->static_macs, entry.mac) != 0) {
            problems.add("fdb", fdb_noun().name(entry), "", "it is static at its port already",
                         "remove one of them");
        } else {
            port->static_macs.push_back(entry.mac);
            std::ranges::sort(port->static_macs);
        }
    }
    config.fdb = std::move(rest);
}

}  // namespace

void Problems::finish() {
    if (list_.empty()) return;
    std::ranges::sort(list_, {}, [](const Problem& problem) {
        return std::tie(problem.place, problem.object, problem.cause);
    });
    std::vector<Error> errors;
    for (const Problem& problem : list_) {
        std::string object = problem.object;
        if (problem.place.line != 0)
            object = fmt::format("{}:{}:{}: {}", config_.file, problem.place.line,
                                 problem.place.column, object);
        else if (!config_.file.empty())
            object = fmt::format("{}: {}", config_.file, object);
        errors.emplace_back(object, problem.cause, problem.way_out);
    }
    throw BadConfig{std::move(errors)};
}

Config read_config(std::string_view text, const std::string& name) {
    Config config;
    config.file = name;
    Problems problems{config};
    std::vector<RawTable> tables = parse_toml(text, problems.list());
    const bool is_toml = problems.list().empty() || !tables.empty();
    std::ranges::sort(tables, {}, &RawTable::place);
    Reader reader{config, problems};
    for (const RawTable& table : tables)
        reader.read(table);
    const auto is_uplink = [](const RawTable& table) { return table.noun == uplink_noun().noun; };
    if (is_toml && std::ranges::none_of(tables, is_uplink))
        problems.list().push_back({{1, 1},
                                   "uplink",
                                   "there is none",
                                   "begin with [uplink], its `device` and its `local` address"});
    move_statics(config, problems);
    for (DhcpSpec& server : config.dhcp)
        if (server.router == server.network) server.router.reset();  // the one that it has anyway
    complete(config);
    check_alone(config, problems);
    problems.finish();
    return config;
}

}  // namespace xgre
