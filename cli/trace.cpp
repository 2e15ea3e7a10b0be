// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/trace.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/syntax.h"
#include "xgre/abi.h"
#include "xgre/number.h"

namespace xgre::cli {
namespace {

constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint32_t kSmallest = 14;
constexpr std::uint32_t kLargest = 65535;

struct TraceArguments {
    std::vector<std::string> frame;  // bytes, or a file
    std::optional<std::uint32_t> number;
    std::optional<std::string> from;
    std::optional<Mac> source;
    std::optional<Mac> destination;
    std::optional<std::uint16_t> type;
    std::optional<Vlan> vlan;
    std::optional<std::uint32_t> size;
    std::optional<FrameProtocol> protocol;
    std::optional<std::uint32_t> port;
    std::optional<std::uint32_t> icmp_type;
    bool tc = false;
    bool hex = false;
    std::optional<std::string> expect;
    std::optional<std::string> peer_instance;

    bool has_words() const { return source || destination || type || vlan || size || carried(); }
    // What IPv4 or IPv6 carries.
    std::optional<FrameProtocol> carried() const {
        if (protocol) return protocol;
        if (icmp_type) return FrameProtocol::icmp;
        return port ? std::optional{FrameProtocol::udp} : std::nullopt;
    }
    TraceOptions options() const { return {.tc_alone = tc}; }
};

// ---- What a frame may be given as ----------------------------------------------------------

Syntax<std::uint16_t> type_syntax() {
    return {"TYPE", "a type of frames", "arp, ipv4, ipv6, or an EtherType like 0x88b5",
            [](std::string_view text) -> std::optional<std::uint16_t> {
                if (text == "arp") return kArp;
                if (text == "ipv4") return kIpv4;
                if (text == "ipv6") return kIpv6;
                auto number = parse_prefixed_hex(text, UINT16_MAX);
                if (!number) number = parse_decimal(text, UINT16_MAX);
                if (!number) return std::nullopt;
                return static_cast<std::uint16_t>(*number);
            },
            "arp|ipv4|ipv6"};
}

Syntax<FrameProtocol> protocol_syntax() {
    return {"PROTO", "a protocol that a frame can be made of", "udp, tcp or icmp",
            [](std::string_view text) -> std::optional<FrameProtocol> {
                if (text == "udp") return FrameProtocol::udp;
                if (text == "tcp") return FrameProtocol::tcp;
                if (text == "icmp") return FrameProtocol::icmp;
                return std::nullopt;
            },
            "udp|tcp|icmp"};
}

Syntax<std::string> verdict_syntax() {
    static constexpr std::array<std::string_view, XGRE_VERDICT_MAX> kNames{
#define X(id, name, fate, help) name,
        XGRE_VERDICTS(X)
#undef X
    };
    return {"VERDICT", "the name of a verdict", "one that docs/commands.md lists, like to-peer",
            [](std::string_view text) -> std::optional<std::string> {
                if (text != "none" && std::ranges::find(kNames, text) == kNames.end())
                    return std::nullopt;
                return std::string{text};
            },
            "none|<verdict>"};
}

bool is_blank(char c) {
    return c == ' ' || c == ':' || c == '\t' || c == '\n' || c == '\r';
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return is_blank(c) || parse_hex_digit(c); });
}

// Not of anything that is nearly bytes: there the position of the mistake says more.
bool is_file(const std::string& text) {
    std::error_code ignored;
    return !is_hex(text) && (std::filesystem::exists(text, ignored) ||
                             text.find_first_of("./") != std::string::npos);
}

TraceFrame bytes_of(const std::string& text) {
    std::vector<std::uint8_t> digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_blank(text[i])) continue;
        const auto digit = parse_hex_digit(text[i]);
        if (!digit)
            throw Misuse{"FRAME",
                         fmt::format("'{}' at character {} is no hexadecimal digit",
                                     printable(text.substr(i, 1)), i + 1),
                         "give the bytes of a frame, or the name of a capture file"};
        digits.push_back(*digit);
    }
    if (digits.size() % 2 != 0)
        throw Misuse{"FRAME",
                     fmt::format("{} hexadecimal digits: half a byte is left over", digits.size()),
                     "give two digits a byte"};
    TraceFrame bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(digits[i] << 4 | digits[i + 1]));
    if (bytes.size() < kSmallest)
        throw Misuse{"FRAME", fmt::format("{} bytes are no Ethernet frame", bytes.size()),
                     "give at least 14 bytes: destination, source, type"};
    return bytes;
}

void check_words(const TraceArguments& wanted) {
    if (!wanted.from)
        throw Misuse{"--from", "a frame that is made of words comes from a port",
                     "name the port: --from tap0"};
    const std::uint16_t type = wanted.type.value_or(kIpv4);
    if (wanted.carried() && type != kIpv4 && type != kIpv6)
        throw Misuse{wanted.protocol ? "--proto"
                     : wanted.port   ? "--dport"
                                     : "--icmp-type",
                     "only IPv4 and IPv6 carry it", "give --type ipv4 or ipv6"};
    if (wanted.port && wanted.carried() == FrameProtocol::icmp)
        throw Misuse{"--dport", "ICMP has no ports", "give --proto udp or tcp"};
    if (wanted.icmp_type && wanted.carried() != FrameProtocol::icmp)
        throw Misuse{"--icmp-type", "only ICMP has it", "give --proto icmp"};
    if (!wanted.destination && type != kArp)
        throw Misuse{"--dst", "is missing", "give the destination's MAC"};
}

// Of words that check_words() lets pass.
TraceFrame frame_of_words(const Tracer& tracer, const TraceArguments& wanted) {
    FrameSpec spec;
    spec.type = wanted.type.value_or(kIpv4);
    spec.destination = wanted.destination.value_or(Mac::broadcast());
    spec.vlan = wanted.vlan;
    const std::uint16_t vlan = wanted.vlan.value_or(Vlan{}).id();
    spec.source =
        wanted.source ? *wanted.source : tracer.source_behind(wanted.from.value_or(""), vlan);
    if (wanted.size) spec.size = *wanted.size;
    spec.protocol = wanted.carried();
    if (wanted.port) spec.port = static_cast<std::uint16_t>(*wanted.port);
    if (wanted.icmp_type) spec.icmp_type = static_cast<std::uint8_t>(*wanted.icmp_type);
    return make_frame(spec);
}

// What is wrong with the command line alone.
void check(const TraceArguments& wanted, const std::string& text) {
    const bool has_frame = !text.empty();
    if (has_frame && wanted.has_words())
        throw Misuse{"trace", "a frame is given by its bytes or by words, not by both",
                     "leave out FRAME, or all that says how one is made, as --type and --dst"};
    if (!has_frame && !wanted.has_words())
        throw Misuse{"trace", "there is no frame",
                     "give its bytes, a capture file, or --from PORT --type TYPE"};
    if (wanted.number && !is_file(text))
        throw Misuse{"--number", "only a capture file has several frames",
                     "leave it out, or name a file"};
    if (!has_frame) check_words(wanted);
}

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

// ---- What came of it -----------------------------------------------------------------------

std::string hex_of(const TraceFrame& frame) {
    return fmt::format("{:02x}", fmt::join(frame, ""));
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json json_of(const TraceDeparture& leaves, bool hex) {
    Json json{{"device", leaves.device},
              {"role", leaves.is_uplink ? "uplink" : "port"},
              {"network", text_or_null(leaves.network)},
              {"peer", leaves.peer ? Json(leaves.peer->format()) : Json(nullptr)},
              {"waits", leaves.waits},
              {"lost", leaves.lost},
              {"size", leaves.frame.size()},
              {"layers", leaves.layers}};
    if (hex) json["bytes"] = hex_of(leaves.frame);
    return json;
}

Json json_of(const Trace& trace, bool hex) {
    Json json;
    json["instance"] = trace.instance;
    json["device"] = trace.device;
    json["role"] = trace.is_uplink ? "uplink" : "port";
    json["network"] = text_or_null(trace.network);
    json["from_peer"] = trace.from_peer ? Json(trace.from_peer->format()) : Json(nullptr);
    json["vlan"] = trace.vlan;
    json["size"] = trace.size;
    json["verdict"] = trace.verdict;
    json["help"] = trace.help;
    json["drop"] = trace.drop;
    json["way_out"] = text_or_null(trace.way_out);
    json["program"] = text_or_null(trace.program);
    json["by_detour"] = trace.by_detour;
    json["notes"] = trace.notes;
    json["steps"] = Json::array();
    for (const TraceStep& step : trace.steps)
        json["steps"].push_back(Json{{"step", step.step}, {"text", step.text}});
    json["leaves"] = Json::array();
    for (const TraceDeparture& leaves : trace.leaves)
        json["leaves"].push_back(json_of(leaves, hex));
    json["lost"] = Json::array();
    for (const TraceLoss& loss : trace.lost)
        json["lost"].push_back(Json{{"verdict", loss.verdict},
                                    {"copies", loss.copies},
                                    {"help", loss.help},
                                    {"way_out", loss.way_out}});
    if (trace.tc_verdict)
        json["tc_alone"] = Json{{"verdict", *trace.tc_verdict}, {"agrees", trace.tc_agrees}};
    json["other_build"] = trace.other_build;
    json["onward"] = Json::array();
    for (const Trace& onward : trace.onward)
        json["onward"].push_back(json_of(onward, hex));
    return json;
}

// Sixteen bytes a line, with where they begin: as text2pcap and Wireshark take them.
void print_hex(const Printer& out, const TraceFrame& frame) {
    constexpr std::size_t kLine = 16;
    for (std::size_t at = 0; at < frame.size(); at += kLine) {
        const auto line = std::span{frame}.subspan(at, std::min(kLine, frame.size() - at));
        out.line(fmt::format("{:06x}  {:02x}", at, fmt::join(line, " ")));
    }
}

void print(const Printer& out, const Trace& trace, bool hex) {
    out.line(fmt::format("instance {}: {} bytes as if received by {} {}", trace.instance,
                         trace.size, trace.is_uplink ? "uplink" : "port", trace.device));
    if (trace.other_build)
        out.line(
            "these are this xgre's programs; those that run are of another build: "
            "`xgre attach --upgrade`");
    std::size_t width = 0;
    for (const TraceStep& step : trace.steps)
        width = std::max(width, step.step.size());
    for (const TraceStep& step : trace.steps)
        out.line(fmt::format("  {:<{}}  {}", step.step, width, printable(step.text)));
    for (const TraceDeparture& leaves : trace.leaves) {
        if (!hex || leaves.lost) continue;
        out.line("");
        out.line(fmt::format("what leaves by {}, {} bytes:", leaves.device, leaves.frame.size()));
        print_hex(out, leaves.frame);
    }
    for (const Trace& onward : trace.onward) {
        out.line("");
        print(out, onward, hex);
    }
}

void expect(const Trace& trace, const std::string& verdict) {
    // With what a peer does with it, it is that which counts.
    const Trace& last = trace.onward.empty() ? trace : trace.onward.back();
    if (last.verdict == verdict) return;
    throw Error{"trace", fmt::format("the verdict is {}, not {}", last.verdict, verdict),
                "see in the steps above why"};
}

void run(const Context& context, const TraceArguments& wanted) {
    const std::string text = joined(wanted.frame);
    check(wanted, text);
    std::optional<TraceFrame> frame;
    if (is_file(text))
        frame = frame_of_file(text, wanted.number.value_or(1));
    else if (!text.empty())
        frame = bytes_of(text);
    Tracer tracer{context.session};
    if (!frame) frame = frame_of_words(tracer, wanted);
    const auto device = wanted.from ? wanted.from : tracer.device_of(*frame);
    if (!device)
        throw Misuse{"--from",
                     "it is no tunnel packet to this instance, so it may come by any port",
                     "name the device that it comes in by: --from tap0"};
    Trace trace = tracer.trace(*frame, *device, wanted.options());
    if (wanted.peer_instance) trace_onward(trace, *wanted.peer_instance, wanted.options());
    if (context.out.json())
        context.out.json_object(json_of(trace, wanted.hex));
    else
        print(context.out, trace, wanted.hex);
    if (wanted.expect) expect(trace, *wanted.expect);
}

void add_words(CLI::App& trace, TraceArguments& wanted) {
    add_value(trace, "--src", wanted.source, mac_syntax(),
              "source MAC (default: one that is learned behind the port, else a made-up one)");
    add_value(trace, "--dst", wanted.destination, mac_syntax(),
              "destination MAC (default: broadcast, for arp)");
    add_value(trace, "--type", wanted.type, type_syntax(),
              "arp, ipv4, ipv6, or a number (default: ipv4)");
    add_value(trace, "--vlan", wanted.vlan, vlan_syntax(), "with a tag of this VLAN");
    add_value(trace, "--size", wanted.size, number_syntax(kSmallest, kLargest),
              "bytes of the whole frame (default: 60, or what its headers take)");
    add_value(trace, "--proto", wanted.protocol, protocol_syntax(),
              "what IPv4 or IPv6 carries: udp, tcp or icmp (default: udp)");
    add_value(trace, "--dport", wanted.port, number_syntax(0, UINT16_MAX),
              "to this port of UDP or TCP (default: 9 or 80)");
    add_value(trace, "--icmp-type", wanted.icmp_type, number_syntax(0, UINT8_MAX),
              "of ICMP, or of ICMPv6 (default: an echo request)");
}

}  // namespace

void add_trace_command(CLI::App& app, Context& context) {
    auto* trace = app.add_subcommand("trace", "what would happen to a frame, step by step");
    auto wanted = std::make_shared<TraceArguments>();
    offer(trace->add_option("FRAME", wanted->frame,
                            "its bytes in hexadecimal, or a capture file; without, a frame is made "
                            "of the options below"),
          "<file>")
        ->type_name("");
    add_value(*trace, "--number", wanted->number, number_syntax(1, UINT32_MAX),
              "of a capture file: which frame (default: 1, the first)");
    add_value(*trace, "--from", wanted->from, device_syntax(),
              "the port, or uplink, that it comes in by (default: the uplink, for a tunnel packet "
              "to this instance)");
    add_words(*trace, *wanted);
    trace->add_flag("--tc", wanted->tc, "also what TC alone would do: it has to be the same");
    trace->add_flag("--hex", wanted->hex, "also the bytes of what leaves");
    add_value(*trace, "--expect", wanted->expect, verdict_syntax(),
              "exit with 1 when the verdict is another");
    add_value(*trace, "--peer-instance", wanted->peer_instance, instance_syntax(),
              "go on in this instance of the machine with what leaves for it");
    trace->footer(
        "It runs in copies of the programs and maps: the instance learns nothing, counts nothing "
        "and sends nothing.\n"
        "Examples:\n"
        "  xgre trace --from tap0 --type arp\n"
        "  xgre trace --from tap0 --dst 02:00:00:00:00:02 --proto udp --size 1514 --tc\n"
        "  xgre trace --from tap0 --dst 02:00:00:00:00:02 --dport 68 --expect dhcp-guard\n"
        "  xgre trace wire.pcap --number 3\n"
        "  xgre trace --from tap0 'ffffffffffff 020000000001 0806 ...' --hex");
    trace->callback([&context, wanted] { run(context, *wanted); });
}

}  // namespace xgre::cli
