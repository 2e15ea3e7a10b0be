// SPDX-License-Identifier: GPL-2.0-only
#include "loader/host_settings.h"

#include <linux/capability.h>

#include <array>
#include <fstream>

#include "loader/words.h"

namespace xgre {
namespace {

struct Capability {
    int number;
    const char* name;
};

// Maps, programs and verifier; devices and hooks; namespaces and the numbers of what is loaded.
constexpr std::array kWanted{Capability{CAP_BPF, "CAP_BPF"},
                             Capability{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                             Capability{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};

}  // namespace

std::optional<std::string> first_word(const std::string& file) {
    std::ifstream stream{file};
    std::string word;
    if (stream >> word) return word;
    return std::nullopt;
}

std::vector<std::string> words_of_file(const std::string& file) {
    std::ifstream stream{file};
    return words_of(stream);
}

// Absent on a kernel that compiles always.
bool has_jit() {
    return first_word("/proc/sys/net/core/bpf_jit_enable").value_or("1") != "0";
}

std::vector<std::string> missing_capabilities(std::istream& status) {
    constexpr int kHexadecimal = 16;
    std::uint64_t effective = 0;
    for (std::string word; status >> word;) {
        if (word != "CapEff:" || !(status >> word)) continue;
        effective = std::stoull(word, nullptr, kHexadecimal);
        break;
    }
    std::vector<std::string> missing;
    for (const Capability& capability : kWanted)
        if ((effective >> capability.number & 1) == 0) missing.emplace_back(capability.name);
    return missing;
}

std::vector<std::string> missing_capabilities() {
    std::ifstream status{"/proc/thread-self/status"};
    return missing_capabilities(status);
}

}  // namespace xgre
