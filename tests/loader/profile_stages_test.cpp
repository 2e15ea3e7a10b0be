// SPDX-License-Identifier: GPL-2.0-only
// From addresses to source lines, steps and stacks; flame graphs; and sampling itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "loader/datapath.h"
#include "loader/profile_stages.h"
#include "loader/source_lines.h"
#include "tests/loader/lab.h"

namespace xgre::test {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// ---- The sources ----------------------------------------------------------------------------

TEST(SourceLines, HaveEveryFunctionOfTheDataPath) {
    std::set<std::string> functions;
    for (const SourceLine& line : source_lines())
        functions.insert(fmt::format("{} {}", line.file, line.function));
    for (const char* function : {"port_xdp.bpf.c port_xdp", "port_tc.bpf.c port_tc",
                                 "uplink_xdp.bpf.c uplink_xdp", "uplink_tc.bpf.c uplink_tc",
                                 "parse.h parse_outer_ipv4", "fdb.h fdb_learn", "cursor.h take"})
        EXPECT_TRUE(functions.contains(function)) << function;
}

TEST(SourceLines, AreFoundByFileAndNumber) {
    const SourceLine& first = source_lines().front();
    EXPECT_EQ(find_source_line(first.file, first.line), &first);
    EXPECT_EQ(find_source_line(first.file, 1), nullptr);  // the licence
    EXPECT_EQ(find_source_line("none.h", first.line), nullptr);
}

// A new function of bpf/ needs its line in kPlaces of loader/profile_steps.cpp.
TEST(Steps, EveryFunctionOfTheDataPathBelongsToOne) {
    for (const SourceLine& line : source_lines())
        EXPECT_TRUE(step_of(line.file, line.function)) << line.file << ": " << line.function;
}

TEST(Steps, NobodyHasSaidWhereAnUnknownFunctionBelongs) {
    EXPECT_FALSE(step_of("new.h", "anything"));
    EXPECT_FALSE(step_of("encap.h", "new_function"));
}

// ---- Programs in the kernel -----------------------------------------------------------------

class LoadedCode : public LoaderTest {
protected:
    Datapath datapath = Datapath::load({.fdb_entries = 16});
};

TEST_F(LoadedCode, EveryLineOfThePrograms) {
    for (const auto& [name, fd] : datapath.programs()) {
        const ProgramCode code = ProgramCode::read(fd.get(), name);
        EXPECT_THAT(code.lines(), Not(IsEmpty())) << name;
        for (const CodeStart& start : code.lines()) {
            const CodeLine& line = start.line;
            const SourceLine* source = find_source_line(line.file, line.line);
            ASSERT_NE(source, nullptr) << name << ": " << line.file << ":" << line.line;
            EXPECT_EQ(line.text, source->text) << line.file << ":" << line.line;
            EXPECT_NE(code.function_at(start.address), nullptr);
            EXPECT_EQ(code.line_at(start.address)->line, line.line);
        }
    }
}

TEST_F(LoadedCode, FunctionsHaveTheirNames) {
    const ProgramCode code = ProgramCode::read(datapath.program("port_tc"), "port_tc");
    std::set<std::string> names;
    for (const CodeStart& start : code.lines())
        names.insert(code.function_at(start.address)->name);
    EXPECT_TRUE(names.contains("port_tc"));
    EXPECT_TRUE(names.contains("fdb_learn"));
    EXPECT_EQ(code.function_at(0), nullptr);
    EXPECT_EQ(code.line_at(0), nullptr);
}

// ---- Samples --------------------------------------------------------------------------------

constexpr std::uint64_t kProgram = 0xc000;  // port_xdp: 0xc000 to 0xc100
constexpr std::uint64_t kParse = kProgram + 0x10;
constexpr std::uint64_t kCount = kProgram + 0x20;
constexpr std::uint64_t kGlue = kProgram + 0x30;
constexpr std::uint64_t kForeign = kProgram + 0x40;
constexpr std::uint64_t kDriver = 0x2008;
constexpr std::uint64_t kPoll = 0x3008;
constexpr std::uint64_t kLookup = 0x4008;
constexpr std::uint64_t kXdpRedirect = 0x5008;
constexpr std::uint64_t kRedirectMap = 0x6008;
constexpr std::uint64_t kIdle = 0x7008;
constexpr std::uint64_t kOpenFile = 0x8008;

// The first line of a function of bpf/, as the kernel tells it.
CodeLine line_of(std::string_view file, std::string_view function) {
    for (const SourceLine& line : source_lines())
        if (file == line.file && function == line.function)
            return {line.file, line.line, line.text};
    throw std::runtime_error{"no such function"};
}

class SamplesTest : public testing::Test {
protected:
    static std::vector<ProgramCode> programs() {
        std::vector<ProgramCode> all;
        all.emplace_back("port_xdp", 1,
                         std::vector<CodeFunction>{{"port_xdp", kProgram, kProgram + 0x100}},
                         std::vector<CodeStart>{{kForeign, {"parse.h", 1, "of another build"}},
                                                {kParse, line_of("parse.h", "parse_ethernet")},
                                                {kCount, line_of("count.h", "count_verdict")},
                                                {kGlue, line_of("port_xdp.bpf.c", "port_xdp")}});
        return all;
    }
    static KernelSymbols symbols() {
        std::istringstream text{
            "0000000000007000 t do_idle\n"
            "0000000000002000 t tun_get_user\n"
            "0000000000003000 T net_rx_action\n"
            "0000000000004000 t __htab_map_lookup_elem\t[module]\n"
            "0000000000005000 T xdp_do_redirect\n"
            "0000000000006000 t bpf_xdp_redirect_map\n"
            "0000000000006080 d a_variable\n"
            "0000000000008000 T vfs_open\n"};
        return KernelSymbols::parse(text);
    }
    Stages stages() const { return stages_of(samples, programs(), symbols()); }

    Samples samples{.chains = {}, .lost = 3, .seconds = 2, .cpus = 2, .rate = 100};
};

TEST(KernelSymbolsTest, AreFoundByAnyAddressOfTheFunction) {
    std::istringstream text{
        "ffffffff81000100 T second\n"
        "ffffffff81000000 t first\t[bpf]\n"
        "0000000000000000 T hidden\n"
        "broken\n"};
    const KernelSymbols symbols = KernelSymbols::parse(text);
    EXPECT_EQ(symbols.find(0xffffffff81000000), "first");
    EXPECT_EQ(symbols.find(0xffffffff810000ff), "first");
    EXPECT_EQ(symbols.find(0xffffffff81000100), "second");
    EXPECT_EQ(symbols.find(0x1000), "");
}

TEST(KernelSymbolsTest, OfThisKernelAreThere) {
    EXPECT_NO_THROW(KernelSymbols::read());
}

TEST_F(SamplesTest, BelongToTheStepOfTheirSourceLine) {
    samples.chains[{kParse + 4, kDriver}] = 60;
    samples.chains[{kCount, kDriver}] = 30;
    samples.chains[{kGlue, kDriver}] = 10;
    const Stages result = stages();
    ASSERT_THAT(result.steps, SizeIs(3));
    EXPECT_EQ(result.steps[0].program, "port_xdp");
    EXPECT_EQ(result.steps[0].step, "parse");
    EXPECT_EQ(result.steps[0].samples, 60U);
    EXPECT_THAT(result.steps[0].share, DoubleNear(0.6, 1e-9));
    EXPECT_THAT(result.steps[0].margin, DoubleNear(0.0962, 0.0001));
    EXPECT_EQ(result.steps[1].step, "count");
    EXPECT_EQ(result.steps[2].step, "program");
    EXPECT_EQ(result.samples, 100U);
    EXPECT_EQ(result.lost, 3U);
    EXPECT_THAT(result.in_programs, DoubleNear(0.5, 1e-9));  // 100 of 200 that a CPU has
    EXPECT_FALSE(result.other_build);
}

TEST_F(SamplesTest, FewOfThemLeaveAWideMargin) {
    samples.chains[{kParse + 4, kDriver}] = 4;
    EXPECT_EQ(stages().steps.at(0).share, 1);
    EXPECT_GT(stages().steps.at(0).margin, 0.3);
}

TEST_F(SamplesTest, AHelperIsTimeOfTheStepThatCalledIt) {
    // Where a call returns to is the beginning of the next line: what called is before that.
    samples.chains[{kLookup, kCount, kDriver}] = 5;
    samples.chains[{kLookup, kLookup, kGlue, kDriver}] = 2;
    const Stages result = stages();
    ASSERT_THAT(result.steps, SizeIs(2));
    EXPECT_EQ(result.steps[0].step, "parse");
    EXPECT_EQ(result.steps[1].step, "count");
}

TEST_F(SamplesTest, RedirectingIsAStepOfItsOwnWhoeverCallsIt) {
    samples.chains[{kRedirectMap, kGlue + 4, kDriver}] = 5;
    EXPECT_EQ(stages().steps.at(0).step, "redirect");
}

TEST_F(SamplesTest, OfTheKernelAreToldApart) {
    samples.chains[{kXdpRedirect, kPoll}] = 20;
    samples.chains[{kLookup, kPoll, kIdle}] = 40;  // a softirq while the CPU idled
    samples.chains[{kOpenFile}] = 10;
    samples.chains[{kIdle}] = 100;
    const Stages result = stages();
    EXPECT_THAT(result.after_programs, DoubleNear(0.1, 1e-9));
    EXPECT_THAT(result.other_networking, DoubleNear(0.2, 1e-9));
    EXPECT_THAT(result.other_kernel, DoubleNear(0.05, 1e-9));
    EXPECT_EQ(result.samples, 70U);
}

TEST_F(SamplesTest, ALineOfAnotherBuildHasNoStep) {
    samples.chains[{kForeign + 1, kDriver}] = 1;
    EXPECT_EQ(stages().steps.at(0).step, "other");
    EXPECT_TRUE(stages().other_build);
}

TEST_F(SamplesTest, StacksHaveOurFunctionsAlsoThoseThatWereInlined) {
    samples.chains[{kLookup, kCount + 4, kDriver}] = 5;
    samples.chains[{kGlue + 1, kDriver}] = 2;
    samples.chains[{0x10, kDriver}] = 1;
    samples.chains[{kIdle}] = 9;
    const auto stacks = stacks_of(samples, programs(), symbols());
    ASSERT_THAT(stacks, SizeIs(3));
    EXPECT_EQ(folded_stacks(stacks),
              "tun_get_user;[unknown] 1\n"
              "tun_get_user;xgre:port_xdp 2\n"
              "tun_get_user;xgre:port_xdp;xgre:count_verdict;__htab_map_lookup_elem 5\n");
}

// ---- Flame graphs ---------------------------------------------------------------------------

TEST(FlameGraph, IsAsWideAsTheSamples) {
    const std::string svg = flame_graph({{{"a", "b"}, 3}, {{"a", "<c>&\"d\""}, 1}}, "1 < 2");
    EXPECT_THAT(svg, HasSubstr("<svg xmlns"));
    EXPECT_THAT(svg, HasSubstr(">1 &lt; 2</text>"));
    EXPECT_THAT(svg, HasSubstr("<title>a: 4 samples, 100.00%</title>"));
    EXPECT_THAT(svg, HasSubstr("<title>b: 3 samples, 75.00%</title>"));
    EXPECT_THAT(svg, HasSubstr("<title>&lt;c&gt;&amp;&quot;d&quot;: 1 samples, 25.00%</title>"));
    EXPECT_THAT(svg, HasSubstr("width=\"1180.0\""));  // a
    EXPECT_THAT(svg, HasSubstr("width=\"885.0\""));   // b
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
}

TEST(FlameGraph, OfNothingIsEmpty) {
    EXPECT_THAT(flame_graph({}, "none"), Not(HasSubstr("<title>")));
    EXPECT_EQ(folded_stacks({}), "");
}

TEST(FlameGraph, LeavesOutWhatNobodyCouldSee) {
    const std::string svg = flame_graph({{{"wide"}, 1'000'000}, {{"narrow"}, 1}}, "");
    EXPECT_THAT(svg, HasSubstr("<title>wide"));
    EXPECT_THAT(svg, Not(HasSubstr("<title>narrow")));
}

// ---- Sampling -------------------------------------------------------------------------------

TEST(PerfSamplerTest, SeesWhatTheKernelDoes) {
    PerfSampler sampler = PerfSampler::start(1000);
    const KernelSymbols symbols = KernelSymbols::read();
    bool seen = false;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!seen && std::chrono::steady_clock::now() < end) {
        for (int i = 0; i < 100'000; ++i)
            getppid();
        const Samples samples = sampler.take();
        EXPECT_EQ(samples.rate, 1000U);
        EXPECT_GT(samples.cpus, 0U);
        EXPECT_GT(samples.seconds, 0);
        for (const auto& [chain, count] : samples.chains)
            for (const std::uint64_t address : chain)
                seen = seen || symbols.find(address).find("getppid") != std::string_view::npos;
    }
    EXPECT_TRUE(seen);
}

TEST(PerfSamplerTest, WhatASampleCostsIsMoreThanNothingAndLessThanItsInterval) {
    const auto cost = measure_sample_cost();
    if (!cost) return;  // lost in the noise of a busy machine
    EXPECT_GT(*cost, 0);
    EXPECT_LT(*cost, 20'000);
}

}  // namespace
}  // namespace xgre::test
