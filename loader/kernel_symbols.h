// SPDX-License-Identifier: GPL-2.0-only
// Names of the kernel's functions, by address.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace xgre {

class KernelSymbols {
public:
    // Of the running kernel, its modules and BPF programs. Throws Error when the kernel keeps the
    // addresses to itself.
    static KernelSymbols read();
    // From text as in /proc/kallsyms.
    static KernelSymbols parse(std::istream& kallsyms);

    // The function at an address; empty when there is none.
    std::string_view find(std::uint64_t address) const;

private:
    struct Symbol {
        std::uint64_t address;
        std::string name;
    };
    std::vector<Symbol> symbols_;  // by address
};

}  // namespace xgre
