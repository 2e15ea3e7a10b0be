// SPDX-License-Identifier: GPL-2.0-only
// `xgre metrics` of a host, against what the other commands say of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/netns.h"
#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

// By name and labels, as they are written.
using Series = std::map<std::string, double>;

bool is_name(const std::string& text) {
    return !text.empty() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
}

// Where the labels end that begin at `at`; npos: they are none.
std::size_t end_of_labels(const std::string& line, std::size_t at) {
    for (++at;;) {
        const std::size_t equals = line.find(R"(=")", at);
        if (equals == std::string::npos || !is_name(line.substr(at, equals - at))) return equals;
        for (at = equals + 2; at < line.size() && line[at] != '"'; ++at)
            if (line[at] == '\\') ++at;
        if (at + 1 >= line.size()) return std::string::npos;
        if (line[at + 1] == '}') return at + 2;
        if (line[at + 1] != ',') return std::string::npos;
        at += 2;
    }
}

// Prometheus' text format, as strictly as we write it: a family's HELP, its TYPE, its samples.
Series parse(const std::string& text) {
    Series series;
    std::set<std::string> families;
    std::string family;
    std::istringstream stream{text};
    EXPECT_TRUE(text.ends_with('\n'));
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(families.insert(family).second) << family << " comes twice";
            std::getline(stream, line);
            EXPECT_EQ(line,
                      "# TYPE " + family + (family.ends_with("_total") ? " counter" : " gauge"));
            continue;
        }
        const std::size_t name = line.find_first_of("{ ");
        EXPECT_EQ(line.substr(0, name), family) << line;
        const std::size_t end =
            name == std::string::npos || line[name] == ' ' ? name : end_of_labels(line, name);
        if (end == std::string::npos || line[end] != ' ') {
            ADD_FAILURE() << "no line of the format: " << line;
            continue;
        }
        EXPECT_TRUE(series.emplace(line.substr(0, end), std::stod(line.substr(end))).second)
            << line << " comes twice";
    }
    return series;
}

class Metrics : public Host {
protected:
    Series metrics(std::string_view words = "metrics") const {
        const Outcome outcome = xgre(words);
        EXPECT_EQ(outcome.exit, 0) << outcome;
        EXPECT_EQ(outcome.err, "");
        return parse(outcome.out);
    }
    // As a name and its labels are written, of this instance.
    std::string of(const std::string& name, const std::string& labels = "") const {
        return fmt::format("{}{{xgre_instance=\"{}\"{}{}}}", name, instance,
                           labels.empty() ? "" : ",", labels);
    }
    // One from tap0's VM to everybody.
    void send_frames() const {
        const std::string script = XGRE_SOURCE_DIR "/tests/prometheus/send";
        const Outcome sent =
            run({"nsenter", "--net=/run/netns/" + netns, "python3", script, "tap0"});
        EXPECT_EQ(sent.exit, 0) << sent;
    }
};

TEST_F(Metrics, AreWhatTheOtherCommandsSay) {
    set_up_lan();
    must("fdb add 02:00:00:00:0c:01 --network lan --peer 198.18.0.2");
    send_frames();
    const Series series = metrics();
    const Json stats = json("stats");
    for (const Json& verdict : stats["verdicts"]) {
        const bool drop = verdict["drop"];
        const std::string labels =
            fmt::format(R"(program="{}",{}="{}")", verdict["program"].get<std::string>(),
                        drop ? "reason" : "verdict", verdict["verdict"].get<std::string>());
        const std::string name =
            drop ? "xgre_dropped_packets_total" : "xgre_delivered_packets_total";
        ASSERT_THAT(series, Contains(Key(of(name, labels))));
        EXPECT_EQ(series.at(of(name, labels)), verdict["packets"]) << labels;
    }
    EXPECT_EQ(
        series.at(of("xgre_dropped_packets_total", R"(program="port_xdp",reason="bad-source")")) +
            series.at(of("xgre_dropped_packets_total", R"(program="port_tc",reason="bad-source")")),
        3);
    for (const Json& note : stats["notes"])
        EXPECT_EQ(series.at(of("xgre_notes_total",
                               fmt::format(R"(note="{}")", note["name"].get<std::string>()))),
                  note["count"]);
    const std::string port = R"(network="lan",device="tap0")";
    EXPECT_EQ(series.at(of("xgre_port_receive_packets_total", port)),
              stats["ports"][0]["rx_packets"]);
    EXPECT_GE(series.at(of("xgre_port_receive_packets_total", port)), 5);
    EXPECT_EQ(series.at(of("xgre_port_receive_bytes_total", port)), stats["ports"][0]["rx_bytes"]);
    EXPECT_EQ(series.at(of("xgre_port_up", port)), 1);
    EXPECT_EQ(series.at(of("xgre_port_learned_macs", port)), 1);
    const std::string peer = R"(network="lan",peer="198.18.0.2")";
    EXPECT_EQ(series.at(of("xgre_peer_transmit_packets_total", peer)),
              stats["peers"][0]["tx_packets"]);
    EXPECT_EQ(series.at(of("xgre_peer_mtu_bytes", peer)), stats["peers"][0]["mtu"]);
    EXPECT_EQ(series.at(of("xgre_fdb_entries", R"(network="lan",kind="learned")")), 1);
    EXPECT_EQ(series.at(of("xgre_fdb_entries", R"(network="lan",kind="static")")), 1);
    EXPECT_EQ(series.at(of("xgre_fdb_entries", R"(network="two",kind="static")")), 0);
    EXPECT_EQ(series.at(of("xgre_fdb_capacity_entries")), 65536);
    EXPECT_EQ(
        series.at(of("xgre_info", R"(uplink="uplink0",local="198.18.0.1",local6="",abi_version=")" +
                                      json("show")["abi_version"].dump() + R"(")")),
        1);
    EXPECT_EQ(series.at(of("xgre_device_xdp_native", R"(device="tap0",role="port",network="lan")")),
              1);
    EXPECT_EQ(
        series.at(of("xgre_device_xdp_native", R"(device="uplink0",role="uplink",network="")")),
        0);  // a veth, where it does not pay
}

TEST_F(Metrics, ChangeNothing) {
    set_up_lan();
    send_frames();
    const Json before = state();
    const Json stats = json("stats");
    for (int i = 0; i < 3; ++i) {
        metrics();
        xgre("metrics --list");
    }
    Json after = state();
    EXPECT_EQ(json("stats")["verdicts"], stats["verdicts"]);
    EXPECT_EQ(json("stats")["notes"], stats["notes"]);
    EXPECT_EQ(after["show"], before["show"]);
    EXPECT_EQ(after["fdb"].size(), before["fdb"].size());
}

TEST_F(Metrics, OfADhcpServerSayWhetherItRuns) {
    set_up_lan();
    must("dhcp start --network lan --subnet 192.0.2.0/24");
    const std::string labels = R"(network="lan")";
    Series series = metrics();
    EXPECT_EQ(series.at(of("xgre_dhcp_up", labels)), 1);
    EXPECT_EQ(series.at(of("xgre_dhcp_problems", labels)), 0);
    EXPECT_EQ(series.at(of("xgre_dhcp_leases", labels)), 0);
    EXPECT_EQ(series.at(of("xgre_dhcp_addresses", labels)), 253);
    const int pid = json("dhcp show")[0]["pid"];
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    while (std::filesystem::exists(fmt::format("/proc/{}/exe", pid)) &&
           metrics().at(of("xgre_dhcp_up", labels)) == 1) {
    }
    series = metrics();
    EXPECT_EQ(series.at(of("xgre_dhcp_up", labels)), 0);
    EXPECT_GE(series.at(of("xgre_dhcp_problems", labels)), 1);
}

TEST_F(Metrics, OfADeviceThatVanishedAreThere) {
    set_up_lan();
    ip("link del tap0");
    Series series = metrics();
    const std::string port = R"(network="lan",device="tap0")";
    EXPECT_EQ(series.at(of("xgre_port_up", port)), 0);
    ip("link del uplink0");
    series = metrics();
    EXPECT_EQ(series.at(of("xgre_uplink_up", R"(device="uplink0")")), 0);
    EXPECT_EQ(series.at(of("xgre_up")), 1);
}

// Prometheus refuses two samples with the same labels.
TEST_F(Metrics, OfAPortThatTookTheNameOfOneThatWentComeOnce) {
    set_up_lan();
    must("port add tap1 --network lan");
    ip("link del tap0");
    ip("link set tap1 down");
    ip("link set tap1 name tap0");
    ip("link set tap0 up");
    EXPECT_THAT(xgre("port add tap0").err, HasSubstr("port tap1 is called tap0 now"));
    EXPECT_EQ(metrics().at(of("xgre_port_up", R"(network="lan",device="tap0")")), 1);
}

TEST_F(Metrics, AreOfAllInstancesOfTheNamespaceAndNoOther) {
    set_up_lan();
    ip("link add uplink1 type veth peer name wire1");
    ip("addr add 198.18.1.1/24 dev uplink1");
    ip("link set uplink1 up");
    const std::string second = instance + "b";
    const auto on_second = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"--instance", second, "--netns", netns});
        return run_xgre(words);
    };
    ASSERT_EQ(on_second({"attach", "uplink1", "--local", "198.18.1.1"}).exit, 0);
    const Outcome all = run_xgre({"--netns", netns, "metrics"});
    const Outcome one = xgre("metrics");
    const std::string elsewhere = netns + "x";
    create_netns(elsewhere);
    const Outcome none = run_xgre({"--netns", elsewhere, "metrics"});
    delete_netns(elsewhere);
    EXPECT_EQ(on_second({"detach", "--all"}).exit, 0);
    const auto up = [](const std::string& name) {
        return fmt::format("xgre_up{{xgre_instance=\"{}\"}}", name);
    };
    EXPECT_THAT(parse(all.out), Contains(Key(up(instance))));
    EXPECT_THAT(parse(all.out), Contains(Key(up(second))));
    EXPECT_THAT(parse(one.out), Not(Contains(Key(up(second)))));
    EXPECT_THAT(none.out, Not(HasSubstr(R"(xgre_instance=")" + instance)));
    EXPECT_THAT(none.out, HasSubstr(R"(xgre_build_info{version=")" XGRE_VERSION R"(")"));
}

TEST_F(Metrics, OfAnInstanceThatIsNotThereSayItIsDown) {
    const Outcome outcome = xgre("metrics");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("not attached"));
    const Series series = parse(outcome.out);
    EXPECT_EQ(series.at(of("xgre_up")), 0);
    EXPECT_EQ(series.size(), 2U) << outcome.out;  // and xgre_build_info
}

TEST_F(Metrics, AsAFileAreTheSameAndSilent) {
    set_up_lan();
    const std::string file = std::filesystem::temp_directory_path() / (instance + ".prom");
    must("metrics -o " + file);
    std::ifstream stream{file};
    const Series series = parse({std::istreambuf_iterator<char>{stream}, {}});
    EXPECT_EQ(series.at(of("xgre_up")), 1);
    std::filesystem::remove(file);
    const Outcome refused = xgre("metrics -o /nowhere/xgre.prom");
    EXPECT_EQ(refused.exit, 1);
    EXPECT_TRUE(is_error_line(refused.err)) << refused;
}

TEST_F(Metrics, AsJsonAreTheSame) {
    set_up_lan();
    std::map<std::string, Json> found;
    for (const Json& sample : json("metrics")) {
        EXPECT_TRUE(sample["labels"].is_object());
        found[sample["name"]] = sample;
    }
    EXPECT_EQ(found.at("xgre_up"),
              (Json{{"name", "xgre_up"}, {"labels", {{"xgre_instance", instance}}}, {"value", 1}}));
}

// What is listed is what is told: nothing more, nothing less.
TEST_F(Metrics, ThatAreListedAreThose) {
    set_up_lan();
    must("dhcp start --network two --subnet 192.0.2.0/24");
    std::set<std::string> listed;
    for (const Json& metric : json("metrics --list"))
        listed.insert(metric["name"].get<std::string>());
    listed.erase("xgre_peer_probe_round_trip_seconds");  // no peer has answered
    std::set<std::string> told;
    for (const auto& [name, value] : metrics())
        told.insert(name.substr(0, name.find('{')));
    EXPECT_EQ(told, listed);
}

TEST(MetricsUsage, HttpWantsAConnection) {
    const Outcome outcome = run_xgre({"metrics", "--http"});
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("xgre-metrics.socket"));
}

TEST(MetricsUsage, OneThingAtATime) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"metrics", "--http", "--list"},
                                               {"metrics", "--http", "-o", "x"},
                                               {"--json", "metrics", "--http"},
                                               {"--json", "metrics", "-o", "x"}}) {
        const Outcome outcome = run_xgre(words);
        EXPECT_EQ(outcome.exit, 2) << outcome;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    }
}

}  // namespace
}  // namespace xgre::test
