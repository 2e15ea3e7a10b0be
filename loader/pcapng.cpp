// SPDX-License-Identifier: GPL-2.0-only
// PcapngFile: blocks of draft-ietf-opsawg-pcapng, in this machine's byte order.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loader/fd.h"
#include "xgre/capture.h"
#include "xgre/error.h"

namespace xgre {
namespace {

enum BlockType : std::uint32_t { kSection = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6 };
enum Option : std::uint16_t {
    kEnd = 0,
    kComment = 1,
    kInterfaceName = 2,
    kInterfaceResolution = 9,
    kSectionApplication = 4,
    kPacketFlags = 2,
};
constexpr std::uint32_t kInbound = 1;  // of epb_flags
constexpr std::uint32_t kOutbound = 2;

// A block: its type, its length, what is in it, and its length again; all in words.
class Block {
public:
    Block(std::vector<std::uint8_t>& out, BlockType type) : out_{out}, begin_{out.size()} {
        number(static_cast<std::uint32_t>(type));
        number(std::uint32_t{0});
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() = default;

    template <typename Number>
    void number(Number value) {
        bytes(&value, sizeof(value));
    }
    void data(std::span<const std::uint8_t> data) {
        bytes(data.data(), data.size());
        pad();
    }
    void option(Option code, const void* value, std::size_t size) {
        number(static_cast<std::uint16_t>(code));
        number(static_cast<std::uint16_t>(size));
        bytes(value, size);
        pad();
    }
    void option(Option code, std::string_view text) {
        constexpr std::size_t kMost = 0xffff;
        option(code, text.data(), std::min(text.size(), kMost));
    }
    void end() {
        option(kEnd, nullptr, 0);
        const auto length = static_cast<std::uint32_t>(out_.size() - begin_ + 4);
        number(length);
        std::memcpy(out_.data() + begin_ + 4, &length, sizeof(length));
    }

private:
    void bytes(const void* data, std::size_t size) {
        const auto* from = static_cast<const std::uint8_t*>(data);
        out_.insert(out_.end(), from, from + size);
    }
    void pad() {
        while ((out_.size() - begin_) % 4 != 0)
            out_.push_back(0);
    }

    std::vector<std::uint8_t>& out_;
    std::size_t begin_;
};

}  // namespace

class PcapngFile::Writer {
public:
    explicit Writer(const std::string& path)
        : path_{path == "-" ? "stdout" : path},
          fd_{path == "-" ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)} {
        if (!fd_.is_open())
            throw Error::from_errno(path_, "open", errno, "give a file that can be written");
        begin_section();
    }

    void add(const CapturedPacket& packet) {
        const std::uint32_t interface = interface_of(packet.device);
        const auto time = static_cast<std::uint64_t>(packet.time.count());
        const std::uint32_t direction = packet.leaves ? kOutbound : kInbound;
        Block block{pending_, kEnhancedPacket};
        block.number(interface);
        block.number(static_cast<std::uint32_t>(time >> 32));
        block.number(static_cast<std::uint32_t>(time));
        block.number(static_cast<std::uint32_t>(packet.bytes.size()));
        block.number(packet.length);
        block.data(packet.bytes);
        block.option(kPacketFlags, &direction, sizeof(direction));
        block.option(kComment, packet.text);
        block.end();
        ends_.push_back(pending_.size());
    }

    void flush() {
        std::size_t done = 0;
        while (done < pending_.size()) {
            const ssize_t wrote =
                ::write(fd_.get(), pending_.data() + done, pending_.size() - done);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0 && errno == EPIPE) throw ReaderGone{path_};
            if (wrote < 0) fail(done, errno);
            done += static_cast<std::size_t>(wrote);
        }
        pending_.clear();
        ends_.clear();
    }

private:
    void begin_section() {
        constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
        constexpr std::uint16_t kMajor = 1;
        constexpr std::uint16_t kMinor = 0;
        constexpr std::int64_t kUnknownLength = -1;
        Block block{pending_, kSection};
        block.number(kByteOrder);
        block.number(kMajor);
        block.number(kMinor);
        block.number(kUnknownLength);
        block.option(kSectionApplication, "xgre " XGRE_VERSION);
        block.end();
        ends_.push_back(pending_.size());
    }

    std::uint32_t interface_of(const std::string& device) {
        const auto next = static_cast<std::uint32_t>(interfaces_.size());
        const auto [found, is_new] = interfaces_.try_emplace(device, next);
        if (is_new) begin_interface(device);
        return found->second;
    }

    void begin_interface(const std::string& device) {
        constexpr std::uint16_t kEthernet = 1;
        constexpr std::uint16_t kReserved = 0;
        constexpr std::uint32_t kNoSnapLength = 0;
        constexpr std::uint8_t kNanoseconds = 9;
        Block block{pending_, kInterface};
        block.number(kEthernet);
        block.number(kReserved);
        block.number(kNoSnapLength);
        block.option(kInterfaceName, device);
        block.option(kInterfaceResolution, &kNanoseconds, sizeof(kNanoseconds));
        block.end();
        ends_.push_back(pending_.size());
    }

    // A block that is there in part would make the whole file unreadable to some.
    [[noreturn]] void fail(std::size_t done, int error) {
        std::size_t whole = 0;
        for (const std::size_t end : ends_)
            if (end <= done) whole = end;
        const off_t at = lseek(fd_.get(), 0, SEEK_CUR);
        const auto rest = static_cast<off_t>(done - whole);
        pending_.clear();
        ends_.clear();
        const bool is_cut = at >= rest && ftruncate(fd_.get(), at - rest) == 0;
        throw Error::from_errno(path_, "write", error,
                                rest == 0 || is_cut ? "what was captured before is in it"
                                                    : "its last packet is not whole");
    }

    std::string path_;
    Fd fd_;
    std::map<std::string, std::uint32_t> interfaces_;
    std::vector<std::uint8_t> pending_;
    std::vector<std::size_t> ends_;  // of the blocks in `pending_`
};

PcapngFile::PcapngFile(const std::string& path) : writer_{std::make_unique<Writer>(path)} {}
PcapngFile::~PcapngFile() = default;

void PcapngFile::add(const CapturedPacket& packet) {
    writer_->add(packet);
}

void PcapngFile::flush() {
    writer_->flush();
}

}  // namespace xgre
