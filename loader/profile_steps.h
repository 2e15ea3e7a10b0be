// SPDX-License-Identifier: GPL-2.0-only
// The steps that the work of a BPF program is told in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace xgre {

// X(id, name, help)
#define XGRE_STEPS(X)                                                                              \
    X(parse, "parse", "header bytes to values, and checks of them")                                \
    X(flow, "flow", "remembering what was decided for frames like it")                             \
    X(forward, "forward", "tunnel, network, port and peer: who may send, and where to")            \
    X(fdb, "fdb", "looking addresses up, and learning them")                                       \
    X(next_hop, "next-hop", "route, neighbour and MTU")                                            \
    X(rewrite, "rewrite", "outer headers on or off, and room for them")                            \
    X(redirect, "redirect", "saying which device is next, and sending what TC sends itself")       \
    X(flood, "flood", "making and sending copies")                                                 \
    X(count, "count", "counters")                                                                  \
    X(sweep, "sweep", "removing expired FDB entries, and what commands ask for")                   \
    X(program, "program", "what joins the other steps")                                            \
    X(other, "other", "code of another build, or of no step")

enum class Step : std::uint8_t {
#define X(id, name, help) id,
    XGRE_STEPS(X)
#undef X
};

std::string_view name_of(Step step);
std::string_view help_of(Step step);

// nullopt: nobody has said where the function belongs to.
std::optional<Step> step_of(std::string_view file, std::string_view function);

// Helpers that are a step by themselves, whoever calls them; nullopt: the caller's.
std::optional<Step> step_of_helper(std::string_view symbol);

}  // namespace xgre
