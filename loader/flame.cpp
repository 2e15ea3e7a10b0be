// SPDX-License-Identifier: GPL-2.0-only
// Stacks as text for other tools, and as a flame graph in SVG.
#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "xgre/profile.h"

namespace xgre {
namespace {

// Pixels.
constexpr double kWidth = 1200;
constexpr double kMargin = 10;
constexpr double kRow = 17;
constexpr double kTop = 40;
constexpr double kLetter = 6.6;  // of the font below, about
constexpr double kNarrowest = 0.2;

struct Node {
    std::uint64_t samples = 0;
    std::map<std::string, Node> callees;
};

Node tree_of(const std::vector<Stack>& stacks) {
    Node root;
    for (const Stack& stack : stacks) {
        Node* node = &root;
        node->samples += stack.samples;
        for (const std::string& frame : stack.frames) {
            node = &node->callees[frame];
            node->samples += stack.samples;
        }
    }
    return root;
}

std::size_t depth_of(const Node& node) {
    std::size_t deepest = 0;
    for (const auto& [name, callee] : node.callees)
        deepest = std::max(deepest, depth_of(callee) + 1);
    return deepest;
}

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '&':
                safe += "&amp;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                safe += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        }
    }
    return safe;
}

// Ours are green, other BPF programs blue, the kernel yellow to red; neighbours differ.
std::string color_of(const std::string& name) {
    const std::size_t shade = std::hash<std::string>{}(name) % 40;
    if (name.starts_with("xgre:")) return fmt::format("hsl({},60%,55%)", 110 + shade);
    if (name.starts_with("bpf_prog_")) return fmt::format("hsl({},60%,65%)", 195 + shade);
    return fmt::format("hsl({},80%,65%)", 15 + shade);
}

std::string cut(const std::string& name, double width) {
    const auto room = static_cast<std::size_t>(std::max(0.0, (width - 4) / kLetter));
    if (name.size() <= room) return name;
    return room < 4 ? std::string{} : name.substr(0, room - 2) + "..";
}

class Picture {
public:
    Picture(const Node& root, std::string_view title) : root_{root}, depth_{depth_of(root) + 1} {
        const double height = kTop + kRow * static_cast<double>(depth_) + kMargin;
        text_ = fmt::format(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
            "viewBox=\"0 0 {0} {1}\" font-family=\"monospace\" font-size=\"11\">\n"
            "<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfc\"/>\n"
            "<text x=\"{2}\" y=\"24\" font-size=\"15\" text-anchor=\"middle\">{3}</text>\n",
            kWidth, height, kWidth / 2, escaped(title));
    }

    std::string draw() {
        if (root_.samples != 0) add("all", root_, kMargin, 0);
        return std::move(text_) + "</svg>\n";
    }

private:
    void add(const std::string& name, const Node& node, double x, std::size_t level) {
        const double width = share(node) * (kWidth - 2 * kMargin);
        if (width < kNarrowest) return;
        const double y = kTop + kRow * static_cast<double>(depth_ - 1 - level);
        text_ += fmt::format(
            "<g><title>{}: {} samples, {:.2f}%</title>"
            "<rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\" fill=\"{}\" "
            "rx=\"1\"/><text x=\"{:.1f}\" y=\"{:.0f}\">{}</text></g>\n",
            escaped(name), node.samples, share(node) * 100, x, y, width, kRow - 1, color_of(name),
            x + 2, y + kRow - 5, escaped(cut(name, width)));
        for (const auto& [callee_name, callee] : node.callees) {
            add(callee_name, callee, x, level + 1);
            x += share(callee) * (kWidth - 2 * kMargin);
        }
    }

    double share(const Node& node) const {
        return static_cast<double>(node.samples) / static_cast<double>(root_.samples);
    }

    const Node& root_;
    std::size_t depth_;
    std::string text_;
};

}  // namespace

std::string folded_stacks(const std::vector<Stack>& stacks) {
    std::string text;
    for (const Stack& stack : stacks)
        text += fmt::format("{} {}\n", fmt::join(stack.frames, ";"), stack.samples);
    return text;
}

std::string flame_graph(const std::vector<Stack>& stacks, const std::string& title) {
    const Node root = tree_of(stacks);
    return Picture{root, title}.draw();
}

}  // namespace xgre
