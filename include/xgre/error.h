// SPDX-License-Identifier: GPL-2.0-only
// The one exception type of xgre: which object, what went wrong with it, and the way out.
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace xgre {

// Thrown by everything in the library that fails. Each of the three parts is a phrase without
// a full stop; `way_out` is an imperative the operator can follow. what() is one line:
// `<object>: <cause>; <way_out>`.
class Error : public std::exception {
public:
    Error(std::string object, std::string cause, std::string way_out)
        : object_{std::move(object)},
          cause_{std::move(cause)},
          way_out_{std::move(way_out)},
          line_{object_ + ": " + cause_ + "; " + way_out_} {}

    // For a failed system call: the cause reads `<what_failed>: <text of errno_value>`.
    // `errno_value` is positive.
    static Error from_errno(std::string object, std::string_view what_failed, int errno_value,
                            std::string way_out) {
        std::string cause{what_failed};
        cause += ": ";
        cause += std::generic_category().message(errno_value);
        return Error{std::move(object), std::move(cause), std::move(way_out)};
    }

    const std::string& object() const noexcept { return object_; }
    const std::string& cause() const noexcept { return cause_; }
    const std::string& way_out() const noexcept { return way_out_; }
    const char* what() const noexcept override { return line_.c_str(); }

private:
    std::string object_;
    std::string cause_;
    std::string way_out_;
    std::string line_;
};

// Nobody reads what is written any more, as behind `| head`. There is nothing to say, and nobody to
// be told.
class ReaderGone : public Error {
public:
    explicit ReaderGone(std::string object)
        : Error{from_errno(std::move(object), "cannot write everything", EPIPE,
                           "keep what reads it running")} {}
};

}  // namespace xgre
