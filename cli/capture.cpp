// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/capture.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/syntax.h"
#include "cli/time_of_day.h"
#include "xgre/error.h"

namespace xgre::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kOften{50};
constexpr std::uint32_t kMostBytes = 65000;

struct CaptureOptions {
    CaptureSpec spec;
    std::optional<std::string> file;
    std::optional<std::uint32_t> count;
    std::optional<milliseconds> time;
};

Json to_json(const CapturedPacket& packet) {
    return {{"time_ns", packet.time.count()},
            {"device", packet.device},
            {"direction", packet.leaves ? "out" : "in"},
            {"program", packet.program},
            {"verdict", packet.verdict},
            {"drop", packet.drop},
            {"length", packet.length},
            {"kind", kind_of(packet)},
            {"text", packet.text}};
}

void print(const Printer& out, const CapturedPacket& packet) {
    if (out.json()) return out.json_line(to_json(packet));
    out.line(fmt::format("{} {} {:<3} {}, length {} | {}", time_of_day(packet.time), packet.device,
                         packet.leaves ? "out" : "in", kind_of(packet), packet.length,
                         packet.text));
}

// Where packets go; both sides of a frame, or none.
class Sink {
public:
    Sink(const Printer& out, const CaptureOptions& options)
        : out_{out}, count_{options.count}, is_to_stdout_{options.file.value_or("-") == "-"} {
        if (options.file) file_.emplace(*options.file);
    }

    void add(const CapturedPacket& packet) {
        if (!packet.leaves) {
            if (is_full()) {
                skips_ = true;
                return;
            }
            ++frames_;
        }
        if (skips_) return;
        file_ ? file_->add(packet) : print(out_, packet);
    }
    void flush() {
        if (is_to_stdout_) out_.check_reader();
        file_ ? file_->flush() : out_.finish();
    }
    bool is_full() const { return count_ && frames_ >= *count_; }
    std::uint64_t frames() const { return frames_; }

private:
    const Printer& out_;
    std::optional<std::uint32_t> count_;
    bool is_to_stdout_;
    std::optional<PcapngFile> file_;
    std::uint64_t frames_ = 0;
    bool skips_ = false;
};

void say_totals(const Capture& capture, const Sink& sink) {
    const CaptureTotals totals = capture.totals();
    say(
        fmt::format("{} frames captured, {} lost as they came too fast to be read, "
                    "{} left out above the rate",
                    sink.frames(), totals.lost, totals.over));
}

// What came before a failure is written, too.
template <typename Read>
void flush_after(Sink& sink, Read read) {
    try {
        read();
    } catch (const Error&) {
        sink.flush();
        throw;
    }
    sink.flush();
}

void capture_frames(const Context& context, const CaptureOptions& options) {
    const Interrupt interrupt;
    Capture capture = Capture::start(context.session, options.spec);
    Sink sink{context.out, options};  // last: what is refused empties no file
    const auto add = [&sink](const CapturedPacket& packet) { sink.add(packet); };
    const auto end = steady_clock::now() + options.time.value_or(milliseconds{0});
    // The file's header is there at once, for who reads it live.
    sink.flush();
    try {
        while (!sink.is_full() && !interrupt.wait(milliseconds{0}) &&
               (!options.time || steady_clock::now() < end)) {
            flush_after(sink, [&] { capture.read(kOften, add); });
        }
        flush_after(sink, [&] { capture.finish(add); });
    } catch (const ReaderGone&) {
        throw;  // who has seen enough is not interested
    } catch (...) {
        say_totals(capture, sink);
        throw;
    }
    say_totals(capture, sink);
}

}  // namespace

void add_capture_command(CLI::App& app, Context& context) {
    auto* capture =
        app.add_subcommand("capture", "frames at the programs, and what became of them");
    auto options = std::make_shared<CaptureOptions>();
    CaptureSpec& spec = options->spec;
    offer(add_value(*capture, "--port", spec.port, device_syntax(),
                    "only what comes in or leaves by this device"),
          "<port>");
    add_value(*capture, "--peer", spec.peer, address_syntax(),
              "only what comes from it or goes to it");
    add_value(*capture, "--network", spec.network, network_syntax(), "only of this network");
    capture->add_flag("--drops", spec.drops, "only what is dropped");
    add_value(*capture, "--drop", spec.reason, text_syntax("REASON", "a drop reason", "<drop>"),
              "only what is dropped for this reason");
    add_value(*capture, "--filter", spec.filter, text_syntax("EXPRESSION", "a filter"),
              "only what this filter takes, as tcpdump knows them: of the frame as it comes, as it "
              "leaves, or inside a tunnel packet");
    add_value(*capture, "-w,--write", options->file, file_syntax(),
              "write a pcapng file, `-` is stdout, instead of a line a packet");
    add_value(*capture, "-c,--count", options->count, number_syntax(1, UINT32_MAX),
              "end after this many frames");
    add_value(*capture, "--seconds", options->time, duration_syntax(),
              "end after so long (default: with Ctrl-C)");
    add_value(*capture, "--bytes", spec.bytes, number_syntax(64, kMostBytes),
              "of each frame, at most (default: all)");
    add_value(*capture, "--rate", spec.rate, number_syntax(10, UINT32_MAX),
              "frames a second, at most, before the filters (default: all)");
    capture->footer(
        "Both sides of each frame, at XDP, too, where tcpdump sees nothing. While it runs, each\n"
        "frame costs some hundred nanoseconds more; frames and counters are not touched.\n"
        "Examples:\n"
        "  xgre capture --port tap0\n"
        "  xgre capture --drops --seconds 10\n"
        "  xgre capture --filter 'arp or udp port 67' -w lease.pcapng\n"
        "  xgre capture -w - | wireshark -k -i -");
    capture->callback([&context, options] {
        if (options->spec.reason) options->spec.drops = true;
        capture_frames(context, *options);
    });
}

}  // namespace xgre::cli
