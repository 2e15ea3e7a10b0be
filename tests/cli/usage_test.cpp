// SPDX-License-Identifier: GPL-2.0-only
// The command line itself: nothing here reaches an instance.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/cli/tool.h"

namespace xgre::test {
namespace {

TEST(Usage, WithoutArgumentsIsAShortTour) {
    const Outcome outcome = run_xgre({});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_EQ(outcome.err, "");
    for (const char* command :
         {"xgre attach", "xgre network add", "xgre port add", "xgre peer add", "xgre show"}) {
        EXPECT_NE(outcome.out.find(command), std::string::npos) << command;
    }
}

TEST(Usage, HelpTellsTheGlobalsAndTheirDefaults) {
    const Outcome outcome = run_xgre({"--help"});
    EXPECT_EQ(outcome.exit, 0);
    for (const char* option : {"--instance", "--netns", "--json", "--verbose", "--version"}) {
        EXPECT_NE(outcome.out.find(option), std::string::npos) << option;
    }
    EXPECT_NE(outcome.out.find("default: default"), std::string::npos);
}

TEST(Usage, VersionIsOneLine) {
    const Outcome outcome = run_xgre({"--version"});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_EQ(outcome.out, "xgre " XGRE_VERSION "\n");
}

class Help : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Help, HasAnExample) {
    std::vector<std::string> arguments = GetParam();
    arguments.emplace_back("--help");
    const Outcome outcome = run_xgre(arguments);
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(outcome.err, "");
    std::string command = "\n  xgre";
    for (const std::string& word : GetParam())
        command += " " + word;
    EXPECT_NE(outcome.out.find("Example"), std::string::npos) << outcome;
    EXPECT_NE(outcome.out.find(command), std::string::npos) << outcome;
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryCommand, Help,
    ::testing::Values(
        std::vector<std::string>{"attach"}, std::vector<std::string>{"detach"},
        std::vector<std::string>{"upgrade"}, std::vector<std::string>{"network", "add"},
        std::vector<std::string>{"network", "del"}, std::vector<std::string>{"network", "show"},
        std::vector<std::string>{"port", "add"}, std::vector<std::string>{"port", "del"},
        std::vector<std::string>{"port", "show"}, std::vector<std::string>{"peer", "add"},
        std::vector<std::string>{"peer", "del"}, std::vector<std::string>{"peer", "show"},
        std::vector<std::string>{"fdb", "add"}, std::vector<std::string>{"fdb", "del"},
        std::vector<std::string>{"fdb", "show"}, std::vector<std::string>{"fdb", "flush"},
        std::vector<std::string>{"dhcp", "start"}, std::vector<std::string>{"dhcp", "stop"},
        std::vector<std::string>{"dhcp", "show"}, std::vector<std::string>{"apply"},
        std::vector<std::string>{"diff"}, std::vector<std::string>{"export"},
        std::vector<std::string>{"show"}, std::vector<std::string>{"stats"},
        std::vector<std::string>{"map"}, std::vector<std::string>{"capture"},
        std::vector<std::string>{"monitor"}, std::vector<std::string>{"test"},
        std::vector<std::string>{"top"}, std::vector<std::string>{"peer", "probe"},
        std::vector<std::string>{"metrics"}, std::vector<std::string>{"doctor"}),
    [](const auto& param) {
        std::string name;
        for (std::string word : param.param) {
            word[0] = static_cast<char>(word[0] - 'a' + 'A');
            name += word;
        }
        return name;
    });

struct Case {
    const char* name;
    std::vector<std::string> arguments;
    std::vector<const char*> said;  // in the one line
};

void PrintTo(const Case& misuse, std::ostream* stream) {
    for (const std::string& argument : misuse.arguments)
        *stream << argument << ' ';
}

class Misuse : public ::testing::TestWithParam<Case> {};

TEST_P(Misuse, IsToldInOneLineAndExitsWithTwo) {
    const Outcome outcome = run_xgre(GetParam().arguments);
    EXPECT_EQ(outcome.exit, 2) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    for (const char* part : GetParam().said) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome;
    }
}

INSTANTIATE_TEST_SUITE_P(
    OfTheCommandLine, Misuse,
    ::testing::Values(
        Case{"NoSuchCommand", {"foo"}, {"'foo'", "attach, detach"}},
        Case{"NoSuchVerb", {"port", "foo"}, {"port:", "'foo'", "add, del, show"}},
        Case{"NoVerb", {"port"}, {"port:", "missing", "add, del, show"}},
        Case{"NoSuchOption", {"show", "--bogus"}, {"show:", "'--bogus'", "xgre show --help"}},
        Case{"NoSuchOptionInFront", {"--bogus", "show"}, {"'--bogus'"}},
        Case{"OneArgumentTooMany", {"show", "foo"}, {"'foo'"}},
        Case{"ArgumentMissing", {"port", "add"}, {"port add:", "DEV is required"}},
        Case{"OptionMissing", {"attach", "eth0"}, {"--local is required"}},
        Case{"ValueMissing", {"network", "add", "lan", "--key"}, {"--key needs a value"}},
        Case{"OptionTwice",
             {"network", "add", "lan", "--key", "1", "--key", "2"},
             {"--key:", "2 times"}},
        Case{"GlobalTwice", {"--netns", "a", "show", "--netns", "b"}, {"--netns:", "2 times"}},
        Case{"LearningBothWays",
             {"port", "add", "tap0", "--no-learning", "--learning", "on"},
             {"--learning", "--no-learning"}},
        Case{"FdbBehindNothing",
             {"fdb", "add", "02:00:00:00:00:01", "--network", "lan"},
             {"--port", "--peer"}},
        Case{"FdbBehindTwo",
             {"fdb", "add", "02:00:00:00:00:01", "--network", "lan", "--port", "tap0", "--peer",
              "198.18.0.2"},
             {"--port", "--peer"}},
        Case{"FilterWithoutPattern", {"map", "fdb", "mac"}, {"FILTER:", "'mac'", "pattern"}},
        Case{"RawOfNoMap", {"map", "--raw"}, {"map:", "--raw", "name the map"}},
        Case{"ApplyOfNothing", {"apply"}, {"apply:", "FILE is required"}},
        Case{"ExportToAFile", {"export", "lan.toml"}, {"'lan.toml'"}},
        Case{"ATimeThatIsNone",
             {"doctor", "--seconds", "-1"},
             {"--seconds:", "'-1'", "0, or a time from 0.1"}},
        Case{"CountWithoutWatch", {"stats", "--count", "2"}, {"--count", "--watch"}},
        Case{"ALineBreakInAName", {"port", "add", "a\nb"}, {"DEV:", "a\\x0ab"}}),
    [](const auto& param) { return param.param.name; });

// What an option was given, and the option or argument that the error must name.
INSTANTIATE_TEST_SUITE_P(
    OfValues, Misuse,
    ::testing::Values(
        Case{"Mac", {"port", "add", "tap0", "--static", "zz"}, {"--static:", "'zz'", "MAC"}},
        Case{"MacOfFiveBytes", {"fdb", "del", "02:00:00:00:01", "--network", "lan"}, {"MAC:"}},
        Case{"Address", {"attach", "eth0", "--local", "198.18.0"}, {"--local:", "'198.18.0'"}},
        Case{"AddressOfV6", {"peer", "add", "2001:db8:1:::1", "--network", "lan"}, {"ADDR:"}},
        Case{"TwoLocalsOfOneFamily",
             {"attach", "eth0", "--local", "198.18.0.1", "--local", "198.18.0.2"},
             {"--local:", "same family"}},
        Case{"Ttl", {"peer", "add", "198.18.0.2", "--network", "lan", "--ttl", "256"}, {"--ttl:"}},
        Case{"DontFragment",
             {"peer", "add", "198.18.0.2", "--network", "lan", "--df", "maybe"},
             {"--df:", "set, unset or inherit"}},
        Case{"FlowLabel",
             {"peer", "add", "2001:db8:1::2", "--network", "lan", "--flow-label", "0x100000"},
             {"--flow-label:"}},
        Case{"Mode", {"network", "add", "lan", "--mode", "vxlan"}, {"--mode:", "gre or nvgre"}},
        Case{"KeyOutOfRange",
             {"network", "add", "lan", "--key", "4294967296"},  // case G02
             {"--key:", "'4294967296'", "0..4294967295"}},
        Case{"NegativeKey", {"network", "add", "lan", "--key", "-1"}, {"--key:", "'-1'"}},
        Case{"KeyWithBlank", {"network", "add", "lan", "--key", "7 "}, {"--key:", "'7 '"}},
        Case{"Vlan", {"fdb", "show", "--vlan", "4095"}, {"--vlan:", "'4095'", "0..4094"}},
        Case{"SubnetWithHostBits",
             {"dhcp", "start", "--network", "lan", "--subnet", "192.0.2.1/24"},
             {"--subnet:", "'192.0.2.1/24'"}},
        Case{"RangeBackwards",
             {"dhcp", "start", "--network", "lan", "--range", "192.0.2.9-192.0.2.1"},
             {"--range:"}},
        Case{"RangeOfOne",
             {"dhcp", "start", "--network", "lan", "--range", "192.0.2.9"},
             {"--range:"}},
        Case{"Host", {"dhcp", "start", "--network", "lan", "--host", "vm=192.0.2.9"}, {"--host:"}},
        Case{"LeaseTooShort",
             {"dhcp", "start", "--network", "lan", "--lease-time", "119"},
             {"--lease-time:", "120"}},
        Case{"FdbSizeZero",
             {"attach", "eth0", "--local", "198.18.0.1", "--fdb-size", "0"},
             {"--fdb-size:", "from 1 to 4000000"}},
        Case{"FdbSizeTooLarge",
             {"attach", "eth0", "--local", "198.18.0.1", "--fdb-size", "4000001"},
             {"--fdb-size:", "from 1 to 4000000"}},
        Case{"Tc",
             {"attach", "eth0", "--local", "198.18.0.1", "--tc", "xdp"},
             {"--tc:", "tcx, clsact or auto"}},
        Case{"SpreadOverNothing",
             {"attach", "eth0", "--local", "198.18.0.1", "--spread", ""},
             {"--spread:", "off, auto, all, or CPUs"}},
        Case{"SpreadBackwards",
             {"attach", "eth0", "--local", "198.18.0.1", "--spread", "3-1"},
             {"--spread:", "'3-1'"}},
        Case{"SpreadTooFar",
             {"attach", "eth0", "--local", "198.18.0.1", "--spread", "1024"},
             {"--spread:", "'1024'", "1023"}},
        Case{"Mtu", {"network", "add", "lan", "--mtu", "67"}, {"--mtu:"}},
        Case{"AgeingZero", {"network", "add", "lan", "--ageing", "0"}, {"--ageing:"}},
        Case{"MacLimit", {"port", "add", "tap0", "--mac-limit", "many"}, {"--mac-limit:"}},
        Case{"BroadcastLimit",
             {"port", "add", "tap0", "--broadcast-limit", "10000001"},
             {"--broadcast-limit:", "none"}},
        Case{
            "UnknownLimit", {"port", "add", "tap0", "--unknown-limit", "-1"}, {"--unknown-limit:"}},
        Case{"VmAddress", {"port", "add", "tap0", "--address", "192.0.2"}, {"--address:", "none"}},
        Case{"VmAddressOfAGroup", {"port", "add", "tap0", "--address", "ff02::1"}, {"--address:"}},
        Case{"VmAddressOfNobody", {"port", "add", "tap0", "--address", "::"}, {"--address:"}},
        Case{"Switch", {"port", "add", "tap0", "--isolated=maybe"}, {"--isolated:", "on or off"}},
        Case{"Interval", {"stats", "--watch", "0"}, {"--watch:"}},
        Case{"IntervalNan", {"stats", "--watch", "nan"}, {"--watch:"}},
        Case{"NetworkNameEmpty", {"network", "add", ""}, {"NAME:", "''"}},
        Case{"NetworkNameTooLong", {"network", "add", "sixteen-letters-"}, {"NAME:", "1..15"}},
        Case{"NetworkNameWithBlank", {"network", "add", "a b"}, {"NAME:"}},
        Case{"DeviceTooLong", {"port", "add", "sixteen-letters-"}, {"DEV:", "1..15"}},
        Case{"DeviceWithSlash", {"port", "add", "../tap0"}, {"DEV:"}},
        Case{"InstanceWithSlash", {"--instance", "../x", "show"}, {"--instance:"}},
        Case{"InstanceTooLong", {"--instance", "sixteen-letters-", "show"}, {"--instance:"}},
        Case{"NetnsWithSlash", {"--netns", "../x", "show"}, {"--netns:"}}),
    [](const auto& param) { return param.param.name; });

TEST(Usage, OutputThatCannotBeWrittenIsAFailure) {
    const Outcome outcome = run({"sh", "-c", "exec " XGRE_BINARY " --help >/dev/full"});
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
}

}  // namespace
}  // namespace xgre::test
