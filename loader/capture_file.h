// SPDX-License-Identifier: GPL-2.0-only
// Frames in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace xgre {

struct CaptureFile {
    using Frame = std::vector<std::uint8_t>;

    std::vector<Frame> frames;   // whole ones
    std::uint64_t cut = 0;       // of which the file has only the beginning
    std::uint64_t left_out = 0;  // beyond `most`

    // Throws Error when the file cannot be read to its end, or has no Ethernet frames.
    static CaptureFile read(const std::string& path, std::size_t most);
    // Frame `number`, from 1 on. Throws Error likewise, and when there is none, or not whole.
    static Frame frame(const std::string& path, std::uint32_t number);
};

}  // namespace xgre
