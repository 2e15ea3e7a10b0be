// SPDX-License-Identifier: GPL-2.0-only
#include "loader/icmp_echo.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "loader/fd.h"
#include "loader/internet_sum.h"
#include "xgre/error.h"

namespace xgre {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kRequests = 2;

// Echoes over one family. Raw: a ping socket may be refused even to root (ping_group_range).
class Pinger {
public:
    explicit Pinger(bool is_v6) : is_v6_{is_v6} {
        fd_ = Fd{::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                          is_v6 ? static_cast<int>(IPPROTO_ICMPV6) : IPPROTO_ICMP)};
        if (!fd_.is_open())
            throw Error::from_errno("ICMP echo", "open a raw socket", errno, "run as root");
        id_ = static_cast<std::uint16_t>(std::random_device{}());
    }

    int fd() const { return fd_.get(); }

    // Where there is no route, nobody will answer.
    void ask(const IpAddr& host) const { is_v6_ ? ask_v6(host.v6()) : ask_v4(host.v4()); }

    // The next answer that has come; nullopt: there is none now.
    std::optional<IpAddr> take() const {
        std::array<std::uint8_t, 512> bytes{};
        for (;;) {
            sockaddr_storage from{};
            socklen_t from_len = sizeof(from);
            const ssize_t len = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0,
                                           reinterpret_cast<sockaddr*>(&from), &from_len);
            if (len < 0) return std::nullopt;
            if (is_answer(bytes.data(), static_cast<std::size_t>(len))) return address_of(from);
        }
    }

private:
    void ask_v4(const Ip4Addr& host) const {
        icmphdr request{};
        request.type = ICMP_ECHO;
        request.un.echo.id = htons(id_);
        InternetSum sum;
        sum.add({reinterpret_cast<const std::uint8_t*>(&request), sizeof(request)});
        request.checksum = htons(sum.value());
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = host.network_order();
        ::sendto(fd_.get(), &request, sizeof(request), 0, reinterpret_cast<sockaddr*>(&to),
                 sizeof(to));
    }

    void ask_v6(const Ip6Addr& host) const {
        icmp6_hdr request{};  // the kernel fills in its checksum: RFC 3542 section 3.1
        request.icmp6_type = ICMP6_ECHO_REQUEST;
        request.icmp6_id = htons(id_);
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        std::memcpy(&to.sin6_addr, host.bytes().data(), sizeof(to.sin6_addr));
        ::sendto(fd_.get(), &request, sizeof(request), 0, reinterpret_cast<sockaddr*>(&to),
                 sizeof(to));
    }

    bool is_answer(const std::uint8_t* bytes, std::size_t len) const {
        std::size_t skip = 0;
        if (!is_v6_) {  // a raw socket gets the IP header, too
            if (len < sizeof(iphdr)) return false;
            skip = std::size_t{bytes[0] & 0xfU} * 4;
        }
        icmphdr header{};  // the first eight bytes are alike in both
        if (len < skip + sizeof(header)) return false;
        std::memcpy(&header, bytes + skip, sizeof(header));
        return header.type == (is_v6_ ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
               ntohs(header.un.echo.id) == id_;
    }

    IpAddr address_of(const sockaddr_storage& from) const {
        if (is_v6_) {
            Ip6Addr::Bytes bytes{};
            std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(&from)->sin6_addr,
                        bytes.size());
            return Ip6Addr{bytes};
        }
        return Ip4Addr::from_network_order(
            reinterpret_cast<const sockaddr_in*>(&from)->sin_addr.s_addr);
    }

    Fd fd_;
    bool is_v6_;
    std::uint16_t id_ = 0;
};

class Answers {
public:
    explicit Answers(const std::vector<IpAddr>& hosts)
        : hosts_{hosts}, has_answered_(hosts.size()) {}

    void note(const IpAddr& from) {
        for (std::size_t i = 0; i < hosts_.size(); ++i)
            if (hosts_[i] == from) has_answered_[i] = true;
    }

    bool are_complete() const {
        return std::ranges::all_of(has_answered_, [](bool answered) { return answered; });
    }

    std::vector<bool> all() const { return has_answered_; }

private:
    const std::vector<IpAddr>& hosts_;
    std::vector<bool> has_answered_;
};

void collect(const std::vector<Pinger>& pingers, Answers& answers, Clock::time_point until) {
    while (!answers.are_complete()) {
        const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
        if (left <= milliseconds{0}) return;
        std::vector<pollfd> wait;
        for (const Pinger& pinger : pingers)
            wait.push_back({pinger.fd(), POLLIN, 0});
        if (::poll(wait.data(), wait.size(), static_cast<int>(left.count())) < 0) return;
        for (const Pinger& pinger : pingers)
            while (const auto from = pinger.take())
                answers.note(*from);
    }
}

}  // namespace

std::vector<bool> answer_echo(const std::vector<IpAddr>& hosts, milliseconds time) {
    std::vector<Pinger> pingers;
    for (const bool is_v6 : {false, true})
        if (std::ranges::any_of(hosts, [&](const IpAddr& host) { return host.is_v6() == is_v6; }))
            pingers.emplace_back(is_v6);
    Answers answers{hosts};
    for (int i = 0; i < kRequests; ++i) {
        for (const IpAddr& host : hosts)
            pingers.at(host.is_v6() ? pingers.size() - 1 : 0).ask(host);
        collect(pingers, answers, Clock::now() + time / kRequests);
    }
    return answers.all();
}

}  // namespace xgre
