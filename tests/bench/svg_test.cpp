// SPDX-License-Identifier: GPL-2.0-only
#include "bench/svg.h"

#include <gmock/gmock.h>

#include <cmath>
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
            {{"one", 0}, {"other", 3}},
            {{"small", {Spread{1, 2, 3}, Spread{4, 5, 10}}}, {"large", {Spread{1, 1, 1}, {}}}}};
}

std::size_t count(const std::string& text, const std::string& pattern) {
    const std::regex wanted{pattern};
    return static_cast<std::size_t>(
        std::distance(std::sregex_iterator{text.begin(), text.end(), wanted}, {}));
}

// Lengths of the bars in drawing order: the rectangles after the background and the legend.
std::vector<double> lengths(const std::string& svg) {
    const std::regex bar{R"(<rect x="54" [^>]*width="([0-9.]+)\")"};
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

TEST(Svg, PaintsASeriesAlikeInEachPicture) {
    Bars bars = sample();
    const std::string both = as_svg(bars);
    bars.series.erase(bars.series.begin());
    for (Bars::Group& group : bars.groups)
        group.bars.erase(group.bars.begin());
    const std::string other = as_svg(bars);
    const std::string colour = "#cc79a7";
    EXPECT_THAT(both, HasSubstr(colour));
    EXPECT_THAT(other, HasSubstr(colour));
    EXPECT_THAT(other, Not(HasSubstr("#56b4e9")));
}

TEST(Svg, LeavesRoomForTheLongestTitle) {
    Bars bars = sample();
    bars.groups[0].title = std::string(60, 'x');
    EXPECT_TRUE(lengths(as_svg(bars)).empty());  // they begin further to the right
}

TEST(Axis, HasFewRoundSteps) {
    for (double highest = 0.013; highest < 1e6; highest *= 1.37) {
        const Axis axis = axis_to(highest);
        EXPECT_GE(axis.end, highest);
        EXPECT_LT(axis.end - axis.step, highest);
        EXPECT_LE(std::lround(axis.end / axis.step), 6);
    }
    EXPECT_EQ(axis_to(4.2).step, 1);
    EXPECT_EQ(axis_to(4.2).end, 5);
    EXPECT_EQ(axis_to(7300).step, 2000);
    EXPECT_EQ(axis_to(0).end, 1);
}

TEST(Charts, AreOneForEachThatTheRowsNameAndMetric) {
    const auto run =
        test::run_of({test::result(0, 0, kXgre, {{1}}), test::result(1, 0, kXgre, {{2, 3}})});
    const auto charts = charts_of(run);
    ASSERT_EQ(charts.size(), 3u);
    EXPECT_EQ(charts[0].name, "frames");
    EXPECT_EQ(charts[1].name, "latency-p50");
    EXPECT_EQ(charts[2].name, "latency-p99");
    EXPECT_EQ(charts[2].title, "Request and response from VM to VM, p99");
}

TEST(Charts, OfVoidRowsAreLeftOut) {
    EXPECT_TRUE(charts_of(test::run_of({test::void_result(0, 0, kXgre, "all lost")})).empty());
}

}  // namespace
}  // namespace xgre::bench
