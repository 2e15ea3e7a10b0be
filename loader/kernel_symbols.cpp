// SPDX-License-Identifier: GPL-2.0-only
#include "loader/kernel_symbols.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "xgre/error.h"

namespace xgre {

KernelSymbols KernelSymbols::parse(std::istream& kallsyms) {
    KernelSymbols all;
    for (std::string line; std::getline(kallsyms, line);) {
        // ffffffff81000000 T _text, and behind a tab the module
        Symbol symbol{};
        const char* const end = line.data() + line.size();
        const auto [rest, error] = std::from_chars(line.data(), end, symbol.address, 16);
        if (error != std::errc{} || symbol.address == 0 || end - rest < 4) continue;
        const char type = rest[1];
        if (type != 't' && type != 'T' && type != 'w' && type != 'W') continue;
        symbol.name = std::string{rest + 3, std::find(rest + 3, end, '\t')};
        all.symbols_.push_back(std::move(symbol));
    }
    std::ranges::sort(all.symbols_, {}, &Symbol::address);
    return all;
}

KernelSymbols KernelSymbols::read() {
    std::ifstream kallsyms{"/proc/kallsyms"};
    KernelSymbols all = parse(kallsyms);
    if (all.symbols_.empty())
        throw Error{"/proc/kallsyms", "the kernel does not tell its addresses",
                    "run as root, with `sysctl kernel.kptr_restrict` at most 1"};
    return all;
}

std::string_view KernelSymbols::find(std::uint64_t address) const {
    const auto after = std::ranges::upper_bound(symbols_, address, {}, &Symbol::address);
    if (after == symbols_.begin()) return {};
    return std::prev(after)->name;
}

}  // namespace xgre
