// SPDX-License-Identifier: GPL-2.0-only
#include "bench/live_frames.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/system.h"
#include "bench_counter.skel.h"
#include "bench_generator.skel.h"
#include "bench_redirector.skel.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

constexpr double kMostLost = 0.01;  // of what was sent

template <typename Skeleton>
BpfPtr<Skeleton> opened(Skeleton* skeleton, const char* name) {
    if (skeleton == nullptr) throw Error::from_errno(name, "cannot open it", errno, "report this");
    return BpfPtr<Skeleton>{skeleton};
}

void loaded(int error, const char* name) {
    if (error != 0) throw Error::from_errno(name, "cannot load it", -error, "run as root");
}

// In the namespace of the device.
BpfPtr<bpf_link> attach(const bpf_program* program, int device) {
    bpf_link* link = bpf_program__attach_xdp(program, device);
    if (link == nullptr) {
        throw Error::from_errno(bpf_program__name(program), "cannot attach it", errno, "report");
    }
    return BpfPtr<bpf_link>{link};
}

}  // namespace

void BpfDeleter::operator()(bench_generator_bpf* skeleton) const {
    bench_generator_bpf::destroy(skeleton);
}
void BpfDeleter::operator()(bench_counter_bpf* skeleton) const {
    bench_counter_bpf::destroy(skeleton);
}
void BpfDeleter::operator()(bench_redirector_bpf* skeleton) const {
    bench_redirector_bpf::destroy(skeleton);
}
void BpfDeleter::operator()(bpf_link* link) const {
    bpf_link__destroy(link);
}

Generator::Generator(std::string netns, int device, Frame frame)
    : netns_{std::move(netns)},
      device_{device},
      frame_{std::move(frame)},
      skeleton_{opened(bench_generator_bpf::open(), "generator")} {
    const std::size_t length = std::min<std::size_t>(frame_.size(), BENCH_HEAD);
    skeleton_->rodata->head_len = static_cast<std::uint32_t>(length);
    std::memcpy(skeleton_->rodata->head, frame_.data(), length);
    std::memcpy(&skeleton_->rodata->tail, frame_.data() + length - sizeof(skeleton_->rodata->tail),
                sizeof(skeleton_->rodata->tail));
    loaded(bench_generator_bpf::load(skeleton_.get()), "generator");
    frame_.insert(frame_.begin(), BENCH_SPARE, 0);
}

double Generator::send(std::uint32_t frames) {
    const NetnsScope scope{netns_};
    xdp_md context{};
    context.data_end = static_cast<std::uint32_t>(frame_.size());
    context.ingress_ifindex = static_cast<std::uint32_t>(device_);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame_.data();
    options.data_size_in = static_cast<std::uint32_t>(frame_.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = static_cast<int>(frames);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.generate), &options);
    check_interrupt();
    if (error != 0) {
        throw Error::from_errno("generator", "cannot send live XDP frames", -error,
                                "use Linux 5.18 or newer");
    }
    return options.duration;
}

Counter::Counter(const std::string& netns, int device, Expected expected)
    : expected_{std::move(expected)}, skeleton_{opened(bench_counter_bpf::open(), "counter")} {
    const std::size_t offset = header_length(expected_.encap);
    skeleton_->rodata->inner_offset = static_cast<std::uint32_t>(offset);
    skeleton_->rodata->frame_len = static_cast<std::uint32_t>(offset + expected_.inner.size());
    std::memcpy(skeleton_->rodata->inner, expected_.inner.data(), BENCH_INNER);
    loaded(bench_counter_bpf::load(skeleton_.get()), "counter");
    const NetnsScope scope{netns};
    link_ = attach(skeleton_->progs.count, device);
}

bench_tally Counter::read() const {
    std::vector<bench_tally> cells(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    const std::uint32_t zero = 0;
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.tally), &zero, cells.data()) != 0) {
        throw Error::from_errno("counter", "cannot read it", errno, "report this");
    }
    bench_tally sum{};
    for (const bench_tally& cell : cells) {
        sum.frames += cell.frames;
        sum.others += cell.others;
        sum.sampled += cell.sampled;
        sum.wrong += cell.wrong;
    }
    return sum;
}

std::optional<std::string> Counter::fault_since(const bench_tally& before,
                                                std::uint64_t sent) const {
    const bench_tally now = read();
    const std::uint64_t frames = now.frames - before.frames;
    const std::uint64_t wrong = now.wrong - before.wrong;
    if (frames > sent) return fmt::format("{} frames arrived of {} sent", frames, sent);
    if (static_cast<double>(sent - frames) > kMostLost * static_cast<double>(sent)) {
        return fmt::format("{} of {} frames were lost, {} arrived in another length", sent - frames,
                           sent, now.others - before.others);
    }
    if (now.sampled == before.sampled) return "no frame was sampled";
    if (wrong != 0) {
        return fmt::format("{} of {} frames that were compared are not what was sent", wrong,
                           now.sampled - before.sampled);
    }
    return fault_of_header(expected_.encap, expected_.hosts, std::span{skeleton_->bss->sample},
                           expected_.inner.size());
}

Redirector::Redirector(const std::string& netns, int one, int other)
    : skeleton_{opened(bench_redirector_bpf::open(), "redirector")} {
    loaded(bench_redirector_bpf::load(skeleton_.get()), "redirector");
    const NetnsScope scope{netns};
    const int map = bpf_map__fd(skeleton_->maps.other);
    if (bpf_map_update_elem(map, &one, &other, BPF_ANY) != 0 ||
        bpf_map_update_elem(map, &other, &one, BPF_ANY) != 0) {
        throw Error::from_errno("redirector", "cannot set its devices", errno, "report this");
    }
    one_ = attach(skeleton_->progs.redirect, one);
    other_ = attach(skeleton_->progs.redirect, other);
}

}  // namespace xgre::bench
