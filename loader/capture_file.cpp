// SPDX-License-Identifier: GPL-2.0-only
#include "loader/capture_file.h"

#include <pcap/pcap.h>

#include <array>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre {

namespace {

// An open file of Ethernet frames.
class Reader {
public:
    explicit Reader(const std::string& path) : path_{path} {
        std::array<char, PCAP_ERRBUF_SIZE> error{};
        file_.reset(pcap_open_offline(path.c_str(), error.data()));
        if (!file_) {
            std::string cause = error.data();
            if (cause.starts_with(path + ": ")) cause.erase(0, path.size() + 2);
            throw Error{path, cause, "give a file that `tcpdump -w` or Wireshark has written"};
        }
        if (const int type = pcap_datalink(file_.get()); type != DLT_EN10MB) {
            const char* const name = pcap_datalink_val_to_description_or_dlt(type);
            throw Error{path, fmt::format("it is a capture of {}, not of Ethernet frames", name),
                        "capture at one device, not at `any`"};
        }
    }

    // False: that was the end. What next() found is in `bytes` and `whole`.
    bool next() {
        pcap_pkthdr* header = nullptr;
        const std::uint8_t* start = nullptr;
        const int result = pcap_next_ex(file_.get(), &header, &start);
        if (result == PCAP_ERROR_BREAK) return false;
        if (result != 1)
            throw Error{path_, pcap_geterr(file_.get()), "capture again: the file is damaged"};
        bytes = {start, header->caplen};
        whole = header->caplen >= header->len;
        return true;
    }

    std::span<const std::uint8_t> bytes;
    bool whole = false;

private:
    struct Close {
        void operator()(pcap_t* file) const noexcept { pcap_close(file); }
    };

    std::string path_;
    std::unique_ptr<pcap_t, Close> file_;
};

}  // namespace

CaptureFile CaptureFile::read(const std::string& path, std::size_t most) {
    Reader file{path};
    CaptureFile capture;
    while (file.next()) {
        if (!file.whole) {
            ++capture.cut;
        } else if (capture.frames.size() >= most) {
            ++capture.left_out;
        } else {
            capture.frames.emplace_back(file.bytes.begin(), file.bytes.end());
        }
    }
    return capture;
}

CaptureFile::Frame CaptureFile::frame(const std::string& path, std::uint32_t number) {
    Reader file{path};
    std::uint32_t count = 0;
    while (file.next()) {
        if (++count < number) continue;
        if (!file.whole)
            throw Error{path, fmt::format("it has only the beginning of frame {}", number),
                        "capture whole frames: `tcpdump -s 0 -w FILE`"};
        return {file.bytes.begin(), file.bytes.end()};
    }
    throw Error{path, fmt::format("it has {} frames, and no frame {}", count, number),
                "give a --number from 1 to that of its last frame"};
}

}  // namespace xgre
