// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/misuse.h"
#include "xgre/self_test.h"

namespace xgre::cli {
namespace {

struct TestOptions {
    bool all = false;
    bool junit = false;
    bool no_probes = false;
};

using Count = std::map<CheckResult, std::size_t>;

std::size_t number_of(const Count& count, CheckResult result) {
    const auto found = count.find(result);
    return found == count.end() ? 0 : found->second;
}

double seconds_of(const SelfCheck& check) {
    return std::chrono::duration<double>{check.time}.count();
}

Json to_json(const SelfCheck& check) {
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? Json{} : Json(text);
    };
    return {{"object", check.object},
            {"check", check.name},
            {"result", name_of(check.result)},
            {"program", text_or_null(check.program)},
            {"expected", text_or_null(check.expected)},
            {"found", text_or_null(check.found)},
            {"seconds", seconds_of(check)}};
}

std::string total(const Count& count) {
    return fmt::format("{} passed, {} failed, {} skipped", number_of(count, CheckResult::passed),
                       number_of(count, CheckResult::failed),
                       number_of(count, CheckResult::skipped));
}

// ---- For people: a line an object, and what did not pass below it ----------------------------

class Report {
public:
    Report(const Printer& out, bool all) : out_{out}, all_{all} {}

    void add(const SelfCheck& check) {
        if (!checks_.empty() && checks_.front().object != check.object) flush();
        checks_.push_back(check);
    }

    void flush() {
        if (checks_.empty()) return;
        Count count;
        std::map<std::string, std::size_t> programs;
        for (const SelfCheck& check : checks_) {
            ++count[check.result];
            if (!check.program.empty()) ++programs[check.program];
        }
        std::vector<std::string> by;
        for (const auto& [program, number] : programs)
            by.push_back(fmt::format("{} by {}", number, program));
        out_.line(fmt::format("{}: {}{}{}", checks_.front().object, total(count),
                              by.empty() ? "" : "; ", fmt::join(by, ", ")));
        for (const SelfCheck& check : checks_)
            if (all_ || check.result != CheckResult::passed) print(check);
        checks_.clear();
        out_.finish();
    }

private:
    void print(const SelfCheck& check) const {
        const std::string why =
            check.result == CheckResult::failed
                ? fmt::format(": expected {}; found {}", check.expected, check.found)
                : (check.found.empty() ? "" : ": " + check.found);
        const std::string by = check.program.empty() ? "" : fmt::format(" ({})", check.program);
        out_.line(fmt::format("    {:<7} {}{}{}", name_of(check.result), check.name, by, why));
    }

    const Printer& out_;
    bool all_;
    std::vector<SelfCheck> checks_;  // of one object
};

// ---- JUnit's XML ----------------------------------------------------------------------------

std::string escaped(const std::string& text) {
    std::string out;
    for (const char letter : printable(text)) {
        switch (letter) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += letter;
        }
    }
    return out;
}

std::string to_junit(const SelfCheck& check) {
    const std::string head =
        fmt::format(R"(<testcase classname="xgre.{}" name="{}" time="{:.6f}")",
                    escaped(check.object), escaped(check.name), seconds_of(check));
    if (check.result == CheckResult::passed) return head + "/>";
    if (check.result == CheckResult::skipped)
        return fmt::format(R"({}><skipped message="{}"/></testcase>)", head, escaped(check.found));
    return fmt::format(
        R"({}><failure message="{}">expected {}; decided by {}</failure></testcase>)", head,
        escaped(check.found), escaped(check.expected),
        check.program.empty() ? "none" : check.program);
}

void print_junit(const Printer& out, const std::vector<SelfCheck>& checks, const Count& count) {
    double seconds = 0;
    for (const SelfCheck& check : checks)
        seconds += seconds_of(check);
    out.line(R"(<?xml version="1.0" encoding="UTF-8"?>)");
    out.line(fmt::format(
        R"(<testsuite name="xgre test" tests="{}" failures="{}" skipped="{}" time="{:.6f}">)",
        checks.size(), number_of(count, CheckResult::failed),
        number_of(count, CheckResult::skipped), seconds));
    for (const SelfCheck& check : checks)
        out.line("  " + to_junit(check));
    out.line("</testsuite>");
}

void run_test(Context& context, const TestOptions& options) {
    if (options.junit && context.out.json())
        throw Misuse{"test", "--junit and --json are two formats", "give one of them"};
    const Interrupt interrupt;
    Report report{context.out, options.all};
    std::vector<SelfCheck> kept;
    Count count;
    self_test(
        context.session, {.frames = true, .probes = !options.no_probes},
        [&](const SelfCheck& check) {
            ++count[check.result];
            if (options.junit)
                kept.push_back(check);
            else if (context.out.json())
                context.out.json_line(to_json(check));
            else
                report.add(check);
        },
        [&interrupt] { return !interrupt.wait(std::chrono::milliseconds{0}); });
    if (options.junit) print_junit(context.out, kept, count);
    if (!options.junit && !context.out.json()) {
        report.flush();
        context.out.line(total(count));
    }
    if (count[CheckResult::failed] != 0) context.exit_done = 1;
}

}  // namespace

void add_test_command(CLI::App& app, Context& context) {
    auto* test =
        app.add_subcommand("test", "is what this instance does right, and are its peers there?");
    auto options = std::make_shared<TestOptions>();
    test->add_flag("--all", options->all, "show also what passed");
    test->add_flag("--junit", options->junit, "print JUnit's XML");
    test->add_flag("--no-probes", options->no_probes, "send nothing: programs and maps alone");
    test->footer(
        "Frames of each kind, from and to each port and peer, go through the loaded programs on\n"
        "copies of the maps, by XDP and by TC; then each peer is asked through its tunnel. Exit\n"
        "code 1: something failed.\n"
        "Examples:\n"
        "  xgre test\n"
        "  xgre test --no-probes --json | jq -c 'select(.result == \"failed\")'");
    test->callback([&context, options] { run_test(context, *options); });
}

}  // namespace xgre::cli
