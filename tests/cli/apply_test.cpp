// SPDX-License-Identifier: GPL-2.0-only
// The whole configuration in a file: apply, diff, export, and what is wrong with a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/netns.h"
#include "tests/cli/host.h"
#include "xgre/config.h"

namespace xgre::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A file that goes with this.
class File {
public:
    explicit File(const std::string& text) {
        std::string name = "/tmp/xgre-test-XXXXXX";
        const Fd made{mkstemp(name.data())};
        path_ = name;
        std::ofstream{path_} << text;
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { std::filesystem::remove(path_); }

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

std::string text_of_file(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// ---- What is wrong with a file by itself ------------------------------------------------------

constexpr const char* kUplink = "[uplink]\ndevice = \"uplink0\"\nlocal = \"198.18.0.1\"\n";
constexpr const char* kLan = "[[network]]\nname = \"lan\"\nkey = 7\n";  // lines 4 to 6

struct Bad {
    const char* name;
    const char* text;                // behind uplink and network `lan`: from line 7 on
    std::vector<const char*> wrong;  // a line of stderr each: how it begins behind the file's name
    std::vector<const char*> said;   // somewhere in stderr
};

void PrintTo(const Bad& bad, std::ostream* stream) {
    *stream << bad.text;
}

class BadFile : public ::testing::TestWithParam<Bad> {};

TEST_P(BadFile, IsToldByLineAndColumnWithTheWayOut) {
    const File file{std::string{kUplink} + kLan + GetParam().text};
    const Outcome outcome = run_xgre({"--instance", "no-such", "apply", file.path()});
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_EQ(outcome.out, "");
    const auto lines = lines_of(outcome.err);
    ASSERT_EQ(lines.size(), GetParam().wrong.size()) << outcome;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        EXPECT_TRUE(is_error_line(lines[i] + "\n")) << lines[i];
        EXPECT_TRUE(lines[i].starts_with("xgre: " + file.path() + ":" + GetParam().wrong[i]))
            << lines[i];
    }
    for (const char* part : GetParam().said)
        EXPECT_THAT(outcome.err, HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    OfTheText, BadFile,
    ::testing::Values(
        Bad{"NoToml", "[[port]\n", {"7:"}, {"TOML"}},
        Bad{"NoTomlInAValue", "[[port]]\ndevice = tap0\n", {"8:"}, {"TOML", "\"tap0\""}},
        Bad{"AWordThatBeginsAsANumber",
            "[[peer]]\naddress = \"198.18.0.2\"\nttl = inherit # as inside\n",
            {"9:"},
            {"TOML", "in quotes: \"inherit\""}},
        Bad{"AKeyTwice", "[[port]]\ndevice = \"a\"\ndevice = \"b\"\n", {"9:"}, {"TOML"}},
        Bad{"ATableThatIsNone", "[[prot]]\n", {"7:1: prot"}, {"`port`"}},
        Bad{"OneUplinkTooMany", "[[uplinks]]\n", {"7:1: uplinks"}, {"`uplink`"}},
        Bad{"ATableInPlaceOfAList",
            "[peer]\naddress = \"198.18.0.2\"\n",
            {"7:1: peer"},
            {"[[peer]]"}},
        Bad{"AFieldThatIsNone",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nmaclimit = 3\n",
            {"10:1: maclimit"},
            {"no such field", "`mac-limit`"}},
        Bad{"AFieldLikeNoOther",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\ncolour = 3\n",
            {"10:1: colour"},
            {"give one of device, network, mac-limit"}},
        Bad{"RequiredAreMissing",
            "[[port]]\nflood = true\n",
            {"7:1: port", "7:1: port"},
            {"`device`", "`network`"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    OfValues, BadFile,
    ::testing::Values(Bad{"AnIntegerForAName",
                          "[[network]]\nname = 7\n",
                          {"8:8: name"},
                          {"an integer is not a network's name", "in quotes"}},
                      Bad{"AStringForASwitch",
                          "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nlocked = \"maybe\"\n",
                          {"10:10: locked"},
                          {"'maybe' is not on or off"}},
                      Bad{"ABooleanForANumber",
                          "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nmac-limit = true\n",
                          {"10:13: mac-limit"},
                          {"a boolean is not a number from 0 to 4294967295"}},
                      Bad{"ANumberWithAPoint",
                          "[[network]]\nname = \"two\"\nmtu = 1400.5\n",
                          {"9:7: mtu"},
                          {"a number with a point"}},
                      Bad{"AListForANumber",
                          "[[network]]\nname = \"two\"\nkey = [1, 2]\n",
                          {"9:1: key"},
                          {"a list is not a GRE key"}},
                      Bad{"ATableForANumber",
                          "[[network]]\nname = \"two\"\nkey = {n = 1}\n",
                          {"9:7: key"},
                          {"a table is not a GRE key"}},
                      Bad{"OutOfRange",
                          "[[network]]\nname = \"two\"\nkey = 4294967296\n",
                          {"9:7: key"},
                          {"'4294967296'", "0..4294967295"}},
                      Bad{"OneOfAList",
                          "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n"
                          "static = [\"02:00:00:00:00:01\", \"zz\"]\n",
                          {"10:32: static"},
                          {"'zz' is not a MAC address"}},
                      Bad{"TheSameTwiceInAList",
                          "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n"
                          "address = [\"192.0.2.7\", \"192.0.2.7\"]\n",
                          {"10:25: address"},
                          {"twice"}},
                      Bad{"TooSmallForIpv6",
                          "[[network]]\nname = \"two\"\nkey = 8\nmtu = 1279\n",
                          {"9:1: network two"},
                          {"1280"}},
                      Bad{"AnotherAtOnce",
                          "[[network]]\nname = \"two\"\nkey = 8\nageing = 0\nmode = \"vxlan\"\n",
                          {"10:10: ageing", "11:8: mode"},
                          {}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    OfWhatBelongsTogether, BadFile,
    ::testing::Values(
        Bad{"ANetworkTwice",
            "[[network]]\nname = \"lan\"\nkey = 8\n",
            {"7:1: network lan"},
            {"line 4"}},
        Bad{"AKeyOfAnother",
            "[[network]]\nname = \"two\"\nkey = 7\n",
            {"9:1: network two"},
            {"lan"}},
        Bad{"APortTwice",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n"
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n",
            {"10:1: port tap0"},
            {"line 7"}},
        Bad{"APortInNoNetwork",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"two\"\n",
            {"9:1: port tap0: network"},
            {"no network 'two'"}},
        Bad{"APeerInNoNetwork",
            "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"two\"\n",
            {"9:1: peer 198.18.0.2 of network two: network"},
            {}},
        Bad{"AnFdbEntryInNoNetwork",
            "[[fdb]]\nmac = \"02:00:00:00:00:01\"\nnetwork = \"two\"\nport = \"tap0\"\n",
            {"9:1: fdb"},
            {}},
        Bad{"AServerInNoNetwork",
            "[[dhcp]]\nnetwork = \"two\"\nsubnet = \"192.0.2.0/24\"\n",
            {"8:1: dhcp of network two"},
            {}},
        Bad{"APeerOfAnotherFamily",
            "[[peer]]\naddress = \"2001:db8:1::2\"\nnetwork = \"lan\"\n",
            {"8:1: peer"},
            {"no IPv6 address", "`local`"}},
        Bad{"DfOfAnIpv6Peer",
            "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"lan\"\nflow-label = 3\n",
            {"7:1: peer 198.18.0.2"},
            {"IPv4 has neither"}},
        Bad{"TheUplinkAsAPort",
            "[[port]]\ndevice = \"uplink0\"\nnetwork = \"lan\"\n",
            {"8:1: port uplink0"},
            {"is the uplink"}},
        Bad{"ALeaseFromNobody",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nlease-bound = true\n",
            {"10:1: port tap0: lease-bound"},
            {"nobody gives leases"}},
        Bad{"AnFdbEntryBehindNothing",
            "[[fdb]]\nmac = \"02:00:00:00:00:01\"\nnetwork = \"lan\"\n",
            {"7:1: fdb"},
            {"`port`", "`peer`"}},
        Bad{"AnFdbEntryBehindNoPort",
            "[[fdb]]\nmac = \"02:00:00:00:00:01\"\nnetwork = \"lan\"\nport = \"tap0\"\n",
            {"10:1: fdb"},
            {"no port tap0 in network lan"}},
        Bad{"AGroupMac",
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nstatic = [\"01:00:5e:00:00:01\"]\n",
            {"10:1: MAC 01:00:5e:00:00:01"},
            {}},
        Bad{"AMacAtTwoPlaces",
            "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"lan\"\n"
            "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\nstatic = [\"02:00:00:00:00:01\"]\n"
            "[[fdb]]\nmac = \"02:00:00:00:00:01\"\nnetwork = \"lan\"\npeer = \"198.18.0.2\"\n",
            {"15:1: fdb"},
            {"static elsewhere"}},
        Bad{"AGatewayOutside",
            "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\ngateway = \"198.51.100.1\"\n",
            {"7:1: gateway 198.51.100.1"},
            {}},
        Bad{"ARouterThatNoFileCanBeNamedAfter",
            "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\nrouter = \"a b\"\n",
            {"10:1: router a b"},
            {"not a name that DHCP can serve"}},
        Bad{"TwoPeersThatSendTheSame",
            "[[network]]\nname = \"two\"\nkey = 8\n"
            "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"lan\"\n"
            "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"two\"\nikey = 7\n",
            {"13:1: peer 198.18.0.2"},
            {"told from those of network lan"}},
        Bad{"SubnetsThatOverlap",
            "[[network]]\nname = \"two\"\nkey = 8\n"
            "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n"
            "[[dhcp]]\nnetwork = \"two\"\nsubnet = \"192.0.2.0/25\"\n",
            {"15:1: dhcp of network two: subnet"},
            {"network lan has 192.0.2.0/24"}}),
    [](const auto& test) { return test.param.name; });

TEST(BadFiles, WithoutAnUplinkDescribeNoInstance) {
    const File file{kLan};
    const Outcome outcome = run_xgre({"apply", file.path()});
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr(file.path() + ":1:1: uplink: there is none"));
}

TEST(BadFiles, WithTwoLocalAddressesOfOneFamilyAreRefused) {
    const File file{"[uplink]\ndevice = \"uplink0\"\nlocal = [\"198.18.0.1\", \"198.18.0.2\"]\n"};
    const Outcome outcome = run_xgre({"apply", file.path()});
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr(":3:1: local: 198.18.0.1 and 198.18.0.2"));
}

TEST(BadFiles, AreToldTwentyProblemsAtMost) {
    std::string text = std::string{kUplink} + kLan;
    for (int i = 0; i < 23; ++i)
        text += "[[port]]\ndevice = \"tap\"\nnetwork = 5\n";
    const File file{text};
    const auto lines = lines_of(run_xgre({"apply", file.path()}).err);
    ASSERT_EQ(lines.size(), 21U);
    EXPECT_EQ(lines.back(), "xgre: and 3 more");
}

// ---- More than there is room for --------------------------------------------------------------

// `count` entries of three lines each. What is in braces is a number from 0 on, as in an address.
std::string entries(const char* format, int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += fmt::format(fmt::runtime(format), i, i / 250, i % 250 + 2);
    return text;
}

constexpr const char* kNetworkOfMany = "[[network]]\nname = \"n{0}\"\nkey = 1{0:04}\n";
constexpr const char* kPortOfLan = "[[port]]\ndevice = \"t{0}\"\nnetwork = \"lan\"\n";
constexpr const char* kPeerOfLan = "[[peer]]\naddress = \"198.18.{1}.{2}\"\nnetwork = \"lan\"\n";
constexpr const char* kLanServer = "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n";

// What is said of a file with this behind uplink and network `lan`, without the file's name.
std::vector<std::string> problems_of(const std::string& text) {
    std::vector<std::string> all;
    try {
        read_config(kUplink + (kLan + text), "f");
    } catch (const BadConfig& error) {
        for (const Error& problem : error.problems())
            all.emplace_back(problem.what());
    }
    return all;
}

TEST(Limits, OfTheInstanceAreToldAtTheFirstThatIsTooMuch) {
    EXPECT_THAT(problems_of(entries(kNetworkOfMany, 1022)), ElementsAre());
    EXPECT_THAT(problems_of(entries(kNetworkOfMany, 1025)),
                ElementsAre("f:3073:1: networks: all 1023 are in use; take out 3"));
    std::string peers = entries(kNetworkOfMany, 16);
    std::string ports = peers;
    for (int i = 0; i < 4096; ++i)
        peers += fmt::format("[[peer]]\naddress = \"198.18.1.{}\"\nnetwork = \"n{}\"\n",
                             i / 16 % 256, i % 16);
    EXPECT_THAT(problems_of(peers),
                ElementsAre("f:12340:1: peers: all 4095 are in use; take out 1"));
    for (int i = 0; i < 1025; ++i)
        ports += fmt::format("[[port]]\ndevice = \"t{}\"\nnetwork = \"n{}\"\n", i, i % 16);
    EXPECT_THAT(problems_of(ports),
                ElementsAre("f:3127:1: ports: all 1024 are in use; take out 1"));
}

TEST(Limits, OfANetworkAreToldOnceEach) {
    EXPECT_THAT(problems_of(entries(kPeerOfLan, 256) + entries(kPortOfLan, 256)), ElementsAre());
    EXPECT_THAT(problems_of(entries(kPeerOfLan, 300) + entries(kPortOfLan, 257)),
                ElementsAre("f:775:1: network lan: it has 256 peers, the most there can be; "
                            "take out 44",
                            "f:1675:1: network lan: it has 256 ports, the most there can be; "
                            "take out 1"));
    EXPECT_THAT(problems_of(entries(kPortOfLan, 256) + kLanServer),
                ElementsAre("f:772:1: network lan: it has 256 ports, the most there can be; "
                            "take out 1; a DHCP server has a port, too"));
}

TEST(Limits, OfStaticEntriesAndOfAddressesAreThoseOfTheirMaps) {
    const auto with = [](const std::string& size, const std::string& rest) {
        std::vector<std::string> all;
        try {
            read_config(kUplink + ("fdb-size = " + size + "\n") + kLan + rest, "f");
        } catch (const BadConfig& error) {
            for (const Error& problem : error.problems())
                all.emplace_back(problem.what());
        }
        return all;
    };
    const std::string port =
        "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n"
        "static = [\"02:00:00:00:00:01\", \"02:00:00:00:00:02\"]\n"
        "[[fdb]]\nmac = \"02:00:00:00:00:03\"\nnetwork = \"lan\"\nvlan = 5\nport = \"tap0\"\n";
    EXPECT_THAT(with("4", port + kLanServer), ElementsAre());
    EXPECT_THAT(with("3", port + kLanServer),
                ElementsAre("f:12:1: fdb: full (3 entries); take out 1, or give a larger "
                            "`fdb-size`"));
    std::string addresses;
    for (int i = 0; i < 65; ++i) {
        addresses += fmt::format("[[port]]\ndevice = \"t{}\"\nnetwork = \"lan\"\naddress = [", i);
        for (int j = 0; j < 64; ++j)
            addresses += fmt::format("\"192.0.2.{}\",", j + 1);
        addresses += "]\n";
    }
    EXPECT_THAT(problems_of(addresses),
                ElementsAre("f:263:1: addresses of ports: all 4096 are in use; take out 64"));
}

TEST(BadFiles, ThatAreNotThereAreNamed) {
    for (const char* name : {"/no/such/file.toml", "/tmp"}) {
        const Outcome outcome = run_xgre({"apply", name});
        EXPECT_EQ(outcome.exit, 1) << outcome;
        EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
        EXPECT_THAT(outcome.err, HasSubstr(name));
    }
    EXPECT_EQ(run_xgre({"diff", "/no/such/file.toml"}).exit, 2);
}

// ---- The table of fields ----------------------------------------------------------------------

std::set<std::string> options_of(const std::vector<std::string>& command) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--help");
    const std::string help = run_xgre(arguments).out;
    std::set<std::string> names;
    const std::regex option{"\n  (?:-\\w,)?--([a-z-]+)"};
    for (std::sregex_iterator i{help.begin(), help.end(), option}, end; i != end; ++i)
        names.insert((*i)[1]);
    return names;
}

TEST(ConfigFields, AreTheOptionsOfTheCommands) {
    struct Command {
        const char* noun;
        std::vector<std::string> words;
        std::set<std::string> arguments;  // what stands on the command line without dashes
        std::set<std::string> left_out;   // what says nothing about how things are to be
    };
    const std::set<std::string> common{"help"};
    const std::vector<Command> commands{
        {"uplink", {"attach"}, {"device"}, {"upgrade"}},
        {"network", {"network", "add"}, {"name"}, {}},
        {"peer", {"peer", "add"}, {"address"}, {}},
        {"dhcp", {"dhcp", "start"}, {}, {}},
        {"port", {"port", "add"}, {"device"}, {"no-learning", "no-flood"}},
        {"fdb", {"fdb", "add"}, {"mac"}, {}},
    };
    const std::vector<ConfigNoun> nouns = config_nouns();
    ASSERT_EQ(nouns.size(), commands.size());
    for (std::size_t i = 0; i < nouns.size(); ++i) {
        const Command& command = commands[i];
        ASSERT_EQ(nouns[i].noun, command.noun);
        std::set<std::string> wanted = options_of(command.words);
        EXPECT_GT(wanted.size(), 3U);
        wanted.insert(command.arguments.begin(), command.arguments.end());
        for (const auto* names : {&common, &command.left_out})
            for (const std::string& name : *names)
                wanted.erase(name);
        const std::set<std::string> fields{nouns[i].fields.begin(), nouns[i].fields.end()};
        EXPECT_EQ(fields, wanted) << command.noun;
    }
}

// ---- On a host --------------------------------------------------------------------------------

class Apply : public Host {
protected:
    // Runs a command with a file of this text behind it.
    Outcome with_file(const std::string& words, const std::string& text) const {
        const File file{text};
        return xgre(words + " " + file.path());
    }
    Outcome apply(const std::string& text) const { return with_file("apply", text); }
    std::string exported() const {
        const Outcome outcome = xgre("export");
        EXPECT_EQ(outcome.exit, 0) << outcome;
        EXPECT_EQ(outcome.err, "");
        return outcome.out;
    }
    void expect_nothing_to_do(const std::string& text) const {
        const Json before = state();
        const Outcome outcome = apply(text);
        EXPECT_EQ(outcome.exit, 0) << outcome;
        EXPECT_EQ(outcome.out, "nothing to do\n");
        EXPECT_EQ(outcome.err, "");
        EXPECT_EQ(state(), before);
    }
    void allow_ip6() const {
        const NetnsScope scope = NetnsScope::enter(netns);
        std::ofstream{"/proc/sys/net/ipv6/conf/uplink0/disable_ipv6"} << 0;
        ip("addr add 2001:db8:1::1/64 dev uplink0 nodad");
    }
};

// Every field of every noun at another value than its default.
constexpr const char* kEverything = R"([uplink]
device = "uplink0"
local = ["198.18.0.1", "2001:db8:1::1"]
fdb-size = 5000
xdp = "off"
tc = "clsact"
spread = "off"

[[network]]
name = "lan"
key = 7
mtu = 1300
ageing = 60

[[network]]
name = "vsid"
key = 5001
mode = "nvgre"

[[peer]]
address = "198.18.0.2"
network = "lan"
ikey = 9
okey = "none"
icsum = true
iseq = true
rp-filter = true
mac-limit = 5
ttl = "inherit"
tos = 4
df = "unset"

[[peer]]
address = "198.18.0.3"
network = "vsid"

[[peer]]
address = "2001:db8:1::2"
network = "lan"
ocsum = true
oseq = true
encap-limit = 4
flow-label = 5

[[dhcp]]
network = "lan"
subnet = "192.0.2.0/24"
gateway = "192.0.2.9"
range = "192.0.2.10-192.0.2.99"
dns = ["192.0.2.53", "192.0.2.5"]
host = ["02:00:00:00:00:07=192.0.2.17"]
router = "shared"
lease-time = 600

[[port]]
device = "tap0"
network = "lan"
mac-limit = 3
broadcast-limit = 100
unknown-limit = 200
static = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
isolated = true
locked = true
direct = true
dhcp-guard = true
ra-guard = true
lease-bound = true
address = ["192.0.2.7", "2001:db8:2::7"]
learning = false
flood = false

[[port]]
device = "tap1"
network = "vsid"

[[fdb]]
mac = "02:00:00:00:00:03"
network = "lan"
vlan = 10
port = "tap0"

[[fdb]]
mac = "02:00:00:00:00:04"
network = "lan"
peer = "198.18.0.2"
)";

std::string without_comment(const std::string& text) {
    return text.substr(text.find("\n\n") + 2);
}

TEST_F(Apply, MakesAnInstanceThatExportsTheSameAndIsNotChangedByIt) {
    allow_ip6();
    const Outcome first = apply(kEverything);
    ASSERT_EQ(first.exit, 0) << first;
    EXPECT_THAT(first.out, HasSubstr("+ network lan: key 7, mtu 1300, ageing 60\n"));
    const std::string text = exported();
    EXPECT_THAT(text, HasSubstr("xgre " XGRE_VERSION));
    EXPECT_THAT(text, HasSubstr(instance));
    EXPECT_EQ(without_comment(text), kEverything);
    for (const ConfigNoun& noun : config_nouns())
        for (const std::string& field : noun.fields)
            EXPECT_THAT(text, HasSubstr("\n" + field + " = ")) << noun.noun;
    expect_nothing_to_do(text);
    const Outcome piped = run({"sh", "-c",
                               fmt::format("{0} -i {1} -n {1} export | {0} -i {1} -n {1} apply -",
                                           XGRE_BINARY, instance)});
    EXPECT_EQ(piped.out, "nothing to do\n") << piped;

    // All of it back to its defaults, in place where that can be, and forth again.
    const std::string bare =
        "[uplink]\ndevice = \"uplink0\"\nlocal = [\"198.18.0.1\", \"2001:db8:1::1\"]\n"
        "fdb-size = 5000\ntc = \"clsact\"\n"
        "[[network]]\nname = \"lan\"\nkey = 7\n"
        "[[peer]]\naddress = \"198.18.0.2\"\nnetwork = \"lan\"\n"
        "[[peer]]\naddress = \"2001:db8:1::2\"\nnetwork = \"lan\"\n"
        "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n"
        "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n";
    const Outcome reset = apply(bare);
    EXPECT_EQ(reset.exit, 0) << reset;
    EXPECT_THAT(reset.out, HasSubstr("~ network lan: mtu 1300 -> \"auto\", ageing 60 -> 300\n"));
    expect_nothing_to_do(bare);
    EXPECT_THAT(apply(kEverything).exit, 0);
    EXPECT_EQ(without_comment(exported()), kEverything);
}

TEST_F(Apply, ExportsJsonWithEveryField) {
    set_up_lan();
    const Json all = json("export");
    EXPECT_EQ(all.at("uplink").at("device"), "uplink0");
    EXPECT_EQ(all.at("uplink").at("fdb-size"), 65536);
    EXPECT_EQ(all.at("network").size(), 2U);
    EXPECT_EQ(all.at("network").at(0).at("mtu"), "auto");
    EXPECT_EQ(all.at("port").at(0).at("flood"), true);
    EXPECT_EQ(all.at("port").at(0).at("static"), Json::array());
    EXPECT_EQ(all.at("peer").at(0).at("ikey"), 7);
    EXPECT_EQ(all.at("peer").at(0).at("flow-label"), nullptr);
    EXPECT_EQ(all.at("dhcp"), Json::array());
    for (const ConfigNoun& noun : config_nouns()) {
        if (noun.noun != "port") continue;
        EXPECT_EQ(all.at("port").at(0).size(), noun.fields.size());
    }
}

TEST_F(Apply, ExportOfNoInstanceIsRefused) {
    const Outcome outcome = xgre("export");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("not attached"));
}

// What set_up_lan() makes, with one of each kind of change.
constexpr const char* kOther = R"([uplink]
device = "uplink0"
local = "198.18.0.1"
spread = "off"
[[network]]
name = "lan"
key = 7
ageing = 60
[[network]]
name = "three"
key = 9
[[port]]
device = "tap0"
network = "lan"
isolated = true
[[port]]
device = "tap1"
network = "three"
[[peer]]
address = "198.18.0.2"
network = "lan"
ttl = "inherit"
)";

TEST_F(Apply, DiffTellsWhatWouldBeDoneAndDoesNothing) {
    set_up_lan();
    const Json before = state();
    EXPECT_EQ(with_file("diff", exported()).exit, 0);
    const Outcome diff = with_file("diff", kOther);
    EXPECT_EQ(diff.exit, 1) << diff;
    EXPECT_EQ(diff.err, "");
    EXPECT_THAT(
        lines_of(diff.out),
        ElementsAre("- network two", "~ uplink uplink0: spread \"auto\" -> \"off\"",
                    "~ network lan: ageing 300 -> 60", "+ network three: key 9",
                    "~ peer 198.18.0.2 of network lan: ttl 64 -> \"inherit\"",
                    "~ port tap0: isolated false -> true", "+ port tap1: network \"three\""));
    const Outcome dry = with_file("apply --dry-run", kOther);
    EXPECT_EQ(dry.exit, 0);
    EXPECT_EQ(dry.out, diff.out);
    EXPECT_EQ(with_file("diff", "[uplink]\n").exit, 2);
    const Json list = Json::parse(with_file("--json diff", kOther).out);
    EXPECT_EQ(list.size(), 7U);
    EXPECT_EQ(list.at(0), (Json{{"change", "removed"},
                                {"noun", "network"},
                                {"name", "two"},
                                {"again", false},
                                {"fields", Json::array()}}));
    EXPECT_EQ(list.at(5).at("fields").at(0),
              (Json{{"name", "isolated"}, {"from", "false"}, {"to", "true"}}));
    EXPECT_EQ(state(), before);
}

TEST_F(Apply, ChangesInPlaceWhatItCan) {
    set_up_lan();
    const Json peer = json("peer show").at(0);
    const Outcome done = apply(kOther);
    EXPECT_EQ(done.exit, 0) << done;
    expect_nothing_to_do(kOther);
    EXPECT_EQ(json("peer show").at(0).at("id"), peer.at("id"));
    EXPECT_EQ(json("peer show").at(0).at("ttl"), "inherit");
    EXPECT_EQ(json("network show lan").at(0).at("id"), 1);
    EXPECT_EQ(json("port show tap0").at(0).at("isolated"), true);
    EXPECT_EQ(json("port show tap1").at(0).at("network"), "three");
}

TEST_F(Apply, MakesANetworkAgainWithAllThatIsInIt) {
    must("attach uplink0 --local 198.18.0.1");
    must("network add lan --key 7");
    must("port add tap0 --network lan --static 02:00:00:00:00:01 --mac-limit 4");
    must("peer add 198.18.0.2 --network lan");
    must("fdb add 02:00:00:00:00:02 --network lan --vlan 5 --peer 198.18.0.2");
    must("dhcp start --network lan --subnet 192.0.2.0/24");
    const Json gateway = json("fdb show --vlan 0");
    const std::string text = std::regex_replace(exported(), std::regex{"key = 7"}, "key = 8");
    const Outcome done = apply(text);
    EXPECT_EQ(done.exit, 0) << done;
    EXPECT_EQ(done.out,
              "~ network lan: key 7 -> 8 (made again, with all that is in it)\n"
              "~ peer 198.18.0.2 of network lan: ikey 7 -> 8, okey 7 -> 8\n");
    EXPECT_EQ(exported(), text);
    // The gateway keeps its MAC: VMs have it in their neighbour tables.
    Json now = json("fdb show --vlan 0");
    for (const Json& entry : gateway)
        EXPECT_THAT(now, ::testing::Contains(::testing::Truly([&](const Json& other) {
                        return other.at("mac") == entry.at("mac");
                    })));
    expect_nothing_to_do(text);
}

TEST_F(Apply, MendsAServerThatIsNotAsItShouldBe) {
    const std::string text = std::string{kUplink} + kLan +
                             "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n"
                             "router = \"lan\"\n"
                             "[[port]]\ndevice = \"tap0\"\nnetwork = \"lan\"\n"
                             "lease-bound = true\n";
    EXPECT_EQ(apply(text).exit, 0);
    const int pid = json("dhcp show").at(0).at("pid").get<int>();
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    bool runs = true;
    for (int tries = 0; runs && tries < 100; ++tries)
        runs = Json::parse(xgre("--json dhcp show").out).at(0).at("running").get<bool>();
    ASSERT_FALSE(runs);
    const Outcome outcome = apply(text);
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("~ dhcp of network lan: state "));
    EXPECT_EQ(json("dhcp show").at(0).at("running"), true);
    // The network's MTU is announced: a server of another one is given it.
    const std::string smaller =
        std::regex_replace(text, std::regex{"key = 7\n"}, "key = 7\nmtu = 1300\n");
    EXPECT_EQ(apply(smaller).out, "~ network lan: mtu \"auto\" -> 1300\n");
    EXPECT_EQ(json("dhcp show").at(0).at("problems"), Json::array());
    expect_nothing_to_do(smaller);
}

TEST_F(Apply, AChangeThatFailsHalfWayLeavesEverythingAsItWas) {
    set_up_lan();
    must("port add tap1 --network two --static 02:00:00:00:00:01 --locked on");
    must("fdb add 02:00:00:00:00:02 --network lan --vlan 5 --peer 198.18.0.2");
    must("dhcp start --network two --subnet 198.51.100.0/24");
    const std::string before = exported();
    const Json fdb = state().at("fdb");
    const Json dhcp = json("dhcp show");
    // The server of `lan` cannot have its namespace, when the rest of the change is done.
    const std::string taken = fmt::format("xgre-{}-lan", instance);
    create_netns(taken);
    const Outcome outcome = apply(
        "[uplink]\ndevice = \"uplink0\"\nlocal = \"198.18.0.1\"\nspread = \"off\"\n"
        "[[network]]\nname = \"lan\"\nkey = 70\n"
        "[[network]]\nname = \"three\"\nkey = 9\n"
        "[[port]]\ndevice = \"tap1\"\nnetwork = \"lan\"\n"
        "[[peer]]\naddress = \"198.18.0.3\"\nnetwork = \"lan\"\n"
        "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n");
    delete_netns(taken);
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(taken));
    EXPECT_THAT(outcome.err, HasSubstr("what was done before is taken back"));
    EXPECT_EQ(exported(), before);
    EXPECT_EQ(state().at("fdb").size(), fdb.size());
    EXPECT_EQ(json("dhcp show").at(0).at("device"), dhcp.at(0).at("device"));
    expect_nothing_to_do(before);
}

TEST_F(Apply, AnInstanceThatCannotBeMadeWholeIsNotMade) {
    const std::string taken = fmt::format("xgre-{}-lan", instance);  // the server's
    create_netns(taken);
    const Outcome outcome = apply(std::string{kUplink} + kLan +
                                  "[[dhcp]]\nnetwork = \"lan\"\nsubnet = \"192.0.2.0/24\"\n");
    delete_netns(taken);
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(taken));
    EXPECT_THAT(outcome.err, HasSubstr("taken back"));
    EXPECT_FALSE(std::filesystem::exists("/sys/fs/bpf/xgre/" + instance));
}

TEST_F(Apply, AnMtuThatDoesNotFitIsToldBeforeAnythingIsChanged) {
    const std::string text =
        std::string{kUplink} + kLan + "[[network]]\nname = \"big\"\nkey = 8\nmtu = 9000\n";
    for (const char* command : {"apply", "apply --dry-run", "diff"}) {
        const Outcome outcome = with_file(command, text);
        EXPECT_NE(outcome.exit, 0) << outcome;
        EXPECT_THAT(outcome.err, HasSubstr(":10:1: network big: MTU 9000 does not fit"));
    }
    EXPECT_FALSE(std::filesystem::exists("/sys/fs/bpf/xgre/" + instance));
}

TEST_F(Apply, MoreThanThereIsRoomForIsToldBeforeAnythingIsChanged) {
    set_up_lan();
    const Json before = state();
    const std::string text = std::string{kUplink} + kLan + entries(kPeerOfLan, 300);  // no tap0
    for (const auto& [command, exit] :
         {std::pair{"apply", 1}, std::pair{"apply --dry-run", 1}, std::pair{"diff", 2}}) {
        const Outcome outcome = with_file(command, text);
        EXPECT_EQ(outcome.exit, exit) << outcome;
        EXPECT_EQ(outcome.out, "");
        EXPECT_THAT(outcome.err, HasSubstr(":775:1: network lan: it has 256 peers"));
        EXPECT_THAT(outcome.err, Not(HasSubstr("taken back")));
        EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome;
    }
    EXPECT_EQ(state(), before);
}

TEST_F(Apply, RefusesWhatTheHostHasNotBeforeAnythingIsChanged) {
    set_up_lan();
    const Json before = state();
    const std::string base = std::string{kUplink} + kLan;
    const Outcome outcome = apply(base +
                                  "[[port]]\ndevice = \"nix\"\nnetwork = \"lan\"\n"
                                  "[[peer]]\naddress = \"198.18.0.1\"\nnetwork = \"lan\"\n"
                                  "[[port]]\ndevice = \"lo\"\nnetwork = \"lan\"\n");
    EXPECT_EQ(outcome.exit, 1) << outcome;
    const auto lines = lines_of(outcome.err);
    ASSERT_EQ(lines.size(), 3U) << outcome;
    EXPECT_THAT(lines[0], HasSubstr(":8:1: device nix: there is no such device"));
    EXPECT_THAT(lines[1], HasSubstr(":11:1: peer 198.18.0.1: is an address of this host"));
    EXPECT_THAT(lines[2], HasSubstr(":14:1: port lo: carries no Ethernet frames"));
    EXPECT_EQ(state(), before);
}

TEST_F(Apply, RefusesALocalAddressThatTheUplinkHasNot) {
    const Outcome outcome = apply("[uplink]\ndevice = \"uplink0\"\nlocal = \"198.18.0.9\"\n");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_THAT(outcome.err, HasSubstr(":2:1: 198.18.0.9: not an address of uplink0"));
    EXPECT_EQ(apply("[uplink]\ndevice = \"nix\"\nlocal = \"198.18.0.1\"\n").exit, 1);
}

TEST_F(Apply, RefusesWhatARunningInstanceCannotBecome) {
    set_up_lan();
    const Json before = state();
    const Outcome outcome = apply(
        "[uplink]\ndevice = \"tap1\"\nlocal = \"198.18.0.9\"\nfdb-size = 7\ntc = \"clsact\"\n");
    EXPECT_EQ(outcome.exit, 1);
    const auto lines = lines_of(outcome.err);
    ASSERT_EQ(lines.size(), 4U) << outcome;
    EXPECT_THAT(lines[0], HasSubstr(":2:1: uplink tap1: device: the instance's is uplink0"));
    EXPECT_THAT(lines[1], HasSubstr(":3:1: uplink tap1: local: the instance has 198.18.0.1"));
    EXPECT_THAT(lines[2],
                HasSubstr(":4:1: uplink tap1: fdb-size: the instance has room for 65536"));
    EXPECT_THAT(lines[3], HasSubstr("detach --all"));
    EXPECT_EQ(state(), before);
}

TEST_F(Apply, BringsBackAPortWhoseDeviceIsThereAgain) {
    set_up_lan();
    const std::string text = exported();
    ip("link del tap0");
    EXPECT_EQ(exported(), text);
    EXPECT_EQ(apply(text).out, "nothing to do\n");  // and repairs what the kernel did
    expect_nothing_to_do(text);
    const Outcome changed = apply(text + "[[port]]\ndevice = \"tap1\"\nnetwork = \"two\"\n");
    EXPECT_EQ(changed.exit, 0) << changed;
    ip("tuntap add tap0 mode tap");
    ip("link set tap0 up");
    const Outcome back = with_file("diff", text);
    EXPECT_THAT(back.out, HasSubstr("~ port tap0: state gone -> live\n"));
    const Outcome applied = apply(text);
    EXPECT_EQ(applied.exit, 0) << applied;
    EXPECT_EQ(json("port show tap0").at(0).at("gone"), false);
    expect_nothing_to_do(text);
}

// ---- What is beside the binary ----------------------------------------------------------------

TEST_F(Apply, TheExampleOfTheDocumentsCanBeApplied) {
    allow_ip6();
    const std::string page = text_of_file(XGRE_SOURCE_DIR "/docs/configuration.md");
    const std::size_t begin = page.find("```toml\n");
    ASSERT_NE(begin, std::string::npos);
    const std::size_t first = begin + std::string{"```toml\n"}.size();
    const std::string text = page.substr(first, page.find("```", first) - first);
    const Outcome outcome = apply(text);
    EXPECT_EQ(outcome.exit, 0) << outcome;
    expect_nothing_to_do(text);
    // Complete: it has every field there is.
    for (const ConfigNoun& noun : config_nouns())
        for (const std::string& field : noun.fields)
            EXPECT_THAT(text, ::testing::ContainsRegex("\n#? ?" + field + " = ")) << noun.noun;
}

TEST(SystemdUnits, AreSomeThatSystemdTakes) {
    if (run({"sh", "-c", "command -v systemd-analyze"}).exit != 0)
        GTEST_SKIP() << "no systemd-analyze here";
    std::string directory = "/tmp/xgre-unit-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    const auto put = [&](const std::string& source, const std::string& name) {
        std::string unit = text_of_file(XGRE_SOURCE_DIR "/systemd/" + source);
        unit =
            std::regex_replace(unit, std::regex{"@CMAKE_INSTALL_FULL_SBINDIR@/xgre"}, XGRE_BINARY);
        std::ofstream{directory + "/" + name} << unit;
        return directory + "/" + name;
    };
    const std::string boot = put("xgre@.service.in", "xgre@lan.service");
    const std::string probe = put("xgre-probe@.service.in", "xgre-probe@lan.service");
    const std::string timer = put("xgre-probe@.timer", "xgre-probe@lan.timer");
    const Outcome outcome = run({"systemd-analyze", "verify", "--man=no", boot, probe, timer});
    std::filesystem::remove_all(directory);
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_THAT(outcome.err, Not(HasSubstr("xgre"))) << outcome;
}

}  // namespace
}  // namespace xgre::test
