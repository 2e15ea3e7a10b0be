// SPDX-License-Identifier: GPL-2.0-only
#include "loader/program_code.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "xgre/error.h"

namespace xgre {
namespace {

struct FreeBtf {
    void operator()(btf* types) const noexcept { btf__free(types); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

bpf_prog_info ask(int fd, bpf_prog_info info, const std::string& program) {
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0)
        throw Error::from_errno(program, "information", errno, "run as root");
    return info;
}

template <typename T>
std::uint64_t address_of(std::vector<T>& array) {
    return reinterpret_cast<std::uintptr_t>(array.data());
}

std::string text_at(const Btf& types, std::uint32_t offset) {
    const char* const text = btf__name_by_offset(types.get(), offset);
    return text == nullptr ? std::string{} : std::string{text};
}

std::string without_blanks(const std::string& text) {
    constexpr std::string_view kBlanks = " \t";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string without_directories(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string name_of(const Btf& types, std::uint32_t type_id) {
    const btf_type* const type = btf__type_by_id(types.get(), type_id);
    return type == nullptr ? std::string{} : text_at(types, type->name_off);
}

// The arrays that the kernel fills in.
struct Arrays {
    std::vector<std::uint64_t> functions;
    std::vector<std::uint32_t> lengths;
    std::vector<bpf_func_info> function_infos;
    std::vector<bpf_line_info> lines;
    std::vector<std::uint64_t> addresses;  // of `lines`
};

Arrays read_arrays(int fd, const bpf_prog_info& sizes, const std::string& program) {
    Arrays arrays;
    arrays.functions.resize(sizes.nr_jited_ksyms);
    arrays.lengths.resize(sizes.nr_jited_func_lens);
    arrays.function_infos.resize(sizes.nr_func_info);
    arrays.lines.resize(sizes.nr_line_info);
    arrays.addresses.resize(sizes.nr_jited_line_info);
    bpf_prog_info info{};
    info.nr_jited_ksyms = sizes.nr_jited_ksyms;
    info.jited_ksyms = address_of(arrays.functions);
    info.nr_jited_func_lens = sizes.nr_jited_func_lens;
    info.jited_func_lens = address_of(arrays.lengths);
    info.nr_func_info = sizes.nr_func_info;
    info.func_info_rec_size = sizeof(bpf_func_info);
    info.func_info = address_of(arrays.function_infos);
    info.nr_line_info = sizes.nr_line_info;
    info.line_info_rec_size = sizeof(bpf_line_info);
    info.line_info = address_of(arrays.lines);
    info.nr_jited_line_info = sizes.nr_jited_line_info;
    info.jited_line_info_rec_size = sizeof(std::uint64_t);
    info.jited_line_info = address_of(arrays.addresses);
    ask(fd, info, program);
    return arrays;
}

}  // namespace

ProgramCode ProgramCode::read(int program_fd, std::string program) {
    const bpf_prog_info sizes = ask(program_fd, {}, program);
    if (sizes.jited_prog_len == 0)
        throw Error{program, "the kernel interprets it",
                    "`sysctl net.core.bpf_jit_enable=1`, then `xgre attach --upgrade`"};
    if (sizes.nr_jited_ksyms == 0 || sizes.nr_jited_line_info == 0)
        throw Error{program, "the kernel does not tell where its code is",
                    "run as root, with `sysctl kernel.kptr_restrict` at most 1"};
    const Arrays arrays = read_arrays(program_fd, sizes, program);
    const Btf types{btf__load_from_kernel_by_id(sizes.btf_id)};
    if (!types) throw Error::from_errno(program, "read its types", errno, "run as root");

    std::vector<CodeFunction> functions;
    for (std::size_t i = 0; i < arrays.functions.size(); ++i) {
        const bool has_name = i < arrays.function_infos.size();
        functions.push_back(
            {has_name ? name_of(types, arrays.function_infos[i].type_id) : std::string{},
             arrays.functions[i],
             arrays.functions[i] + (i < arrays.lengths.size() ? arrays.lengths[i] : 0)});
    }
    std::vector<CodeStart> lines;
    for (std::size_t i = 0; i < std::min(arrays.lines.size(), arrays.addresses.size()); ++i) {
        const bpf_line_info& line = arrays.lines[i];
        lines.push_back({arrays.addresses[i],
                         {without_directories(text_at(types, line.file_name_off)),
                          BPF_LINE_INFO_LINE_NUM(line.line_col),
                          without_blanks(text_at(types, line.line_off))}});
    }
    return {std::move(program), sizes.id, std::move(functions), std::move(lines)};
}

ProgramCode::ProgramCode(std::string program, std::uint32_t id, std::vector<CodeFunction> functions,
                         std::vector<CodeStart> lines)
    : program_{std::move(program)},
      id_{id},
      functions_{std::move(functions)},
      lines_{std::move(lines)} {
    std::ranges::sort(lines_, {}, &CodeStart::address);
}

const CodeFunction* ProgramCode::function_at(std::uint64_t address) const {
    for (const CodeFunction& function : functions_)
        if (address >= function.begin && address < function.end) return &function;
    return nullptr;
}

const CodeLine* ProgramCode::line_at(std::uint64_t address) const {
    const CodeFunction* const function = function_at(address);
    if (function == nullptr) return nullptr;
    const auto after = std::ranges::upper_bound(lines_, address, {}, &CodeStart::address);
    if (after == lines_.begin()) return nullptr;
    const CodeStart& start = *std::prev(after);
    return start.address >= function->begin ? &start.line : nullptr;
}

}  // namespace xgre
