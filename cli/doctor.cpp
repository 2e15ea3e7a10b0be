// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/doctor.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

constexpr int kProblems = 1;
constexpr int kFailed = 2;

struct DoctorOptions {
    bool all = false;
    DoctorSpec spec;
};

Syntax<std::chrono::milliseconds> wait_syntax() {
    return {"SECONDS", "0, or a time from 0.1 to 86400 seconds", "seconds, like 1 or 0.5",
            [](std::string_view text) {
                return text == "0" ? std::chrono::milliseconds{0} : duration_syntax().parse(text);
            }};
}

const Fields<Finding>& finding_fields() {
    static const Fields<Finding> fields{
        {"severity", "", [](const Finding& f) { return name_of(f.severity); }},
        {"check", "", [](const Finding& f) { return f.check; }},
        {"object", "", [](const Finding& f) { return f.object; }},
        {"found", "", [](const Finding& f) { return f.found; }},
        {"way_out", "",
         [](const Finding& f) { return f.way_out.empty() ? Json{} : Json(f.way_out); }},
    };
    return fields;
}

std::size_t count(const std::vector<Finding>& findings, Severity severity) {
    return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

std::string counted(std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

void print(const Printer& out, const Finding& finding) {
    out.line(printable(fmt::format("{:<8} {}: {} ({})", name_of(finding.severity), finding.object,
                                   finding.found, finding.check)));
    if (!finding.way_out.empty()) out.line(printable(fmt::format("{:<8} {}", "", finding.way_out)));
}

void print(const Printer& out, const std::vector<Finding>& findings, bool all) {
    for (const Finding& finding : findings)
        if (all || finding.severity != Severity::ok) print(out, finding);
    out.line(fmt::format("{}, {}, {}; {} fine",
                         counted(count(findings, Severity::problem), "problem"),
                         counted(count(findings, Severity::warning), "warning"),
                         counted(count(findings, Severity::note), "note"),
                         counted(count(findings, Severity::ok), "thing")));
}

Json to_json(const Context& context, const std::vector<Finding>& findings) {
    return {{"instance", context.session.instance},
            {"problems", count(findings, Severity::problem)},
            {"warnings", count(findings, Severity::warning)},
            {"notes", count(findings, Severity::note)},
            {"findings", to_json(finding_fields(), findings)}};
}

void examine(Context& context, const DoctorOptions& options) {
    context.exit_failed = kFailed;
    const std::vector<Finding> findings = xgre::examine(context.session, options.spec);
    if (context.out.json())
        context.out.json_object(to_json(context, findings));
    else
        print(context.out, findings, options.all);
    if (count(findings, Severity::problem) != 0) context.exit_done = kProblems;
}

}  // namespace

void add_doctor_command(CLI::App& app, Context& context) {
    auto* doctor = app.add_subcommand("doctor", "what is wrong with the instance and its host");
    auto options = std::make_shared<DoctorOptions>();
    doctor->add_flag("--all", options->all,
                     "also what was looked at and is fine; JSON always has it");
    add_value(*doctor, "--seconds", options->spec.time, wait_syntax(),
              "for how long counters are watched (default: 1); 0: totals only");
    doctor->footer(
        "Reads and changes nothing. Exit: 0 without problems, also with warnings, 1 with "
        "problems,\n"
        "2 failed.\n"
        "Examples:\n"
        "  xgre doctor\n"
        "  xgre doctor --seconds 10\n"
        "  xgre doctor --json | jq '.findings[] | select(.severity == \"problem\")'");
    doctor->callback([&context, options] { examine(context, *options); });
}

}  // namespace xgre::cli
