// SPDX-License-Identifier: GPL-2.0-only
#include "bench/instructions/datagrams.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "bench/instructions/guest_vms.h"
#include "bench/row.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kWarmUp = 500;  // datagrams: neighbours, flows

class Datagrams {
public:
    explicit Datagrams(std::size_t bytes) : sent_(bytes), received_(bytes + 1) {
        const int may_be_cut = IP_PMTUDISC_DONT;
        if (setsockopt(sockets_.near.get(), IPPROTO_IP, IP_MTU_DISCOVER, &may_be_cut,
                       sizeof(may_be_cut)) != 0)
            socket_failed("IP_MTU_DISCOVER");
    }

    std::chrono::nanoseconds run(std::size_t count) {
        const auto begin = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < count; ++i)
            pass_one();
        return std::chrono::steady_clock::now() - begin;
    }

private:
    void pass_one() {
        ++sent_[next_++ % sent_.size()];
        if (send(sockets_.near.get(), sent_.data(), sent_.size(), 0) < 0) socket_failed("send");
        const ssize_t got = recv(sockets_.far.get(), received_.data(), received_.size(), 0);
        if (got < 0) socket_failed("recv");
        if (static_cast<std::size_t>(got) != sent_.size() ||
            !std::equal(sent_.begin(), sent_.end(), received_.begin()))
            throw Void{fmt::format("{} bytes arrived that are not the {} that were sent", got,
                                   sent_.size())};
    }

    SocketPair sockets_ = connect_guest_vms(Transport::udp);
    std::vector<std::uint8_t> sent_;
    std::vector<std::uint8_t> received_;
    std::size_t next_ = 0;
};

}  // namespace

std::vector<std::chrono::nanoseconds> measure_datagrams(std::size_t bytes, std::size_t count,
                                                        std::size_t runs) {
    Datagrams datagrams{bytes};
    datagrams.run(kWarmUp);
    std::vector<std::chrono::nanoseconds> times;
    for (std::size_t i = 0; i < runs; ++i)
        times.push_back(datagrams.run(count));
    return times;
}

}  // namespace xgre::bench
