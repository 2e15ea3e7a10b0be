// SPDX-License-Identifier: GPL-2.0-only
#include "loader/metrics_http.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/clock.h"
#include "xgre/error.h"
#include "xgre/metrics.h"

namespace xgre {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::string_view kPath = "/metrics";

struct Status {
    int number;
    std::string_view text;
};
constexpr Status kOk{200, "OK"};
constexpr Status kBadRequest{400, "Bad Request"};
constexpr Status kNotFound{404, "Not Found"};
constexpr Status kMethodNotAllowed{405, "Method Not Allowed"};
constexpr Status kTimeout{408, "Request Timeout"};
constexpr Status kUriTooLong{414, "URI Too Long"};
constexpr Status kHeadTooLarge{431, "Request Header Fields Too Large"};
constexpr Status kServerError{500, "Internal Server Error"};
constexpr Status kVersion{505, "HTTP Version Not Supported"};

// Why there is no page.
struct Refusal {
    Status status;
    std::string why;
};

class Deadline {
public:
    explicit Deadline(milliseconds time) : end_{monotonic_time() + time} {}
    // Waits until the socket is ready for `events`; false: the time is over.
    bool wait(int fd, short events) const {
        for (;;) {
            const nanoseconds left = end_ - monotonic_time();
            if (left <= nanoseconds{0}) return false;
            pollfd watched{fd, events, 0};
            const auto time = std::chrono::ceil<milliseconds>(left).count();
            const int ready = ::poll(&watched, 1, static_cast<int>(time));
            if (ready > 0) return true;
            if (ready < 0 && errno != EINTR) return false;
        }
    }

private:
    nanoseconds end_;
};

[[noreturn]] void fail(const char* what, int error) {
    throw Error::from_errno("HTTP connection", what, error, "the client may ask again");
}

// ---- The request -----------------------------------------------------------------------------

// Bytes that were there, at most `most`; nullopt: none came in time. Empty: the client is done.
std::optional<std::string> receive(int connection, const Deadline& deadline, std::size_t most) {
    std::string chunk(most, '\0');
    while (deadline.wait(connection, POLLIN)) {
        const ssize_t length = ::recv(connection, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (length >= 0) {
            chunk.resize(static_cast<std::size_t>(length));
            return chunk;
        }
        if (errno != EAGAIN && errno != EINTR) fail("read the request", errno);
    }
    return std::nullopt;
}

// Where the head of a request ends, whose lines may also end without a carriage return.
std::optional<std::size_t> end_of_head(const std::string& text) {
    const std::size_t strict = text.find("\r\n\r\n");
    const std::size_t lax = text.find("\n\n");
    const std::size_t end = std::min(strict, lax);
    if (end == std::string::npos) return std::nullopt;
    return end;
}

// The lines of the head; none: the client went away without a word.
std::vector<std::string> read_head(int connection, const HttpLimits& limits) {
    const Deadline deadline{limits.to_ask};
    std::string text;
    std::optional<std::size_t> end;
    while (!(end = end_of_head(text))) {
        if (text.size() >= limits.request)
            throw Refusal{text.find('\n') == std::string::npos ? kUriTooLong : kHeadTooLarge,
                          fmt::format("more than {} bytes", limits.request)};
        const auto chunk = receive(connection, deadline, limits.request - text.size());
        if (!chunk) throw Refusal{kTimeout, "the request did not come to its end"};
        if (chunk->empty() && text.empty()) return {};
        if (chunk->empty()) throw Refusal{kBadRequest, "the request has no end"};
        text += *chunk;
    }
    text.resize(*end);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t stop = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, stop - at);
        if (line.ends_with('\r')) line.pop_back();
        lines.push_back(std::move(line));
        at = stop + 1;
    }
    return lines;
}

bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [kMarks](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

bool is_named(std::string_view name, std::string_view wanted) {
    return std::ranges::equal(
        name, wanted, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// RFC 9112 section 3.2: a request of HTTP/1.1 without one Host is answered with 400.
void check_fields(const std::vector<std::string>& lines, bool wants_host) {
    std::size_t hosts = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::size_t colon = lines[i].find(':');
        const std::string_view name = std::string_view{lines[i]}.substr(0, colon);
        if (colon == std::string::npos || !is_token(name))
            throw Refusal{kBadRequest, "a line of the request is no header field"};
        if (is_named(name, "host")) ++hosts;
    }
    if (hosts > 1 || (wants_host && hosts == 0))
        throw Refusal{kBadRequest, "it takes one Host field"};
}

// The path of `/metrics?query` and of `http://host/metrics`.
std::string_view path_of(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (is_named(target.substr(0, kScheme.size()), kScheme)) {
        target.remove_prefix(kScheme.size());
        target.remove_prefix(std::min(target.find('/'), target.size()));
    }
    return target.substr(0, target.find('?'));
}

bool is_graphic(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// Whether it is HEAD. Throws Refusal when it is not answered with the page.
bool check_request(const std::vector<std::string>& lines) {
    const std::string_view line = lines.front();
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        throw Refusal{kBadRequest, "the first line is not METHOD TARGET VERSION"};
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(method) || target.empty() || !is_graphic(target))
        throw Refusal{kBadRequest, "the first line is not METHOD TARGET VERSION"};
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        throw Refusal{version.starts_with("HTTP/") ? kVersion : kBadRequest,
                      "HTTP/1.1 and HTTP/1.0 are spoken"};
    check_fields(lines, version == "HTTP/1.1");
    if (path_of(target) != kPath) throw Refusal{kNotFound, fmt::format("there is {} only", kPath)};
    if (method != "GET" && method != "HEAD")
        throw Refusal{kMethodNotAllowed, fmt::format("{} takes GET and HEAD", kPath)};
    return method == "HEAD";
}

// ---- The answer ------------------------------------------------------------------------------

// RFC 9110 section 5.6.7.
std::string date() {
    const time_t now = ::time(nullptr);
    tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    const std::size_t length =
        ::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), length};
}

std::string head_of(const Status& status, std::string_view type, std::size_t length) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        status.number, status.text, date(), type, length,
        status.number == kMethodNotAllowed.number ? "Allow: GET, HEAD\r\n" : "");
}

void send_all(int connection, std::string_view text, const HttpLimits& limits) {
    const Deadline deadline{limits.to_answer};
    while (!text.empty()) {
        if (!deadline.wait(connection, POLLOUT)) fail("send the answer", ETIMEDOUT);
        const ssize_t sent =
            ::send(connection, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) fail("send the answer", errno);
        if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// Until the client is done, too.
void linger(int connection, const HttpLimits& limits) {
    if (::shutdown(connection, SHUT_WR) != 0) return;  // it has gone already
    const Deadline deadline{limits.to_linger};
    std::array<char, 4096> rest{};
    for (std::size_t read = 0; read < limits.linger && deadline.wait(connection, POLLIN);) {
        const ssize_t length = ::recv(connection, rest.data(), rest.size(), MSG_DONTWAIT);
        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) return;
        read += static_cast<std::size_t>(std::max<ssize_t>(length, 0));
    }
}

void refuse(int connection, const Refusal& refusal, const HttpLimits& limits) {
    const std::string body = refusal.why + "\n";
    send_all(connection, head_of(refusal.status, "text/plain; charset=utf-8", body.size()) + body,
             limits);
    linger(connection, limits);
}

// What went wrong is told to who asks, and thrown on.
std::string body_of(const std::function<std::string()>& page, int connection,
                    const HttpLimits& limits) {
    try {
        return page();
    } catch (const Error& error) {
        refuse(connection, {kServerError, error.what()}, limits);
        throw;
    }
}

}  // namespace

void answer_http(int connection, const std::function<std::string()>& page,
                 const HttpLimits& limits) {
    try {
        const std::vector<std::string> lines = read_head(connection, limits);
        if (lines.empty()) return;
        const bool is_head = check_request(lines);
        const std::string body = body_of(page, connection, limits);
        const std::string head =
            head_of(kOk, "text/plain; version=0.0.4; charset=utf-8", body.size());
        send_all(connection, is_head ? head : head + body, limits);
        linger(connection, limits);
    } catch (const Refusal& refusal) {
        refuse(connection, refusal, limits);
    }
}

std::vector<Error> serve_metrics(const Session& session, MetricScope scope) {
    int listens = 0;
    socklen_t length = sizeof(listens);
    if (::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0)
        throw Error{
            "standard input", "is no connection",
            "let systemd start this by xgre-metrics.socket; `xgre metrics` prints the same"};
    if (listens != 0)
        throw Error{"standard input", "is a socket that still listens",
                    "set Accept=yes in the socket's unit"};
    std::vector<Error> failures;
    answer_http(STDIN_FILENO, [&] {
        Metrics metrics = read_metrics(session, scope);
        failures = std::move(metrics.failures);
        return format_metrics(metrics.families);
    });
    return failures;
}

}  // namespace xgre
