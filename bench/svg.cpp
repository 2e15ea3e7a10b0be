// SPDX-License-Identifier: GPL-2.0-only
#include "bench/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

#include "bench/tables.h"

namespace xgre::bench {
namespace {

// In pixels.
constexpr double kLetter = 6.8;  // about, in the widest of the usual fonts
constexpr double kPlot = 540;    // how long the longest may be
constexpr double kRight = 70;    // for the figure behind it
constexpr double kBar = 12;
constexpr double kGroupGap = 14;
constexpr double kHead = 66;  // title and legend
constexpr double kFoot = 30;  // axis
constexpr double kLegendColumn = 270;
constexpr std::size_t kLegendColumns = 3;
constexpr double kLegendLine = 18;
constexpr double kMostSteps = 6;

// Told apart also by those who do not see all colours (Okabe and Ito).
constexpr std::array<std::string_view, 8> kColours{"#999999", "#56b4e9", "#0072b2", "#cc79a7",
                                                   "#e69f00", "#d55e00", "#009e73", "#f0e442"};

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

std::string text_at(double x, double y, std::string_view text, std::string_view anchor = "start") {
    return fmt::format("<text x=\"{:g}\" y=\"{:g}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                       escaped(text));
}

std::string line_between(double x1, double y1, double x2, double y2, std::string_view colour) {
    return fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:g}\" x2=\"{:.1f}\" y2=\"{:g}\" stroke=\"{}\"/>\n", x1, y1, x2,
        y2, colour);
}

std::string_view colour_of(const Bars::Series& series) {
    return kColours[series.colour % kColours.size()];
}

double legend_line(std::size_t series) {
    const std::size_t line = series / kLegendColumns;
    return static_cast<double>(line);
}

class Drawing {
public:
    explicit Drawing(const Bars& bars)
        : bars_{bars},
          top_{kHead + kLegendLine * legend_line(bars.series.size() - 1)},
          left_{widest(bars) * kLetter + 20},
          axis_{axis_to(highest(bars))} {}

    std::string draw() {
        legend();
        double y = top_;
        for (const Bars::Group& group : bars_.groups)
            y = draw_group(group, y);
        const double height = y + kFoot;
        const double width = std::max(left_ + kPlot + kRight, kLegendColumn * kLegendColumns);
        return fmt::format(
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" "
                   "height=\"{1:g}\" viewBox=\"0 0 {0:g} {1:g}\" "
                   "font-family=\"sans-serif\" font-size=\"12\">\n"
                   "<title>{2}</title>\n"
                   "<rect width=\"{0:g}\" height=\"{1:g}\" fill=\"#ffffff\"/>\n",
                   width, height, escaped(bars_.title)) +
               draw_axis(y) + body_ + "</svg>\n";
    }

private:
    static double widest(const Bars& bars) {
        std::size_t letters = 0;
        for (const Bars::Group& group : bars.groups)
            letters = std::max(letters, group.title.size());
        return static_cast<double>(letters);
    }

    static double highest(const Bars& bars) {
        double value = 0;
        for (const Bars::Group& group : bars.groups) {
            for (const auto& bar : group.bars)
                value = std::max(value, bar ? bar->high : 0);
        }
        return value;
    }

    double x_of(double value) const { return left_ + kPlot * value / axis_.end; }

    void legend() {
        body_ += fmt::format(
            "<text x=\"10\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{}, {}"
            "</text>\n",
            escaped(bars_.title), escaped(bars_.unit));
        for (std::size_t i = 0; i < bars_.series.size(); ++i) {
            const double x = 10 + kLegendColumn * static_cast<double>(i % kLegendColumns);
            const double y = 46 + kLegendLine * legend_line(i);
            body_ += fmt::format(
                "<rect x=\"{:g}\" y=\"{:g}\" width=\"12\" height=\"12\" "
                "fill=\"{}\"/>\n",
                x, y - 10, colour_of(bars_.series[i]));
            body_ += text_at(x + 18, y, bars_.series[i].title);
        }
    }

    // Returns where the next one begins.
    double draw_group(const Bars::Group& group, double y) {
        const auto count = static_cast<double>(
            std::ranges::count_if(group.bars, [](const auto& bar) { return bar.has_value(); }));
        const double height = std::max(1.0, count) * kBar;
        body_ += text_at(left_ - 8, y + height / 2 + 4, group.title, "end");
        double at = y;
        for (std::size_t i = 0; i < group.bars.size(); ++i) {
            const std::optional<Spread>& bar = group.bars[i];
            if (!bar) continue;
            draw_bar(*bar, at, colour_of(bars_.series[i]));
            at += kBar;
        }
        return y + height + kGroupGap;
    }

    void draw_bar(const Spread& spread, double y, std::string_view colour) {
        const double middle = y + kBar / 2;
        body_ += fmt::format(
            "<rect x=\"{:g}\" y=\"{:g}\" width=\"{:.1f}\" height=\"{:g}\" "
            "fill=\"{}\"/>\n",
            left_, y + 1, x_of(spread.median) - left_, kBar - 2, colour);
        body_ += line_between(x_of(spread.low), middle, x_of(spread.high), middle, "#000000");
        body_ += text_at(x_of(spread.high) + 5, y + kBar - 2, short_number(spread.median));
    }

    std::string draw_axis(double bottom) const {
        std::string drawn;
        const auto steps = static_cast<int>(std::lround(axis_.end / axis_.step));
        for (int i = 0; i <= steps; ++i) {
            const double value = axis_.step * i;
            drawn += line_between(x_of(value), top_ - 4, x_of(value), bottom, "#dddddd");
            drawn += text_at(x_of(value), bottom + 16, fmt::format("{:g}", value), "middle");
        }
        return drawn;
    }

    const Bars& bars_;
    double top_;
    double left_;  // where bars begin
    Axis axis_;
    std::string body_;
};

}  // namespace

Axis axis_to(double highest) {
    if (highest <= 0) return {.step = 1, .end = 1};
    const double least = highest / kMostSteps;
    const double unit = std::pow(10, std::floor(std::log10(least)));
    double step = 10 * unit;
    for (const double times : {5.0, 2.0, 1.0}) {
        if (least <= times * unit) step = times * unit;
    }
    return {.step = step, .end = step * std::ceil(highest / step)};
}

std::string as_svg(const Bars& bars) {
    return Drawing{bars}.draw();
}

}  // namespace xgre::bench
