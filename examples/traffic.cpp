// SPDX-License-Identifier: GPL-2.0-only
// Prints the peers of an instance and their traffic, again and again: what the library is good for,
// in one page.
//
//   traffic [INSTANCE [TIMES]]      a line a peer, each second
//
// Built by itself: c++ -std=c++20 traffic.cpp $(pkg-config --cflags --libs xgre)
#include <xgre/error.h>
#include <xgre/instance.h>
#include <xgre/number.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <thread>

namespace {

// What was counted so far, by the peer's number.
using Counted = std::map<std::uint32_t, xgre::Traffic>;

void print(const xgre::PeerInfo& peer, const xgre::Traffic& before) {
    const xgre::Traffic& now = peer.traffic;
    std::printf("%-8s %-24s in %8llu frames/s %12llu bit/s  out %8llu frames/s %12llu bit/s\n",
                peer.network.c_str(), peer.address.format().c_str(),
                static_cast<unsigned long long>(now.rx_packets - before.rx_packets),
                static_cast<unsigned long long>((now.rx_bytes - before.rx_bytes) * 8),
                static_cast<unsigned long long>(now.tx_packets - before.tx_packets),
                static_cast<unsigned long long>((now.tx_bytes - before.tx_bytes) * 8));
}

// A view is of one moment's maps, and opened anew each time: the instance may have been upgraded.
Counted look(const xgre::Session& session, const Counted& before) {
    Counted now;
    for (const xgre::PeerInfo& peer : xgre::Instance::view(session).peers()) {
        now[peer.id] = peer.traffic;
        if (const auto known = before.find(peer.id); known != before.end())
            print(peer, known->second);
    }
    std::fflush(stdout);
    return now;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const xgre::Session session{.instance = argc > 1 ? argv[1] : "default", .netns = {}};
        const auto times = xgre::parse_decimal(argc > 2 ? argv[2] : "4294967295", UINT32_MAX);
        if (!times) throw xgre::Error{"TIMES", "it is not a number", "give a decimal one"};
        Counted counted = look(session, {});
        for (std::uint32_t i = 0; i < *times; ++i) {
            std::this_thread::sleep_for(std::chrono::seconds{1});
            counted = look(session, counted);
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "traffic: %s\n", error.what());
        return 1;
    }
}
