// SPDX-License-Identifier: GPL-2.0-only
// A VLAN identifier (IEEE 802.1Q).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {

// 0..4094, where 0 is an untagged or priority-tagged frame; 4095 is reserved and no Vlan.
class Vlan {
public:
    static constexpr std::uint16_t kMax = 4094;

    // VLAN 0.
    constexpr Vlan() = default;

    static constexpr std::optional<Vlan> from(std::uint32_t id) {
        if (id > kMax) return std::nullopt;
        return Vlan{static_cast<std::uint16_t>(id)};
    }

    // Decimal 0..4094; nullopt for all else.
    static constexpr std::optional<Vlan> parse(std::string_view text) {
        const auto id = parse_decimal(text, kMax);
        if (!id) return std::nullopt;
        return from(*id);
    }

    // Decimal.
    std::string format() const { return std::to_string(id_); }

    constexpr std::uint16_t id() const { return id_; }

    constexpr auto operator<=>(const Vlan&) const = default;

private:
    constexpr explicit Vlan(std::uint16_t id) : id_{id} {}

    std::uint16_t id_ = 0;
};

static_assert(Vlan::parse("0") == Vlan{} && Vlan::parse("4094")->id() == 4094);
static_assert(!Vlan::parse("4095") && !Vlan::parse("65536") && !Vlan::parse("-1"));
static_assert(!Vlan::parse("") && !Vlan::parse("01") && !Vlan::parse("0x1"));
static_assert(!Vlan::from(4095) && Vlan::from(7)->id() == 7);

}  // namespace xgre

template <>
struct fmt::formatter<xgre::Vlan> : fmt::formatter<std::uint16_t> {
    template <typename Context>
    auto format(const xgre::Vlan& vlan, Context& context) const {
        return fmt::formatter<std::uint16_t>::format(vlan.id(), context);
    }
};
