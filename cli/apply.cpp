// SPDX-License-Identifier: GPL-2.0-only
// The whole configuration in one file: apply, diff, export.
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "xgre/config.h"
#include "xgre/error.h"
#include "xgre/saved_state.h"

namespace xgre::cli {
namespace {

constexpr const char* kStdin = "-";

std::string content_of(std::istream& stream, const std::string& name) {
    std::string text{std::istreambuf_iterator<char>{stream}, {}};
    if (!stream.bad()) return text;
    throw Error{name, "cannot read it", "name a file that can be read"};
}

Config read_file(const std::string& name) {
    if (name == kStdin) return read_config(content_of(std::cin, "stdin"), "stdin");
    errno = 0;
    std::ifstream file{name, std::ios::binary};
    file.peek();  // a directory can be opened
    if (!file.is_open() || file.bad())
        throw Error::from_errno(name, "cannot read it", errno,
                                "name a file that can be read, or - for standard input");
    return read_config(content_of(file, name), name);
}

CLI::Option* add_file(CLI::App& command, std::string& file) {
    const Syntax<std::string> syntax{"FILE", "a file's name", "one, or - for standard input",
                                     [](std::string_view text) -> std::optional<std::string> {
                                         if (text.empty()) return std::nullopt;
                                         return std::string{text};
                                     },
                                     "<file>"};
    return add_value(command, "FILE", file, syntax,
                     "the configuration as TOML; - is standard input")
        ->required();
}

// ---- Differences ------------------------------------------------------------------------------

const char* sign_of(Difference::Kind kind) {
    if (kind == Difference::Kind::added) return "+";
    return kind == Difference::Kind::removed ? "-" : "~";
}

const char* word_of(Difference::Kind kind) {
    if (kind == Difference::Kind::added) return "added";
    return kind == Difference::Kind::removed ? "removed" : "changed";
}

std::string line_of(const Difference& found) {
    std::vector<std::string> fields;
    for (const FieldChange& field : found.fields)
        fields.push_back(field.from.empty()
                             ? fmt::format("{} {}", field.name, field.to)
                             : fmt::format("{} {} -> {}", field.name, field.from, field.to));
    return fmt::format("{} {} {}{}{}{}", sign_of(found.kind), found.noun, found.name,
                       fields.empty() ? "" : ": ", fmt::join(fields, ", "),
                       found.again ? " (made again, with all that is in it)" : "");
}

Json json_of(const Difference& found) {
    Json fields = Json::array();
    for (const FieldChange& field : found.fields) {
        const Json from = field.from.empty() ? Json(nullptr) : Json(field.from);
        fields.push_back({{"name", field.name}, {"from", from}, {"to", field.to}});
    }
    return {{"change", word_of(found.kind)},
            {"noun", found.noun},
            {"name", found.name},
            {"again", found.again},
            {"fields", fields}};
}

void print(const Printer& out, const std::vector<Difference>& differences) {
    if (out.json()) {
        JsonList list;
        for (const Difference& found : differences)
            list.add(json_of(found));
        return list.finish();
    }
    for (const Difference& found : differences)
        out.line(printable(line_of(found)));
}

// ---- Export -----------------------------------------------------------------------------------

Json json_of(const ConfigField& field) {
    if (field.kind == ConfigKind::list) return field.texts;
    if (field.texts.empty()) return nullptr;
    const std::string text = field.format();
    return text.front() == '"' ? Json(field.texts.front()) : Json::parse(text);
}

Json json_of(const ConfigEntry& entry) {
    Json fields = Json::object();
    for (const ConfigField& field : entry.fields)
        fields[field.name] = json_of(field);
    return fields;
}

Json json_of(const Config& config) {
    Json all = Json::object();
    for (const ConfigNoun& noun : config_nouns())
        all[noun.noun] = Json::array();
    for (const ConfigEntry& entry : entries_of(config))
        all[entry.noun].push_back(json_of(entry));
    all["uplink"] = all["uplink"].front();  // there is one
    return all;
}

// ---- The commands -----------------------------------------------------------------------------

void say_restored(std::uint64_t leases, const RestoredFdb& fdb) {
    say(
        fmt::format("restored {} entries of the FDB and {} leases; {} entries were too old, {} are "
                    "known or have no room, {} are of what is not here",
                    fdb.entries, leases, fdb.expired, fdb.known, fdb.homeless));
}

void say_applied(const Context& context, const Applied& applied) {
    for (const std::string& repair : applied.repairs)
        say("repaired: " + repair);
    print(context.out, applied.differences);
    if (applied.differences.empty() && !context.out.json()) context.out.line("nothing to do");
}

struct ApplyOptions {
    std::string file;
    std::optional<std::string> state;
    bool dry_run = false;
};

std::ifstream open_state(const std::string& file) {
    std::ifstream text{file};
    if (!text) throw Error::from_errno(file, "open", errno, "give a file that can be read");
    return text;
}

std::vector<std::string> servers_of(const Config& config) {
    std::vector<std::string> networks;
    for (const DhcpSpec& server : config.dhcp)
        networks.push_back(server.network);
    return networks;
}

void apply_with_state(const Context& context, const Config& wanted, const std::string& file) {
    std::ifstream text = open_state(file);
    check_config(context.session, wanted);
    SavedState state{text, file};
    // Before a DHCP server is started, which may give an address to somebody else.
    const std::uint64_t leases = state.restore_leases(context.session, servers_of(wanted));
    const Applied applied = apply_config(context.session, wanted);
    const RestoredFdb fdb = state.restore_fdb(context.session);
    say_applied(context, applied);
    say_restored(leases, fdb);
}

void apply(const Context& context, const ApplyOptions& options) {
    const Config wanted = read_file(options.file);
    if (options.dry_run) {
        if (options.state) open_state(*options.state);
        return say_applied(context, {check_config(context.session, wanted), {}});
    }
    if (options.state) return apply_with_state(context, wanted, *options.state);
    say_applied(context, apply_config(context.session, wanted));
}

void add_apply(CLI::App& app, Context& context) {
    auto* apply =
        app.add_subcommand("apply", "make the instance what a file says, whole or not at all");
    auto options = std::make_shared<ApplyOptions>();
    add_file(*apply, options->file);
    add_value(*apply, "--state", options->state, file_syntax(),
              "what `export --state` has written: leases and the FDB as they were");
    apply->add_flag("--dry-run", options->dry_run, "only say what would be changed");
    apply->footer(
        "Examples:\n"
        "  xgre apply lan.toml\n"
        "  xgre export | xgre apply - --dry-run\n"
        "  xgre apply lan.toml --state lan.state");
    apply->callback([&context, options] { xgre::cli::apply(context, *options); });
}

void add_diff(CLI::App& app, Context& context) {
    auto* diff = app.add_subcommand("diff", "what `apply` would change");
    auto file = std::make_shared<std::string>();
    add_file(*diff, *file);
    diff->footer(
        "Exit, as that of diff: 0 nothing, 1 something, 2 trouble.\n"
        "Example:\n"
        "  xgre diff lan.toml");
    diff->callback([&context, file] {
        context.exit_failed = 2;
        const auto differences = check_config(context.session, read_file(*file));
        print(context.out, differences);
        context.exit_done = differences.empty() ? 0 : 1;
    });
}

void export_state(const Context& context) {
    if (context.out.json())
        throw Misuse{"export", "a saved state has a format of its own", "leave out --json"};
    save_state(context.session, [&context](std::string_view line) { context.out.line(line); });
}

void add_export(CLI::App& app, Context& context) {
    auto* command =
        app.add_subcommand("export", "the instance's configuration, as `apply` takes it");
    auto state = std::make_shared<bool>(false);
    command->add_flag("--state", *state,
                      "what it has learned instead: the FDB and leases, for `apply --state`");
    command->footer(
        "Examples:\n"
        "  xgre export > lan.toml\n"
        "  xgre export --state > lan.state");
    command->callback([&context, state] {
        if (*state) return export_state(context);
        const Config config = running_config(context.session);
        if (!config.uplink)
            throw Error{"instance " + context.session.instance, "not attached",
                        "run `xgre attach UPLINK --local ADDR` or `xgre apply FILE` first"};
        if (context.out.json()) return context.out.json_object(json_of(config));
        std::string text = write_config(config, context.session.instance);
        text.pop_back();  // the last newline
        context.out.line(text);
    });
}

}  // namespace

void add_config_commands(CLI::App& app, Context& context) {
    add_apply(app, context);
    add_diff(app, context);
    add_export(app, context);
}

}  // namespace xgre::cli
