// SPDX-License-Identifier: GPL-2.0-only
#include "bench/report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "bench/tables.h"
#include "tests/bench/made_up_run.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

using test::result;
using test::run_of;
using test::void_result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Run sample() {
    return run_of({result(0, 0, kVxlan, {{1}, {2}, {3}}), result(0, 0, kXgre, {{4}, {6}, {9}}),
                   result(0, 1, kVxlan, {{1}, {1}, {1}}), void_result(0, 1, kXgre, "all lost")});
}

const Table& table(const std::vector<Table>& tables, const std::string& caption) {
    for (const Table& one : tables)
        if (one.caption == caption) return one;
    throw std::runtime_error{"no table " + caption};
}

TEST(Tables, HaveAColumnForEachPeerOfTheRun) {
    EXPECT_THAT(table(tables_of(sample()), "Figures").lines[0],
                ElementsAre("row", "unit", "Linux bridge + VXLAN", "xgre"));
}

TEST(Tables, ShowMediansWithQuartiles) {
    EXPECT_THAT(table(tables_of(sample()), "Figures").lines[1],
                ElementsAre("frames, small", "Mpps", "2.00 [1.50-2.50]", "6.00 [5.00-7.50]"));
}

TEST(Tables, SayVoidInsteadOfAFigure) {
    EXPECT_THAT(table(tables_of(sample()), "Figures").lines[2],
                ElementsAre("frames, large", "Mpps", "1.00 [1.00-1.00]", "void"));
}

TEST(Tables, ShowRatiosTakenInEachRound) {
    const auto tables = tables_of(sample());
    const Table& ratio = table(tables, "Ratio to Linux bridge + VXLAN");
    EXPECT_THAT(ratio.lines[1],
                ElementsAre("frames, small", "more", "1.00 [1.00-1.00]", "3.00 [3.00-3.50]"));
    EXPECT_THAT(ratio.lines[2], ElementsAre("frames, large", "more", "1.00 [1.00-1.00]", "-"));
}

TEST(Tables, ShowHowCasesCompareWithTheFirst) {
    EXPECT_THAT(table(tables_of(sample()), "Ratio to the first case of the same row").lines,
                ElementsAre(ElementsAre("row", "better", "Linux bridge + VXLAN", "xgre"),
                            ElementsAre("frames, large", "more", "0.500 [0.417-0.750]", "-")));
}

TEST(Tables, WithoutLinesAreLeftOut) {
    for (const Table& shown : tables_of(sample()))
        EXPECT_GT(shown.lines.size(), 1u) << shown.caption;
}

TEST(Tables, InMarkdownHaveAsManyCellsInEachLine) {
    for (const Table& shown : tables_of(sample())) {
        const std::string text = as_markdown(shown);
        std::istringstream lines{text.substr(text.find('|'))};
        const auto columns = static_cast<std::ptrdiff_t>(shown.lines[0].size());
        for (std::string line; std::getline(lines, line);)
            EXPECT_EQ(std::ranges::count(line, '|'), columns + 1) << line;
    }
}

TEST(Text, TellsWhyARowIsVoid) {
    EXPECT_THAT(as_text(sample()), HasSubstr("void: frames, large, xgre: all lost"));
}

TEST(Json, HasEveryValueAndWhatIsVoid) {
    const auto root = nlohmann::json::parse(as_json(sample()));
    ASSERT_EQ(root.at("results").size(), 4u);
    const auto& small = root["results"][1];
    EXPECT_EQ(small["peer"], "xgre");
    EXPECT_EQ(small["case"], "small");
    EXPECT_EQ(small["median"], 6);
    EXPECT_EQ(small["values"], (std::vector<double>{4, 6, 9}));
    EXPECT_EQ(small["ratio"]["vxlan"], 3);
    EXPECT_EQ(small["void"], nullptr);
    EXPECT_EQ(root["results"][3]["void"], "all lost");
    EXPECT_FALSE(root["results"][3].contains("values"));
    EXPECT_EQ(root["machine"]["load_before"], "0.1 0.2 0.3");
}

constexpr const char* kBegin = "<!-- scripts/bench writes from here -->";
constexpr const char* kEnd = "<!-- to here -->";

TEST(Page, KeepsAllThatIsNotBetweenTheMarks) {
    const std::string old = fmt::format("before\n{}\nold figures\n{}\nafter\n", kBegin, kEnd);
    const std::string page = with_results(old, sample(), "page.md");
    EXPECT_TRUE(page.starts_with(fmt::format("before\n{}\n", kBegin)));
    EXPECT_TRUE(page.ends_with(fmt::format("{}\nafter\n", kEnd)));
    EXPECT_THAT(page, Not(HasSubstr("old figures")));
    EXPECT_THAT(page, HasSubstr("| frames, small | Mpps |"));
    EXPECT_THAT(page, HasSubstr("(performance/frames.svg)"));
}

TEST(Page, WithoutMarksIsRefused) {
    EXPECT_THROW(with_results("no marks", sample(), "page.md"), Error);
    EXPECT_THROW(with_results(fmt::format("{}\n{}\n", kEnd, kBegin), sample(), "page.md"), Error);
}

}  // namespace
}  // namespace xgre::bench
