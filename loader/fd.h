// SPDX-License-Identifier: GPL-2.0-only
// An owned file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace xgre {

// Move-only; closes at destruction. An Fd made by default, or moved from, owns nothing.
class Fd {
public:
    Fd() = default;
    // Takes ownership of `fd`, which is a descriptor or -1 as a system call returned it.
    explicit Fd(int fd) noexcept : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{other.release()} {}
    Fd& operator=(Fd&& other) noexcept {
        Fd taken{std::move(other)};
        std::swap(fd_, taken.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    bool is_open() const noexcept { return fd_ >= 0; }
    // -1 when nothing is owned. Valid only while this Fd lives.
    int get() const noexcept { return fd_; }
    // Gives up ownership; the caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

}  // namespace xgre
