// SPDX-License-Identifier: GPL-2.0-only
// Which source line of a BPF program an address of the running kernel is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xgre {

struct CodeLine {
    std::string file;  // without directories
    unsigned line = 0;
    std::string text;  // without blanks around it
};

struct CodeStart {
    std::uint64_t address = 0;
    CodeLine line;
};

// A function of a program, as the kernel compiled it.
struct CodeFunction {
    std::string name;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

class ProgramCode {
public:
    // `program` names it in what find() tells. Throws Error when the kernel does not tell where it
    // put the code, or interprets it.
    static ProgramCode read(int program_fd, std::string program);
    // Of code that somebody else knows.
    ProgramCode(std::string program, std::uint32_t id, std::vector<CodeFunction> functions,
                std::vector<CodeStart> lines);

    const std::string& program() const { return program_; }
    std::uint32_t id() const { return id_; }
    const std::vector<CodeStart>& lines() const { return lines_; }
    // nullptr: not in this program.
    const CodeFunction* function_at(std::uint64_t address) const;
    const CodeLine* line_at(std::uint64_t address) const;

private:
    std::string program_;
    std::uint32_t id_ = 0;
    std::vector<CodeFunction> functions_;
    std::vector<CodeStart> lines_;  // by address; each up to the next
};

}  // namespace xgre
