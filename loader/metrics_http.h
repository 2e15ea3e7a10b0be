// SPDX-License-Identifier: GPL-2.0-only
// One HTTP request on a connection, and its answer: RFC 9110 and RFC 9112, as far as who asks for
// one page needs them.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace xgre {

struct HttpLimits {
    std::size_t request = 8192;                  // bytes up to the empty line
    std::chrono::milliseconds to_ask{5000};      // until the request is there
    std::chrono::milliseconds to_answer{10000};  // until the answer is taken
    // What comes behind the request is read so long, and so much of it, before the connection is
    // closed: the kernel throws an answer away that was not read when more came than was asked.
    std::chrono::milliseconds to_linger{1000};
    std::size_t linger = 262144;
};

// Answers GET and HEAD of /metrics with `page`, and everything else with what is wrong about it.
// `connection` is a connected stream socket and stays open. Throws Error when the answer could not
// be sent, and what `page` throws after it was told; a client that goes without having asked
// anything is no error.
void answer_http(int connection, const std::function<std::string()>& page,
                 const HttpLimits& limits = {});

}  // namespace xgre
