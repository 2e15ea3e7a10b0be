// SPDX-License-Identifier: GPL-2.0-only
// An owned file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace xgre::bench {

// Move-only; closes at destruction.
class Fd {
public:
    Fd() = default;
    // Takes `fd`, or -1 as a system call returned it.
    explicit Fd(int fd) noexcept : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    bool is_open() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

}  // namespace xgre::bench
