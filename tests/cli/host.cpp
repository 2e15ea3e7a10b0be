// SPDX-License-Identifier: GPL-2.0-only
#include "tests/cli/host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "loader/netns.h"

namespace xgre::test {
namespace {

std::vector<std::string> split(std::string_view words) {
    std::istringstream stream{std::string{words}};
    std::vector<std::string> list;
    for (std::string word; stream >> word;)
        list.push_back(word);
    return list;
}

bool exists(const std::string& path) {
    struct stat info{};
    return stat(path.c_str(), &info) == 0;
}

std::string unique_name() {
    static int count = 0;
    return fmt::format("t-{}-{}", getpid(), ++count);
}

}  // namespace

Host::Host() : netns{unique_name()}, instance{netns} {
    create_netns(netns);
    {
        const NetnsScope scope = NetnsScope::enter(netns);
        std::ofstream{"/proc/sys/net/ipv6/conf/all/disable_ipv6"} << 1;
        std::ofstream{"/proc/sys/net/ipv6/conf/default/disable_ipv6"} << 1;
    }
    ip("link add uplink0 type veth peer name wire");
    ip("addr add 198.18.0.1/24 dev uplink0");
    for (const char* tap : {"tap0", "tap1"})
        ip(fmt::format("tuntap add {} mode tap", tap));
    for (const char* device : {"lo", "uplink0", "wire", "tap0", "tap1"}) {
        ip(fmt::format("link set {} up", device));
    }
}

Host::~Host() {
    const Outcome gone = xgre("detach --all");
    EXPECT_EQ(gone.exit, 0) << gone;
    EXPECT_FALSE(exists("/sys/fs/bpf/xgre/" + instance)) << "pins were left behind";
    for (const std::string& name : list_netns()) {
        EXPECT_FALSE(name != netns && name.find(netns) != std::string::npos)
            << "namespace " << name << " was left behind";
    }
    delete_netns(netns);
}

std::vector<std::string> Host::globals() const {
    return {"--instance", instance, "--netns", netns};
}

Outcome Host::xgre(std::vector<std::string> arguments) const {
    const auto before = globals();
    arguments.insert(arguments.begin(), before.begin(), before.end());
    return run_xgre(arguments);
}

Outcome Host::xgre(std::string_view words) const {
    return xgre(split(words));
}

void Host::must(std::string_view words) const {
    const Outcome outcome = xgre(words);
    EXPECT_EQ(outcome.exit, 0) << words << ": " << outcome;
    EXPECT_EQ(outcome.out + outcome.err, "") << words;
}

Json Host::json(std::string_view words) const {
    const Outcome outcome = xgre(std::string{"--json "} + std::string{words});
    EXPECT_EQ(outcome.exit, 0) << words << ": " << outcome;
    EXPECT_EQ(outcome.err, "") << words;
    const Json parsed = Json::parse(outcome.out, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << words << ": not JSON: " << outcome.out;
    return parsed;
}

void Host::ip(std::string_view words) const {
    std::vector<std::string> argv = split(words);
    const std::vector<std::string> before{"ip", "-n", netns};
    argv.insert(argv.begin(), before.begin(), before.end());
    const Outcome outcome = run(argv);
    ASSERT_EQ(outcome.exit, 0) << words << ": " << outcome;
}

void Host::set_up_lan() const {
    must("attach uplink0 --local 198.18.0.1");
    must("network add lan --key 7");
    must("network add two --key 8");
    must("port add tap0 --network lan");
    must("peer add 198.18.0.2 --network lan");
}

Json Host::state() const {
    Json fdb = json("fdb show");
    std::sort(fdb.begin(), fdb.end());
    return {{"show", json("show")}, {"fdb", fdb}, {"dhcp", json("dhcp show")}};
}

}  // namespace xgre::test
