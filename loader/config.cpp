// SPDX-License-Identifier: GPL-2.0-only
// A Config as entries and fields: written, and compared with another.
#include "xgre/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "loader/config_fields.h"

namespace xgre {
namespace {

constexpr const char* kNone = "none";

// TOML's basic string.
std::string quoted(const std::string& text) {
    std::string all = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') all += '\\';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            all += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
            all += c;
    }
    return all + '"';
}

bool is_digits(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

template <typename Spec>
ConfigEntry entry_of(const Config& config, const Noun<Spec>& noun, const Spec& spec) {
    ConfigEntry entry{noun.noun, noun.name(spec), {}};
    for (const Setting<Spec>& setting : noun.settings) {
        Texts texts = setting.texts(spec);
        const bool is_default = !setting.is_required && texts == setting.fallback(config, spec);
        entry.fields.push_back({setting.name, setting.kind, std::move(texts), is_default,
                                setting.is_fixed, setting.is_name});
    }
    return entry;
}

// What tells an entry from all others. There is one uplink, whatever it is.
std::pair<std::string, std::string> key_of(const ConfigEntry& entry) {
    return {entry.noun, entry.noun == uplink_noun().noun ? "" : entry.name};
}

using Entries = std::map<std::pair<std::string, std::string>, ConfigEntry>;

Entries by_key(const std::vector<ConfigEntry>& list) {
    Entries entries;
    for (const ConfigEntry& entry : list)
        entries.emplace(key_of(entry), entry);
    return entries;
}

Difference added(const ConfigEntry& entry) {
    Difference found{Difference::Kind::added, entry.noun, entry.name, {}, false};
    for (const ConfigField& field : entry.fields)
        if (!field.is_default && !field.is_name)
            found.fields.push_back({field.name, "", field.format()});
    return found;
}

// Without fields when there is none.
Difference changed(const ConfigEntry& from, const ConfigEntry& to, const Config& running) {
    Difference found{Difference::Kind::changed, to.noun, from.name, {}, false};
    for (std::size_t i = 0; i < to.fields.size(); ++i) {
        const ConfigField& before = from.fields.at(i);
        const ConfigField& after = to.fields.at(i);
        if (before.texts == after.texts) continue;
        found.fields.push_back({after.name, before.format(), after.format()});
        found.again = found.again || after.is_fixed;
    }
    for (const Broken& broken : running.broken)
        if (broken.noun == to.noun && broken.name == to.name)
            found.fields.push_back({"state", broken.what, "live"});
    return found;
}

}  // namespace

std::string ConfigField::format() const {
    if (kind == ConfigKind::list) {
        std::vector<std::string> elements;
        for (const std::string& text : texts)
            elements.push_back(quoted(text));
        return fmt::format("[{}]", fmt::join(elements, ", "));
    }
    if (texts.empty()) return kNone;
    const std::string& text = texts.front();
    if (kind == ConfigKind::on_or_off) return text == "on" ? "true" : "false";
    return kind == ConfigKind::number && is_digits(text) ? text : quoted(text);
}

std::vector<ConfigEntry> entries_of(const Config& config) {
    std::vector<ConfigEntry> all;
    for_each_noun([&](const auto& noun) {
        const auto first = static_cast<std::ptrdiff_t>(all.size());
        for_each_entry(config, noun,
                       [&](const auto& spec) { all.push_back(entry_of(config, noun, spec)); });
        std::ranges::sort(all.begin() + first, all.end(), {}, &ConfigEntry::name);
    });
    return all;
}

std::vector<ConfigNoun> config_nouns() {
    std::vector<ConfigNoun> all;
    for_each_noun([&](const auto& noun) {
        all.push_back({noun.noun, {}});
        for (const auto& setting : noun.settings)
            all.back().fields.push_back(setting.name);
    });
    return all;
}

std::string write_config(const Config& config, const std::string& instance) {
    std::string text =
        fmt::format("# Instance {}, exported by xgre {}. What has its default is left out.\n",
                    instance, XGRE_VERSION);
    for (const ConfigEntry& entry : entries_of(config)) {
        const bool is_one = entry.noun == uplink_noun().noun;
        text +=
            is_one ? fmt::format("\n[{}]\n", entry.noun) : fmt::format("\n[[{}]]\n", entry.noun);
        for (const ConfigField& field : entry.fields)
            if (!field.is_default && !field.texts.empty())
                text += fmt::format("{} = {}\n", field.name, field.format());
    }
    return text;
}

std::vector<Difference> difference(const Config& from, const Config& to) {
    const std::vector<ConfigEntry> before = entries_of(from);
    const std::vector<ConfigEntry> after = entries_of(to);
    const Entries known = by_key(before);
    const Entries wanted = by_key(after);
    std::vector<Difference> all;
    for (auto entry = before.rbegin(); entry != before.rend(); ++entry)
        if (!wanted.contains(key_of(*entry)))
            all.push_back({Difference::Kind::removed, entry->noun, entry->name, {}, false});
    for (const ConfigEntry& entry : after) {
        const auto old = known.find(key_of(entry));
        Difference found = old == known.end() ? added(entry) : changed(old->second, entry, from);
        if (old == known.end() || !found.fields.empty()) all.push_back(std::move(found));
    }
    return all;
}

}  // namespace xgre
