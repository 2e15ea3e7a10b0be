// SPDX-License-Identifier: GPL-2.0-only
// A host that scenarios are played on: its programs have to send, count and learn what the model
// says. Frames come and leave by real taps, so that what XDP leaves to TC goes there as the kernel
// takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bpf/datapath_fixture.h"
#include "tests/model/scenario.h"
#include "xgre/trace.h"

namespace xgre::test::model {

class Rig {
public:
    explicit Rig(Hooks hooks);
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig();

    // What the programs did that the model did not, or the other way round; empty: nothing.
    // `patient`: waits for what is missing for as long as a busy machine may take.
    std::string differences(const Scenario& scenario, bool patient = true);

    // Each frame is traced before it comes: what a trace says has to be what then happens, in the
    // model and here, and the host has to have counted and learned only that. Empty: it is. While
    // the thread is in this host's namespace.
    std::string trace_differences(const Scenario& scenario);
    std::uint64_t traced() const { return traced_; }
    // ... of which the program that decided was foretold, too. Flows may make it another.
    std::uint64_t traced_by_same_program() const { return same_program_; }

    // What the last scenario's packets had where their sender may choose: of the same flow, the
    // same.
    const std::vector<Bytes>& choices() const { return choices_; }
    // Frames that XDP took to their end, of all that came so far.
    std::uint64_t taken_by_xdp() const;

private:
    struct Counters {
        std::vector<xgre_count> verdicts;
        std::vector<std::uint64_t> notes;
        std::vector<xgre_traffic> ports, peers;
    };
    Counters counters() const;
    void set_up(const Scenario& scenario);
    void set_up_ports(const Scenario& scenario) const;
    void set_up_peers(const State& state) const;
    void set_up_floods(const State& state) const;
    void set_up_fdb(const State& state) const;
    void keep_fragments_young() const;
    std::string compare_sent(const std::vector<Sent>& wanted, bool patient);
    std::string compare_counters(const Totals& wanted, const Counters& before) const;
    std::string compare_fdb(const State& wanted) const;
    std::string compare_trace(const Trace& trace, const std::vector<Sent>& wanted,
                              xgre_verdict verdict) const;
    std::string compare_verdict(const Trace& trace, const Counters& before);
    const Tap& tap_of(std::size_t device) const;
    xgre_owner owner(const Owner& of) const;

    Host host_;
    std::vector<test::Port*> ports_;
    std::vector<Bytes> choices_;
    std::string instance_;  // pinned under this name, for the tracer
    std::optional<Tracer> tracer_;
    std::uint64_t traced_ = 0;
    std::uint64_t same_program_ = 0;
};

}  // namespace xgre::test::model
