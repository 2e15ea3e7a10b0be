// SPDX-License-Identifier: GPL-2.0-only
#include "bench/svg.h"

#include <gmock/gmock.h>

#include <regex>

#include "bench/charts.h"
#include "tests/bench/made_up_run.h"

namespace xgre::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

Bars sample() {
    return {"speed",
            "Mpps",
            {"one", "other"},
            {{"small", {Spread{1, 2, 3}, Spread{4, 5, 10}}}, {"large", {Spread{1, 1, 1}, {}}}}};
}

std::size_t count(const std::string& text, const std::string& pattern) {
    const std::regex wanted{pattern};
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator{text.begin(), text.end(), wanted}, {}));
}

// Lengths of the bars in drawing order: the rectangles after the background and the legend.
std::vector<double> lengths(const std::string& svg) {
    const std::regex bar{R"(<rect x="240" [^>]*width="([0-9.]+)\")"};
    std::vector<double> found;
    for (std::sregex_iterator at{svg.begin(), svg.end(), bar}, end; at != end; ++at)
        found.push_back(std::stod((*at)[1]));
    return found;
}

TEST(Svg, HasABarForEachValueAndNoneForAMissingOne) {
    EXPECT_EQ(lengths(as_svg(sample())).size(), 3u);
}

TEST(Svg, DrawsBarsInProportion) {
    const auto drawn = lengths(as_svg(sample()));
    EXPECT_NEAR(drawn[1] / drawn[0], 2.5, 0.01);
    EXPECT_NEAR(drawn[2] / drawn[0], 0.5, 0.01);
}

TEST(Svg, NamesSeriesAndGroups) {
    const std::string svg = as_svg(sample());
    for (const char* text : {">one<", ">other<", ">small<", ">large<", ">speed, Mpps<"})
        EXPECT_THAT(svg, HasSubstr(text));
}

TEST(Svg, EscapesWhatXmlWouldTakeForItsOwn) {
    Bars bars = sample();
    bars.title = "a < b & c > d";
    const std::string svg = as_svg(bars);
    EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c &gt; d"));
    EXPECT_THAT(svg, Not(HasSubstr("a < b")));
}

TEST(Svg, ClosesEachElement) {
    const std::string svg = as_svg(sample());
    EXPECT_EQ(count(svg, "<[a-z]"), count(svg, "/>") + count(svg, "</[a-z]"));
}

TEST(AxisEnd, IsTheNextRoundNumber) {
    EXPECT_EQ(axis_end(10), 10);
    EXPECT_EQ(axis_end(10.5), 15);
    EXPECT_EQ(axis_end(0.82), 1);
    EXPECT_EQ(axis_end(7300), 8000);
    EXPECT_EQ(axis_end(0), 1);
}

TEST(Charts, AreOneForEachThatTheRowsName) {
    const auto run =
        test::run_of({test::result(0, 0, kXgre, {{1}}), test::result(1, 0, kXgre, {{2, 3}})});
    const auto charts = charts_of(run);
    ASSERT_EQ(charts.size(), 2u);
    EXPECT_EQ(charts[0].name, "frames");
    EXPECT_EQ(charts[1].name, "latency");
    EXPECT_EQ(lengths(charts[1].svg).size(), 2u);
}

TEST(Charts, OfVoidRowsAreLeftOut) {
    EXPECT_TRUE(charts_of(test::run_of({test::void_result(0, 0, kXgre, "all lost")})).empty());
}

}  // namespace
}  // namespace xgre::bench
