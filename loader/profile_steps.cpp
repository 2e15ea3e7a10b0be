// SPDX-License-Identifier: GPL-2.0-only
// Which step a function of bpf/ belongs to. Every one has to be here: by its name or, where a file
// is about one thing, by the file. A test looks for those that are not.
#include "loader/profile_steps.h"

#include <array>

namespace xgre {
namespace {

struct Place {
    std::string_view file;
    std::string_view function;  // empty: all others of the file
    Step step;
};

constexpr std::array kPlaces{
    Place{"cursor.h", "", Step::parse},
    Place{"parse.h", "copy_mac", Step::rewrite},
    Place{"parse.h", "", Step::parse},
    Place{"inner_flow.h", "", Step::rewrite},
    Place{"ecn.h", "", Step::rewrite},
    Place{"count.h", "", Step::count},
    Place{"watch.h", "", Step::count},
    Place{"flow.h", "hop_flow", Step::next_hop},
    Place{"flow.h", "recall_hop", Step::next_hop},
    Place{"flow.h", "keep_hop", Step::next_hop},
    Place{"flow.h", "", Step::flow},
    Place{"fdb_control.bpf.c", "", Step::sweep},

    Place{"path_mtu.h", "", Step::next_hop},
    Place{"router.h", "", Step::parse},
    Place{"mss.h", "", Step::rewrite},

    Place{"encap.h", "is_time_to_ask", Step::next_hop},
    Place{"encap.h", "note_asked", Step::next_hop},
    Place{"encap.h", "find_next_hop", Step::next_hop},
    Place{"encap.h", "check_source_route", Step::next_hop},
    Place{"encap.h", "check_mtu", Step::next_hop},
    Place{"encap.h", "ask_fib", Step::next_hop},
    Place{"encap.h", "device_mtu", Step::next_hop},
    Place{"encap.h", "tunnel_mtu", Step::next_hop},
    Place{"encap.h", "write_outer", Step::rewrite},
    Place{"encap.h", "write_ethernet", Step::rewrite},
    Place{"encap.h", "first_word", Step::rewrite},
    Place{"encap.h", "flow_label", Step::rewrite},
    Place{"encap.h", "flow_id", Step::rewrite},
    Place{"encap.h", "finish_ipv4", Step::rewrite},
    Place{"encap.h", "is_ip6_len", Step::rewrite},
    Place{"encap.h", "outer_protocol", Step::rewrite},
    Place{"encap.h", "ipv6_payload_len", Step::rewrite},

    Place{"fdb.h", "find_network", Step::forward},
    Place{"fdb.h", "find_peer", Step::forward},
    Place{"fdb.h", "find_live_port", Step::forward},
    Place{"fdb.h", "note_refusal", Step::count},
    Place{"fdb.h", "forget_flows", Step::flow},
    Place{"fdb.h", "", Step::fdb},

    Place{"forward.h", "learn", Step::fdb},
    Place{"forward.h", "check_lock", Step::fdb},
    Place{"forward.h", "begin", Step::flow},
    Place{"forward.h", "", Step::forward},

    Place{"guard.h", "", Step::forward},
    Place{"limit.h", "", Step::forward},
    Place{"inside.h", "", Step::parse},
    Place{"lease.h", "", Step::forward},
    Place{"reassemble.h", "", Step::parse},

    Place{"probe.h", "", Step::program},
    Place{"probe_frame.h", "", Step::program},

    Place{"detour.h", "", Step::program},
    Place{"fragment.h", "", Step::rewrite},
    Place{"icmp_error.h", "", Step::rewrite},
    Place{"trim.h", "", Step::rewrite},
    Place{"detour_tc.bpf.c", "", Step::program},

    Place{"flood.h", "is_marked_copy", Step::program},
    Place{"flood.h", "", Step::flood},

    Place{"hook_xdp.h", "sighting", Step::count},
    Place{"hook_xdp.h", "watch_begin_xdp", Step::count},
    Place{"hook_xdp.h", "watch_end_xdp", Step::count},
    Place{"hook_xdp.h", "next_hop", Step::next_hop},
    Place{"hook_xdp.h", "leave_too_large", Step::next_hop},
    Place{"hook_xdp.h", "check_route_at_xdp", Step::next_hop},
    Place{"hook_xdp.h", "frame_cursor", Step::parse},
    Place{"hook_xdp.h", "buffer_len", Step::parse},
    Place{"hook_xdp.h", "frame_len", Step::parse},
    Place{"hook_xdp.h", "strip_outer", Step::rewrite},
    Place{"hook_xdp.h", "take_xdp_ecn", Step::rewrite},
    Place{"hook_xdp.h", "has_syn_step", Step::parse},
    Place{"hook_xdp.h", "flow_hash", Step::rewrite},
    Place{"hook_xdp.h", "push_bytes", Step::rewrite},
    Place{"hook_xdp.h", "push_outer", Step::rewrite},
    Place{"hook_xdp.h", "hand_over", Step::rewrite},
    Place{"hook_xdp.h", "aim_at", Step::redirect},

    Place{"hook_tc.h", "sighting", Step::count},
    Place{"hook_tc.h", "watch_begin_tc", Step::count},
    Place{"hook_tc.h", "watch_end_tc", Step::count},
    Place{"hook_tc.h", "frame_cursor", Step::parse},
    Place{"hook_tc.h", "header_cursor", Step::parse},
    Place{"hook_tc.h", "parse_outer", Step::parse},
    Place{"hook_tc.h", "parse_outer_step", Step::parse},
    Place{"hook_tc.h", "parse_frame_step", Step::parse},
    Place{"hook_tc.h", "take_handover", Step::parse},
    Place{"hook_tc.h", "sum_part", Step::parse},
    Place{"hook_tc.h", "sum_chunk", Step::parse},
    Place{"hook_tc.h", "sum_all", Step::parse},
    Place{"hook_tc.h", "check_gre_sum", Step::parse},
    Place{"hook_tc.h", "check_peer", Step::parse},
    Place{"hook_tc.h", "check_route_at_tc", Step::next_hop},
    Place{"hook_tc.h", "is_in_order", Step::parse},
    Place{"hook_tc.h", "is_plain_ip", Step::parse},
    Place{"hook_tc.h", "take_ecn", Step::rewrite},
    Place{"hook_tc.h", "read_marks", Step::rewrite},
    Place{"hook_tc.h", "plain_marks", Step::rewrite},
    Place{"hook_tc.h", "patch_ipv4", Step::rewrite},
    Place{"hook_tc.h", "patch_ipv6", Step::rewrite},
    Place{"hook_tc.h", "store_any_outer", Step::rewrite},
    Place{"hook_tc.h", "store_ip4_outer", Step::rewrite},
    Place{"hook_tc.h", "store_ip6_outer", Step::rewrite},
    Place{"hook_tc.h", "room_flags", Step::rewrite},
    Place{"hook_tc.h", "can_have_flow", Step::flow},
    Place{"hook_tc.h", "find_next_hop_step", Step::next_hop},
    Place{"hook_tc.h", "recall_hop_step", Step::next_hop},
    Place{"hook_tc.h", "keep_hop_step", Step::next_hop},
    Place{"hook_tc.h", "check_path_step", Step::next_hop},
    Place{"hook_tc.h", "next_hop", Step::next_hop},
    Place{"hook_tc.h", "whole_len", Step::count},
    Place{"hook_tc.h", "frame_weight", Step::count},
    Place{"hook_tc.h", "refresh_protocol", Step::rewrite},
    Place{"hook_tc.h", "strip_outer", Step::rewrite},
    Place{"hook_tc.h", "put_tags", Step::rewrite},
    Place{"hook_tc.h", "tunnel_room", Step::next_hop},
    Place{"hook_tc.h", "room_to_peer", Step::next_hop},
    Place{"hook_tc.h", "room_for_ip6", Step::next_hop},
    Place{"hook_tc.h", "lift_tags", Step::rewrite},
    Place{"hook_tc.h", "plan_segments", Step::rewrite},
    Place{"hook_tc.h", "plan_wrap", Step::rewrite},
    Place{"hook_tc.h", "write_headers", Step::rewrite},
    Place{"hook_tc.h", "store_outer", Step::rewrite},
    Place{"hook_tc.h", "address_outer", Step::rewrite},
    Place{"hook_tc.h", "write_inner", Step::rewrite},
    Place{"hook_tc.h", "make_room", Step::rewrite},
    Place{"hook_tc.h", "mend_protocol", Step::rewrite},
    Place{"hook_tc.h", "add_room", Step::rewrite},
    Place{"hook_tc.h", "wrap_ip", Step::rewrite},
    Place{"hook_tc.h", "wrap_plain", Step::rewrite},
    Place{"hook_tc.h", "wrap_plain_as", Step::rewrite},
    Place{"hook_tc.h", "wrap_plain_ip4", Step::rewrite},
    Place{"hook_tc.h", "wrap_plain_ip6", Step::rewrite},
    Place{"hook_tc.h", "deliver_to", Step::redirect},

    Place{"spread.h", "hand_to_cpu", Step::redirect},
    Place{"spread.h", "", Step::parse},

    Place{"port_xdp.bpf.c", "", Step::program},
    Place{"port_tc.bpf.c", "parse", Step::parse},
    Place{"port_tc.bpf.c", "flood_departure", Step::flood},
    Place{"port_tc.bpf.c", "", Step::program},
    Place{"uplink_xdp.bpf.c", "parse_arrival", Step::parse},
    Place{"uplink_xdp.bpf.c", "parse_outer", Step::parse},
    Place{"uplink_xdp.bpf.c", "parse_ipv6_step", Step::parse},
    Place{"uplink_xdp.bpf.c", "packet_end", Step::parse},
    Place{"uplink_xdp.bpf.c", "is_tagged", Step::parse},
    Place{"uplink_xdp.bpf.c", "", Step::program},
    Place{"uplink_tc.bpf.c", "flood_arrival", Step::flood},
    Place{"uplink_tc.bpf.c", "", Step::program},
    Place{"spread_full.bpf.c", "", Step::count},
};

// They are called from where other things are done, too.
struct Helper {
    std::string_view symbol;
    Step step;
};
constexpr std::array kHelpers{
    Helper{"bpf_redirect", Step::redirect},
    Helper{"bpf_redirect_neigh", Step::redirect},
    Helper{"bpf_redirect_peer", Step::redirect},
    Helper{"bpf_xdp_redirect_map", Step::redirect},
};

}  // namespace

std::string_view name_of(Step step) {
    constexpr std::array kNames{
#define X(id, name, help) std::string_view{name},
        XGRE_STEPS(X)
#undef X
    };
    return kNames.at(static_cast<std::size_t>(step));
}

std::string_view help_of(Step step) {
    constexpr std::array kHelps{
#define X(id, name, help) std::string_view{help},
        XGRE_STEPS(X)
#undef X
    };
    return kHelps.at(static_cast<std::size_t>(step));
}

std::optional<Step> step_of(std::string_view file, std::string_view function) {
    for (const Place& place : kPlaces)
        if (place.file == file && (place.function.empty() || place.function == function))
            return place.step;
    return std::nullopt;
}

std::optional<Step> step_of_helper(std::string_view symbol) {
    for (const Helper& helper : kHelpers)
        if (helper.symbol == symbol) return helper.step;
    return std::nullopt;
}

}  // namespace xgre
