// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/metrics.h"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "xgre/error.h"

namespace xgre::cli {
namespace {

struct MetricsOptions {
    std::optional<std::string> file;
    bool http = false;
    bool list = false;
};

const Fields<MetricInfo>& info_fields() {
    static const Fields<MetricInfo> fields{
        {"name", "NAME", [](const MetricInfo& m) { return m.name; }},
        {"type", "TYPE", [](const MetricInfo& m) { return name_of(m.type); }},
        {"labels", "LABELS", [](const MetricInfo& m) { return Json(m.labels); }},
        {"help", "HELP", [](const MetricInfo& m) { return m.help; }},
        {"from", "FROM", [](const MetricInfo& m) { return m.from; }},
    };
    return fields;
}

struct Sample {
    std::string name;
    MetricSample sample;
};

const Fields<Sample>& sample_fields() {
    static const Fields<Sample> fields{
        {"name", "", [](const Sample& s) { return s.name; }},
        {"labels", "",
         [](const Sample& s) {
             Json labels = Json::object();
             for (const auto& [name, value] : s.sample.labels)
                 labels[name] = value;
             return labels;
         }},
        {"value", "",
         [](const Sample& s) {
             return std::visit([](auto number) { return Json(number); }, s.sample.value);
         }},
    };
    return fields;
}

void print(const Printer& out, const std::vector<MetricFamily>& families) {
    if (!out.json()) {
        const std::string text = format_metrics(families);
        return out.line(std::string_view{text}.substr(0, text.size() - 1));
    }
    auto list = out.stream(sample_fields());
    for (const MetricFamily& family : families)
        for (const MetricSample& sample : family.samples)
            list.add({family.info.name, sample});
    list.finish();
}

void say_failures(const std::vector<Error>& failures) {
    for (const Error& failure : failures)
        say(failure.what());
}

void read_and_write(Context& context, MetricScope scope, const std::optional<std::string>& file) {
    const Metrics metrics = read_metrics(context.session, scope);
    if (file)
        write_metrics(*file, format_metrics(metrics.families));
    else
        print(context.out, metrics.families);
    say_failures(metrics.failures);
    if (!metrics.failures.empty()) context.exit_done = context.exit_failed;
}

void metrics(Context& context, MetricScope scope, const MetricsOptions& options) {
    if (options.list + options.http + options.file.has_value() > 1)
        throw Misuse{"metrics", "--list, --http and --output are three different things",
                     "give one of them"};
    if (context.out.json() && (options.http || options.file))
        throw Misuse{"metrics", "--http and --output speak Prometheus' format, and not JSON",
                     "leave out --json"};
    if (options.list) return context.out.list(info_fields(), metric_list());
    if (options.http) return say_failures(serve_metrics(context.session, scope));
    read_and_write(context, scope, options.file);
}

}  // namespace

void add_metrics_command(CLI::App& app, Context& context) {
    auto* command = app.add_subcommand("metrics", "counters and state for Prometheus");
    auto options = std::make_shared<MetricsOptions>();
    add_value(*command, "-o,--output", options->file, file_syntax(),
              "write this file as a whole, for the node exporter's textfile collector");
    command->add_flag("--http", options->http,
                      "answer the one HTTP request of the connection that is standard input");
    command->add_flag("--list", options->list, "only say which metrics there are");
    command->footer(
        "Of all instances in the network namespace; with --instance, of that one. Exit 1 when one\n"
        "of them cannot be read; what is printed then says xgre_up 0.\n"
        "Examples:\n"
        "  xgre metrics\n"
        "  xgre metrics -o /var/lib/prometheus/node-exporter/xgre.prom\n"
        "  systemctl enable --now xgre-metrics.socket");
    command->callback([&app, &context, options] {
        const bool is_named = app.get_option("--instance")->count() > 0;
        metrics(context, is_named ? MetricScope::one_instance : MetricScope::whole_namespace,
                *options);
    });
}

}  // namespace xgre::cli
