// SPDX-License-Identifier: GPL-2.0-only
#include "loader/capture_file.h"

#include <pcap/pcap.h>

#include <array>
#include <memory>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre {

CaptureFile CaptureFile::read(const std::string& path, std::size_t most) {
    struct Close {
        void operator()(pcap_t* file) const noexcept { pcap_close(file); }
    };
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    const std::unique_ptr<pcap_t, Close> file{pcap_open_offline(path.c_str(), error.data())};
    if (!file)
        throw Error{path, error.data(), "give a file that `tcpdump -w` or Wireshark has written"};
    if (const int type = pcap_datalink(file.get()); type != DLT_EN10MB) {
        const char* const name = pcap_datalink_val_to_description_or_dlt(type);
        throw Error{path, fmt::format("it is a capture of {}, not of Ethernet frames", name),
                    "capture at one device, not at `any`"};
    }
    CaptureFile capture;
    for (;;) {
        pcap_pkthdr* header = nullptr;
        const std::uint8_t* bytes = nullptr;
        const int result = pcap_next_ex(file.get(), &header, &bytes);
        if (result == PCAP_ERROR_BREAK) return capture;  // the end
        if (result != 1)
            throw Error{path, pcap_geterr(file.get()), "capture again: the file is damaged"};
        if (header->caplen < header->len) {
            ++capture.cut;
        } else if (capture.frames.size() >= most) {
            ++capture.left_out;
        } else {
            capture.frames.emplace_back(bytes, bytes + header->caplen);
        }
    }
}

}  // namespace xgre
