// SPDX-License-Identifier: GPL-2.0-only
#include "loader/doctor.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/netns.h"
#include "loader/session_command.h"

namespace xgre {

std::string name_of(Severity severity) {
    constexpr std::array<const char*, 4> kNames{"ok", "note", "warning", "problem"};
    return kNames.at(static_cast<std::size_t>(severity));
}

std::vector<Finding> examine(const Session& session, const DoctorSpec& spec) {
    return doctor::findings_of(doctor::gather(session, spec));
}

namespace doctor {
namespace {

constexpr std::string_view kInstance = "instance";

// There is an instance to be examined, or why not.
void look_at_instance(const Facts& facts, Report& report) {
    const std::string object = "instance " + facts.session.instance;
    if (facts.unopened)
        return report.problem(facts.unopened->object(), facts.unopened->cause(),
                              facts.unopened->way_out());
    if (facts.instance)
        return report.fine(object, fmt::format("attached to {}", facts.instance->info.uplink));
    if (facts.instances.empty())
        return report.note(object, "not attached: only the host was examined",
                           report.xgre("attach UPLINK --local ADDR") + " makes it");
    report.note(object,
                fmt::format("not attached: only the host was examined; there is {}",
                            fmt::join(facts.instances, ", ")),
                fmt::format("`xgre --instance {} doctor`", facts.instances.front()));
}

template <typename What>
void run(std::span<const Check<What>> checks, const What& what, const Session& session,
         std::vector<Finding>& findings) {
    for (const Check<What>& check : checks) {
        Report report{session, check.name, findings};
        check.look(what, report);
    }
}

// Those of a severity stay in their order.
std::vector<Finding> worst_first(const std::vector<Finding>& findings) {
    std::vector<Finding> sorted;
    for (const Severity severity :
         {Severity::problem, Severity::warning, Severity::note, Severity::ok})
        std::ranges::copy_if(findings, std::back_inserter(sorted),
                             [severity](const Finding& each) { return each.severity == severity; });
    return sorted;
}

}  // namespace

void Report::add(Severity severity, std::string object, std::string found, std::string way_out) {
    findings_.push_back(
        {severity, std::string{check_}, std::move(object), std::move(found), std::move(way_out)});
}

void Report::problem(std::string object, std::string found, std::string way_out) {
    add(Severity::problem, std::move(object), std::move(found), std::move(way_out));
}

void Report::warning(std::string object, std::string found, std::string way_out) {
    add(Severity::warning, std::move(object), std::move(found), std::move(way_out));
}

void Report::note(std::string object, std::string found, std::string way_out) {
    add(Severity::note, std::move(object), std::move(found), std::move(way_out));
}

void Report::fine(std::string object, std::string found) {
    add(Severity::ok, std::move(object), std::move(found), {});
}

std::string Report::xgre(std::string_view words) const {
    return fmt::format("`{}`", command_of(session_, words));
}

std::string Report::run(std::string_view words) const {
    if (!session_.netns) return fmt::format("`{}`", words);
    return fmt::format("`nsenter --net={}/{} {}`", kNetnsDirectory, *session_.netns, words);
}

std::vector<Finding> findings_of(const Facts& facts) {
    std::vector<Finding> findings;
    run(host_checks(), facts.host, facts.session, findings);
    Report report{facts.session, kInstance, findings};
    look_at_instance(facts, report);
    if (facts.instance) {
        for (const InstanceChecks checks :
             {device_checks(), path_checks(), table_checks(), traffic_checks()})
            run(checks, *facts.instance, facts.session, findings);
    }
    return worst_first(findings);
}

}  // namespace doctor
}  // namespace xgre
