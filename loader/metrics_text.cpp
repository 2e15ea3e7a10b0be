// SPDX-License-Identifier: GPL-2.0-only
// Prometheus' text format, and the file that its node exporter takes it from.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "loader/fd.h"
#include "xgre/error.h"
#include "xgre/metrics.h"

namespace xgre {
namespace {

// Length of the UTF-8 character that `text` begins with; 0: it begins with none. RFC 3629.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = byte(1);
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_none = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return is_overlong || is_none ? 0 : length;
}

// Names of devices may be any bytes, and one that is no UTF-8 would make Prometheus refuse all.
std::string escaped(std::string_view text, bool quotes) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0)
            out += "\xef\xbf\xbd";  // U+FFFD
        else if (text[0] == '\\')
            out += "\\\\";
        else if (text[0] == '\n')
            out += "\\n";
        else if (quotes && text[0] == '"')
            out += "\\\"";
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string line_of(const std::string& name, const MetricSample& sample) {
    std::string labels;
    for (const auto& [label, value] : sample.labels)
        labels +=
            fmt::format("{}{}=\"{}\"", labels.empty() ? "" : ",", label, escaped(value, true));
    if (!labels.empty()) labels = "{" + labels + "}";
    const std::string value =
        std::visit([](auto number) { return fmt::format("{}", number); }, sample.value);
    return fmt::format("{}{} {}\n", name, labels, value);
}

// A name beside the file that is nobody's, and that the node exporter does not take for one of
// its own: those end with `.prom`.
std::string place_beside(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    return file.substr(0, name) + "." + file.substr(name) + ".XXXXXX";
}

// Goes with the object, unless it has become the file.
class NewFile {
public:
    explicit NewFile(const std::string& file)
        : file_{file}, path_{place_beside(file)}, fd_{::mkostemp(path_.data(), O_CLOEXEC)} {
        if (!fd_.is_open()) fail("create a file beside it");
        is_there_ = true;
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (is_there_) ::unlink(path_.c_str());
    }

    void write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = ::write(fd_.get(), text.data(), text.size());
            if (written < 0 && errno != EINTR) fail("write");
            if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void become_the_file() {
        constexpr mode_t kReadByAll = 0644;  // the node exporter is another user
        if (::fchmod(fd_.get(), kReadByAll) != 0) fail("let others read it");
        if (::rename(path_.c_str(), file_.c_str()) != 0) fail("replace it");
        is_there_ = false;
    }

private:
    [[noreturn]] void fail(const char* what) const {
        throw Error::from_errno(file_, what, errno, "name a file that can be written there");
    }

    std::string file_;
    std::string path_;
    Fd fd_;
    bool is_there_ = false;
};

}  // namespace

std::string format_metrics(const std::vector<MetricFamily>& families) {
    std::string text;
    for (const MetricFamily& family : families) {
        if (family.samples.empty()) continue;
        const MetricInfo& info = family.info;
        text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", info.name, escaped(info.help, false),
                            info.name, name_of(info.type));
        for (const MetricSample& sample : family.samples)
            text += line_of(info.name, sample);
    }
    return text;
}

void write_metrics(const std::string& file, std::string_view text) {
    struct stat there{};
    if (::lstat(file.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
        throw Error{file, "is there, and is no file that could be replaced",
                    "name a file, or leave out --output for standard output"};
    NewFile fresh{file};
    fresh.write(text);
    fresh.become_the_file();
}

}  // namespace xgre
