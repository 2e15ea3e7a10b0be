// SPDX-License-Identifier: GPL-2.0-only
#include "bench/live_frames.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
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

// In a tunnel packet.
constexpr std::size_t kOuterChecksum = 14 + 10;
constexpr std::size_t kOuterDestination = 14 + 16;

std::uint32_t number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
    std::uint32_t number = 0;
    for (const std::uint8_t byte : bytes.subspan(offset, sizeof(number)))
        number = number << 8 | byte;
    return number;
}

template <typename Skeleton>
BpfPtr<Skeleton> opened(Skeleton* skeleton, const char* name) {
    if (skeleton == nullptr) throw Error::from_errno(name, "cannot open it", errno, "report this");
    return BpfPtr<Skeleton>{skeleton};
}

void loaded(int error, const char* name) {
    if (error != 0) throw Error::from_errno(name, "cannot load it", -error, "run as root");
}

template <typename Key, typename Value>
void put(const bpf_map* map, const Key& key, const Value& value, const char* name) {
    static_assert(sizeof(key) == sizeof(std::uint32_t) && sizeof(value) == sizeof(std::uint32_t));
    if (bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY) != 0) {
        throw Error::from_errno(name, "cannot tell it of a device", errno, "report this");
    }
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

Generator::Generator(std::string netns, int device, const Traffic& traffic)
    : netns_{std::move(netns)},
      device_{device},
      frame_{traffic.frame},
      batch_{traffic.batch},
      skeleton_{opened(bench_generator_bpf::open(), "generator")} {
    auto& constants = *skeleton_->rodata;
    const std::size_t length = std::min<std::size_t>(frame_.size(), BENCH_HEAD);
    constants.head_len = static_cast<std::uint32_t>(length);
    std::memcpy(constants.head, frame_.data(), length);
    std::memcpy(&constants.tail, frame_.data() + length - sizeof(constants.tail),
                sizeof(constants.tail));
    for (std::size_t i = 0; i < traffic.draws.size(); ++i) {
        const Draw& draw = traffic.draws[i];
        constants.draws[i] = {draw.count, draw.train, draw.in_order ? 1U : 0U};
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(traffic.fields.size(), BENCH_FIELDS); ++i) {
        const Field& field = traffic.fields[i];
        constants.fields[i] = {static_cast<std::uint32_t>(field.offset),
                               static_cast<std::uint32_t>(field.draw),
                               number_at(frame_, field.offset), 1};
    }
    if (traffic.outer_source_draw) {
        constants.checksum_offset = kOuterChecksum;
        constants.checksum_draw = static_cast<std::uint32_t>(*traffic.outer_source_draw);
        constants.checksum = static_cast<std::uint16_t>(number_at(frame_, kOuterChecksum) >> 16);
    }
    loaded(bench_generator_bpf::load(skeleton_.get()), "generator");
    frame_.insert(frame_.begin(), BENCH_SPARE, 0);
}

void Generator::rewind() {
    skeleton_->bss->number = 0;
}

Frame Generator::make() {
    Frame made(frame_.size());
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame_.data();
    options.data_size_in = static_cast<std::uint32_t>(frame_.size());
    options.data_out = made.data();
    options.data_size_out = static_cast<std::uint32_t>(made.size());
    options.repeat = 1;
    const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.generate), &options);
    if (error != 0) throw Error::from_errno("generator", "cannot run it", -error, "run as root");
    made.resize(options.data_size_out);
    return made;
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
    options.batch_size = batch_;
    const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.generate), &options);
    check_interrupt();
    if (error != 0) {
        throw Error::from_errno("generator", "cannot send live XDP frames", -error,
                                "use Linux 5.18 or newer");
    }
    return options.duration;
}

Counter::Counter(const std::string& netns, const std::vector<int>& devices, Expected expected)
    : expected_{std::move(expected)}, skeleton_{opened(bench_counter_bpf::open(), "counter")} {
    auto& constants = *skeleton_->rodata;
    const Frame& inner = expected_.inner;
    const std::size_t offset = header_length(expected_.encap);
    constants.inner_offset = static_cast<std::uint32_t>(offset);
    constants.inner_len = static_cast<std::uint32_t>(inner.size());
    constants.frame_len = static_cast<std::uint32_t>(offset + inner.size());
    std::memcpy(constants.inner, inner.data(), inner.size());
    std::memcpy(&constants.inner_tail, inner.data() + inner.size() - sizeof(constants.inner_tail),
                sizeof(constants.inner_tail));
    std::array<std::uint8_t, sizeof(constants.same)> same{};
    same.fill(0xff);
    for (const std::size_t field : expected_.fields) {
        std::fill_n(same.begin() + static_cast<std::ptrdiff_t>(field), 4, std::uint8_t{0});
    }
    std::memcpy(constants.same, same.data(), same.size());
    constants.destinations_base = number_at(inner, kDestinationField);
    constants.check_place = expected_.places.empty() ? 0 : 1;
    loaded(bench_counter_bpf::load(skeleton_.get()), "counter");
    for (const auto& [device, draw] : expected_.places) {
        put(skeleton_->maps.place, device, draw, "counter");
    }
    const NetnsScope scope{netns};
    for (const int device : devices)
        links_.push_back(attach(skeleton_->progs.count, device));
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
                                                std::optional<std::uint64_t> sent) const {
    const bench_tally now = read();
    const std::uint64_t frames = now.frames - before.frames;
    const std::uint64_t others = now.others - before.others;
    const std::uint64_t wrong = now.wrong - before.wrong;
    if (sent && frames > *sent) return fmt::format("{} frames arrived of {} sent", frames, *sent);
    if (sent && static_cast<double>(*sent - frames) > kMostLost * static_cast<double>(*sent)) {
        return fmt::format("{} of {} frames were lost, {} arrived in another length",
                           *sent - frames, *sent, others);
    }
    if (now.sampled == before.sampled) {
        return fmt::format("no frame was sampled; {} arrived in another length", others);
    }
    if (wrong != 0) {
        return fmt::format("{} of {} frames that were compared are not what was sent", wrong,
                           now.sampled - before.sampled);
    }
    return fault_of_sample();
}

std::optional<std::string> Counter::fault_of_sample() const {
    if (expected_.encap == Encap::none) return std::nullopt;
    const std::span wire{skeleton_->bss->sample};
    const std::uint32_t first = expected_.hosts.to.host_order();
    const std::uint32_t to = number_at(wire, kOuterDestination);
    if (to - first >= expected_.peers) {
        return fmt::format("a tunnel packet goes to {}", Ip4Addr::from_host_order(to));
    }
    Way hosts = expected_.hosts;
    hosts.to = Ip4Addr::from_host_order(to);
    return fault_of_header(expected_.encap, hosts, wire, expected_.inner.size());
}

std::uint32_t Counter::take_peers_seen() {
    auto& seen = skeleton_->bss->seen;
    const auto count = std::ranges::count(seen, 1);
    std::ranges::fill(seen, 0);
    return static_cast<std::uint32_t>(count);
}

Redirector::Redirector(const std::string& netns, int one, int other)
    : skeleton_{opened(bench_redirector_bpf::open(), "redirector")} {
    loaded(bench_redirector_bpf::load(skeleton_.get()), "redirector");
    const NetnsScope scope{netns};
    put(skeleton_->maps.other, one, other, "redirector");
    put(skeleton_->maps.other, other, one, "redirector");
    links_.push_back(attach(skeleton_->progs.redirect, one));
    links_.push_back(attach(skeleton_->progs.redirect, other));
}

Redirector::Redirector(const std::string& netns, int from, int to, const Mac& first,
                       std::uint32_t count)
    : skeleton_{opened(bench_redirector_bpf::open(), "redirector")} {
    bpf_map__set_max_entries(skeleton_->maps.addresses, count);
    loaded(bench_redirector_bpf::load(skeleton_.get()), "redirector");
    const std::array<std::uint64_t, 2> entry{};
    std::array<std::uint8_t, 8> key{};
    std::ranges::copy(first.bytes(), key.begin());
    const std::uint32_t base = number_at(key, kDestinationField);
    for (std::uint32_t i = 0; i < count; ++i) {
        set_number(key, kDestinationField, base + i);
        if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.addresses), key.data(), entry.data(),
                                BPF_ANY) != 0)
            throw Error::from_errno("redirector", "cannot tell it an address", errno,
                                    "report this");
    }
    const NetnsScope scope{netns};
    put(skeleton_->maps.other, from, to, "redirector");
    links_.push_back(attach(skeleton_->progs.redirect_known, from));
}

Redirector::Redirector(const std::string& netns, int from, const std::vector<int>& to,
                       const Mac& first)
    : skeleton_{opened(bench_redirector_bpf::open(), "redirector")} {
    skeleton_->rodata->destinations_base = number_at(first.bytes(), kDestinationField);
    loaded(bench_redirector_bpf::load(skeleton_.get()), "redirector");
    const NetnsScope scope{netns};
    for (std::uint32_t i = 0; i < to.size(); ++i)
        put(skeleton_->maps.port, i, to[i], "redirector");
    links_.push_back(attach(skeleton_->progs.spread, from));
}

}  // namespace xgre::bench
