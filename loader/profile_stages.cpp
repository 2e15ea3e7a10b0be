// SPDX-License-Identifier: GPL-2.0-only
// A sample is where a CPU was in the kernel and who called that. The innermost address in one of
// our programs decides: the kernel knows its source line, also of what the compiler inlined, and so
// its function and step. What a helper takes is time of the step that called it.
#include "loader/profile_stages.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "loader/source_lines.h"

namespace xgre {
namespace {

// Functions of the kernel, from Linux 6.1 on, by which a sample is known.
constexpr std::array<std::string_view, 2> kIdling{"do_idle", "cpu_startup_entry"};
constexpr std::array<std::string_view, 3> kSoftirq{"handle_softirqs", "__do_softirq",
                                                   "net_rx_action"};
constexpr std::array<std::string_view, 9> kRedirecting{
    "xdp_do_redirect", "xdp_do_redirect_frame",   "xdp_do_flush",
    "__dev_flush",     "xdp_do_generic_redirect", "skb_do_redirect",
    "__bpf_redirect",  "__bpf_redirect_neigh",    "__bpf_redirect_peer"};

// Where a program of ours was.
struct Place {
    const ProgramCode* program = nullptr;
    const CodeFunction* function = nullptr;
    const SourceLine* source = nullptr;  // null: of another build
    std::size_t depth = 0;               // in the chain
};

class Resolver {
public:
    Resolver(const std::vector<ProgramCode>& programs, const KernelSymbols& symbols)
        : programs_{programs}, symbols_{symbols} {}

    std::string_view symbol(const CallChain& chain, std::size_t depth) const {
        return symbols_.find(address(chain, depth));
    }

    template <std::size_t N>
    bool has(const CallChain& chain, const std::array<std::string_view, N>& names) const {
        for (std::size_t depth = 0; depth < chain.size(); ++depth)
            if (std::ranges::count(names, symbol(chain, depth)) != 0) return true;
        return false;
    }

    bool is_idle(const CallChain& chain) const {
        return has(chain, kIdling) && !has(chain, kSoftirq);
    }

    std::optional<Place> place_at(const CallChain& chain, std::size_t depth) const {
        for (const ProgramCode& program : programs_) {
            const std::uint64_t where = address(chain, depth);
            const CodeFunction* const function = program.function_at(where);
            if (function == nullptr) continue;
            return Place{&program, function, source_of(program.line_at(where)), depth};
        }
        return std::nullopt;
    }

    // The innermost; nullopt when none of our programs was running.
    std::optional<Place> innermost(const CallChain& chain) const {
        for (std::size_t depth = 0; depth < chain.size(); ++depth)
            if (const auto place = place_at(chain, depth)) return place;
        return std::nullopt;
    }

    Step step_of(const CallChain& chain, const Place& place) const {
        if (place.depth > 0)
            if (const auto step = step_of_helper(symbol(chain, place.depth - 1))) return *step;
        if (place.source == nullptr) return Step::other;
        return xgre::step_of(place.source->file, place.source->function).value_or(Step::other);
    }

private:
    // Of a caller the chain has where it goes on, which may be in the next line already.
    static std::uint64_t address(const CallChain& chain, std::size_t depth) {
        return depth == 0 ? chain[depth] : chain[depth] - 1;
    }

    // nullptr when the line has another text in this tool's sources: its numbers mean nothing.
    static const SourceLine* source_of(const CodeLine* line) {
        if (line == nullptr) return nullptr;
        const SourceLine* const source = find_source_line(line->file, line->line);
        return source != nullptr && line->text == source->text ? source : nullptr;
    }

    const std::vector<ProgramCode>& programs_;
    const KernelSymbols& symbols_;
};

// 19 times of 20, also for few samples and for shares of almost nothing or all: two deviations, as
// if there were two samples more of each outcome (Agresti and Coull).
double margin_of(std::uint64_t samples, std::uint64_t all) {
    const double whole = static_cast<double>(all) + 4;
    const double share = (static_cast<double>(samples) + 2) / whole;
    return 2 * std::sqrt(share * (1 - share) / whole);
}

using StepCounts = std::map<std::string, std::map<Step, std::uint64_t>>;

std::vector<StepLoad> loads_of(const StepCounts& counts) {
    std::vector<StepLoad> loads;
    for (const auto& [program, steps] : counts) {
        std::uint64_t all = 0;
        for (const auto& [step, samples] : steps)
            all += samples;
        for (const auto& [step, samples] : steps) {
            StepLoad load;
            load.program = program;
            load.step = name_of(step);
            load.help = help_of(step);
            load.samples = samples;
            load.share = static_cast<double>(samples) / static_cast<double>(all);
            load.margin = margin_of(samples, all);
            loads.push_back(std::move(load));
        }
    }
    std::ranges::sort(loads, [](const StepLoad& a, const StepLoad& b) {
        return std::tie(a.program, b.samples, a.step) < std::tie(b.program, a.samples, b.step);
    });
    return loads;
}

}  // namespace

Stages stages_of(const Samples& samples, const std::vector<ProgramCode>& programs,
                 const KernelSymbols& symbols) {
    const Resolver resolver{programs, symbols};
    Stages stages;
    stages.rate = samples.rate;
    stages.cpus = samples.cpus;
    stages.lost = samples.lost;
    StepCounts counts;
    const double whole = samples.seconds * samples.rate;
    const auto cpus = [whole](std::uint64_t count) {
        return whole > 0 ? static_cast<double>(count) / whole : 0;
    };
    for (const auto& [chain, count] : samples.chains) {
        if (const auto place = resolver.innermost(chain)) {
            counts[place->program->program()][resolver.step_of(chain, *place)] += count;
            stages.other_build = stages.other_build || place->source == nullptr;
            stages.in_programs += cpus(count);
        } else if (resolver.has(chain, kRedirecting)) {
            stages.after_programs += cpus(count);
        } else if (resolver.has(chain, kSoftirq)) {
            stages.other_networking += cpus(count);
        } else if (resolver.is_idle(chain)) {
            continue;
        } else {
            stages.other_kernel += cpus(count);
        }
        stages.samples += count;
    }
    stages.steps = loads_of(counts);
    return stages;
}

std::vector<Stack> stacks_of(const Samples& samples, const std::vector<ProgramCode>& programs,
                             const KernelSymbols& symbols) {
    const Resolver resolver{programs, symbols};
    std::map<std::vector<std::string>, std::uint64_t> merged;
    for (const auto& [chain, count] : samples.chains) {
        if (resolver.is_idle(chain)) continue;
        std::vector<std::string> frames;
        for (std::size_t depth = chain.size(); depth-- > 0;) {
            const auto place = resolver.place_at(chain, depth);
            if (!place) {
                const std::string_view symbol = resolver.symbol(chain, depth);
                frames.emplace_back(symbol.empty() ? "[unknown]" : symbol);
                continue;
            }
            frames.push_back("xgre:" + place->function->name);
            if (place->source != nullptr && place->function->name != place->source->function)
                frames.push_back(fmt::format("xgre:{}", place->source->function));
        }
        merged[std::move(frames)] += count;
    }
    std::vector<Stack> stacks;
    for (const auto& [frames, count] : merged)
        stacks.push_back({frames, count});
    return stacks;
}

}  // namespace xgre
