// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "xgre/error.h"

namespace xgre::bench {

Fd open_tap(const std::string& name) {
    Fd tap{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    ifreq request{};
    name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (!tap.is_open() || ioctl(tap.get(), TUNSETIFF, &request) != 0 ||
        ioctl(tap.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) {
        throw Error::from_errno(name, "cannot make a tap", errno, "run as root");
    }
    return tap;
}

}  // namespace xgre::bench
