// SPDX-License-Identifier: GPL-2.0-only
// Network namespaces, processors and signals, as far as a benchmark needs them.
#pragma once

#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "bench/fd.h"

namespace xgre::bench {

// Thrown where a Ctrl-C or a SIGTERM is noticed; on its way everything made is removed.
class Interrupted : public std::exception {
public:
    const char* what() const noexcept override { return "interrupted"; }
};

// From now on SIGINT, SIGTERM and SIGHUP are only noted.
void catch_interrupts();
// Throws Interrupted when one has come.
void check_interrupt();

// The calling thread is in a named network namespace while this lives.
class NetnsScope {
public:
    explicit NetnsScope(const std::string& name);
    NetnsScope(const NetnsScope&) = delete;
    NetnsScope& operator=(const NetnsScope&) = delete;
    ~NetnsScope();

private:
    Fd origin_;
};

// A network namespace of our own, removed at destruction.
class Netns {
public:
    explicit Netns(std::string name);
    Netns(const Netns&) = delete;
    Netns& operator=(const Netns&) = delete;
    ~Netns();

    const std::string& name() const { return name_; }

private:
    std::string name_;
};

// Loopback up, and no neighbour discovery beside the frames that are counted.
void quieten_current_netns();

// Removes what benchmarks that were killed have left: instances, namespaces, temporary files.
void remove_leftovers();
// `xgb<pid>`: what all names of this run begin with.
std::string run_name();

// The index of a device of the current network namespace. Throws Error when there is none.
int index_of(const std::string& device);

void write_file(const std::string& path, const std::string& text);

// Processors that this process may run on.
std::vector<int> processors();
void pin_to(int processor);

// A thread that carries what it throws to join().
class Worker {
public:
    template <typename Work>
    explicit Worker(Work work)
        : thread_{[this, work = std::move(work)] {
              try {
                  work();
              } catch (...) {
                  error_ = std::current_exception();
              }
          }} {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() {
        if (thread_.joinable()) thread_.join();
    }

    void join() {
        thread_.join();
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::exception_ptr error_;
    std::thread thread_;  // last: it uses the others
};

}  // namespace xgre::bench
