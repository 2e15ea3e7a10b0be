// SPDX-License-Identifier: GPL-2.0-only
// A VM behind a tap, as QEMU and vhost make one: a namespace whose eth0 is a tap, too, and a thread
// that carries frames from one to the other as they are. With vnet_hdr that is what a guest
// with all offloads on gets and gives: large segments, and checksums that are not filled in.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "loader/fd.h"
#include "tests/e2e/lab.h"

namespace xgre::test {

struct TapVmOptions {
    bool vnet_hdr = true;
    std::uint32_t mtu = 1500;       // of eth0
    std::uint32_t port_mtu = 1500;  // of the tap on the host
};

// What crossed between the taps, one way.
struct Crossed {
    std::atomic<std::size_t> frames = 0;
    std::atomic<std::size_t> tagged = 0;
    std::atomic<std::size_t> checksum_open = 0;
    std::atomic<std::size_t> large_tcp4 = 0;
    std::atomic<std::size_t> large_tcp6 = 0;
    std::atomic<std::size_t> large_udp = 0;
};

class TapVm {
public:
    TapVm(const Host& host, std::string_view role, const Station& station,
          const TapVmOptions& options);
    TapVm(const TapVm&) = delete;
    TapVm& operator=(const TapVm&) = delete;
    ~TapVm();

    const Netns& netns() const { return netns_; }
    const std::string& port() const { return port_; }
    const Crossed& sent() const { return sent_; }
    const Crossed& got() const { return got_; }
    // The kernel cuts no datagrams for this VM, and takes its uncut ones.
    bool has_uso() const { return has_uso_; }

private:
    void carry_all();
    bool carry(const Fd& from, const Fd& to, Crossed& crossed) const;

    Netns netns_;
    std::string port_;
    bool vnet_hdr_;
    bool has_uso_ = false;
    Fd outside_;
    Fd inside_;
    Fd stop_;
    Crossed sent_;
    Crossed got_;
    std::thread carrier_;
};

}  // namespace xgre::test
