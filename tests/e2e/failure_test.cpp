// SPDX-License-Identifier: GPL-2.0-only
// Commands that fail on the way leave everything as it was; what is others' stays theirs.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <array>
#include <string>
#include <vector>

#include "loader/pins.h"
#include "tests/e2e/tap_host.h"
#include "xgre/config.h"

namespace xgre::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Failing : public ::testing::Test {
protected:
    // It fails with these words, and nothing has changed.
    void expect_refused(std::string_view words, std::string_view about) {
        SCOPED_TRACE(words);
        const std::string before = host.state();
        const Ended ended = host.xgre(words);
        EXPECT_EQ(ended.status, 1);
        EXPECT_THAT(ended.diagnostics, HasSubstr(std::string{about}));
        EXPECT_EQ(host.state(), before);
        EXPECT_TRUE(host.programs_are_whole());
        if (before == "nothing") return;
        EXPECT_THAT(host.repairs(), IsEmpty());
        EXPECT_TRUE(host.carries_traffic());
    }

    TapHost host;
};

class Full : public Failing {
protected:
    void SetUp() override {
        AttachSpec spec = TapHost::attach_spec();
        spec.fdb_entries = 3;  // build() takes two
        host.build(spec);
    }
};

TEST_F(Full, PortWithMoreStaticsThanFitIsNotAdded) {
    expect_refused(
        "port add vm1 --network lan --static 02:00:00:00:0a:03 --static 02:00:00:00:0a:04", "full");
    host.must_xgre("port add vm1 --network lan --static 02:00:00:00:0a:03");
}

TEST_F(Full, PortKeepsItsSettingsWhenItsNewStaticsDoNotFit) {
    host.must_xgre("port add vm1 --network lan");
    expect_refused(
        "port add vm1 --mac-limit 3 --static 02:00:00:00:0a:03 --static 02:00:00:00:0a:04", "full");
}

TEST_F(Full, PortWhoseTapIsBackIsNotLostWhenItsNewStaticsDoNotFit) {
    host.must_xgre("port add vm1 --network lan --static 02:00:00:00:0a:03 --mac-limit 5");
    const std::string wanted = host.state();
    host.restart_vm(TapHost::kVm1);
    expect_refused("port add vm1 --static 02:00:00:00:0a:04", "full");
    host.must_xgre("port add vm1");
    EXPECT_EQ(host.state(), wanted);
}

TEST_F(Failing, TheSameCommandBringsATapBackThatReturned) {
    constexpr std::string_view kAdd = "port add vm1 --network lan --static 02:00:00:00:0a:03";
    host.build(TapHost::attach_spec());
    host.must_xgre(kAdd);
    const std::string wanted = host.state();
    host.restart_vm(TapHost::kVm1);
    host.must_xgre(kAdd);
    EXPECT_EQ(host.state(), wanted);
}

TEST_F(Failing, APortIsGoneAtOnceAndCanBeAddedAtOnce) {
    host.build(TapHost::attach_spec());
    for (int i = 0; i < 10; ++i) {
        host.must_xgre("port add vm1 --network lan");
        EXPECT_EQ(host.programs_at(TapHost::kVm1).size(), 2U);
        host.must_xgre("port del vm1");
        EXPECT_THAT(host.programs_at(TapHost::kVm1), IsEmpty());
    }
}

TEST_F(Failing, AddedAgainAtOnceAPortHasNothingOfWhatItWas) {
    host.build(TapHost::attach_spec());
    host.must_xgre("port add vm1 --network lan");
    const std::string wanted = host.state();
    host.must_xgre("port add vm1 --static 02:00:00:00:0a:03 --mac-limit 5 --isolated");
    host.must_xgre("port del vm1");
    host.must_xgre("port add vm1 --network lan");
    EXPECT_EQ(host.state(), wanted);
}

TEST_F(Failing, AForeignXdpProgramAtAPortIsRefused) {
    host.build(TapHost::attach_spec());
    const Fd foreign = attach_xdp_pass(host.netns(), std::string{TapHost::kVm1});
    expect_refused("port add vm1 --network lan", "another XDP program is attached");
    Config wanted = running_config(host.session());
    wanted.ports.emplace_back();
    wanted.ports.back().device = TapHost::kVm1;
    wanted.ports.back().network = "lan";
    try {
        check_config(host.session(), wanted);
        ADD_FAILURE() << "a configuration that cannot be applied is taken for a good one";
    } catch (const BadConfig& error) {
        EXPECT_THAT(error.what(), HasSubstr("another XDP program is attached"));
    }
}

TEST_F(Failing, AForeignXdpProgramAtTheUplinkIsRefused) {
    const Fd foreign = attach_xdp_pass(host.netns(), std::string{TapHost::kWire});
    expect_refused("attach wire0 --local 198.18.0.1", "another XDP program is attached");
    EXPECT_EQ(host.programs_at(TapHost::kWire).size(), 1U);
    host.must_xgre("attach wire0 --local 198.18.0.1 --xdp off");
}

// It came to a port that had no XDP of ours, which then could have one.
TEST_F(Failing, AForeignXdpProgramDoesNotKeepCommandsFromWorking) {
    AttachSpec spec = TapHost::attach_spec();
    spec.xdp = XdpUse::on;
    host.build(spec);
    host.netns().ip("link add veth0 type veth peer name veth1");
    host.netns().ip("link set veth0 up");
    host.netns().ip("link set veth1 up");
    host.must_xgre("port add veth0 --network lan");
    Fd foreign = attach_xdp_pass(host.netns(), "veth0");
    host.netns().offloads("veth1", "tx off txvlan off tx-vlan-stag-hw-insert off");
    host.must_xgre("network add two --key 2");
    host.must_xgre("port add veth0");
    const auto ports = Instance::view(host.session()).ports();
    EXPECT_EQ(ports.at(0).device, "veth0");
    EXPECT_EQ(ports.at(0).hook.xdp, "none");
    EXPECT_THAT(ports.at(0).hook.reason, HasSubstr("another XDP program is attached"));
    foreign = Fd{};
    host.must_xgre("port add veth0");
    EXPECT_EQ(Instance::view(host.session()).ports().at(0).hook.xdp, "native");
    host.must_xgre("port del veth0");
    host.netns().ip("link del veth0");
}

TEST_F(Failing, ADeviceOfAnotherInstanceIsRefused) {
    for (const TcHook hook : {TcHook::tcx, TcHook::clsact}) {
        AttachSpec spec = TapHost::attach_spec();
        spec.tc_hook = hook;
        host.build(spec);
        Session other = host.session();
        other.instance += "b";
        spec.xdp = XdpUse::off;
        const auto refusal = [&](const auto& action) {
            try {
                action();
            } catch (const std::exception& error) {
                return std::string{error.what()};
            }
            return std::string{"it was not refused"};
        };
        EXPECT_THAT(refusal([&] { Instance::attach(other, spec); }),
                    HasSubstr("is the uplink of instance " + host.session().instance));
        spec.uplink = TapHost::kVm1;
        host.netns().ip("addr add 198.18.0.9/32 dev vm1");
        spec.local = *Ip4Addr::parse("198.18.0.9");
        Instance::attach(other, spec);
        expect_refused("port add vm1 --network lan", "is the uplink of instance " + other.instance);
        {
            Instance instance = Instance::open(other);
            NetworkSpec network;
            network.name = "lan";
            instance.add_network(network);
            PortSpec port;
            port.device = TapHost::kVm0;
            port.network = "lan";
            EXPECT_THAT(refusal([&] { instance.add_port(port); }),
                        HasSubstr("is a port of instance " + host.session().instance));
        }
        EXPECT_TRUE(host.carries_traffic());
        Instance::detach(other, true);
        host.netns().ip("addr del 198.18.0.9/32 dev vm1");
        EXPECT_TRUE(host.carries_traffic());
        Instance::detach(host.session(), true);
        EXPECT_THAT(host.leftovers(), IsEmpty());
    }
}

// A filter as somebody else would have it at a clsact hook, which lets everything on.
class ForeignFilter {
public:
    ForeignFilter(const TapHost& host, std::string_view device, bpf_tc_attach_point side)
        : host_{host} {
        // r0 = TC_ACT_UNSPEC; exit
        const std::array<bpf_insn, 2> code{
            {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
        const auto scope = host_.enter();
        const Fd program{bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", code.data(),
                                       code.size(), nullptr)};
        hook_.sz = sizeof(hook_);
        hook_.ifindex = static_cast<int>(if_nametoindex(std::string{device}.c_str()));
        hook_.attach_point = side;
        bpf_tc_hook_create(&hook_);
        bpf_tc_opts filter = options();
        filter.prog_fd = program.get();
        EXPECT_EQ(bpf_tc_attach(&hook_, &filter), 0);
    }

    bool is_there() const {
        const auto scope = host_.enter();
        bpf_tc_opts filter = options();
        return bpf_tc_query(&hook_, &filter) == 0;
    }

private:
    static bpf_tc_opts options() {
        bpf_tc_opts options{};
        options.sz = sizeof(options);
        options.handle = 1;
        options.priority = 50;
        return options;
    }

    const TapHost& host_;
    bpf_tc_hook hook_{};
};

// case E04
TEST_F(Failing, FiltersOfOthersAtClsactStay) {
    AttachSpec spec = TapHost::attach_spec();
    spec.tc_hook = TcHook::clsact;
    host.build(spec);
    const ForeignFilter in{host, TapHost::kVm0, BPF_TC_INGRESS};
    const ForeignFilter out{host, TapHost::kWire, BPF_TC_EGRESS};
    EXPECT_TRUE(host.carries_traffic());
    host.must_xgre("detach --all");
    EXPECT_TRUE(in.is_there());
    EXPECT_TRUE(out.is_there());
    EXPECT_EQ(host.leftovers(), std::vector<std::string>{"a clsact qdisc"});
}

// The timer, too, holds on to maps and programs.
TEST_F(Failing, DetachAllLeavesNothingInTheKernelEither) {
    host.build(TapHost::attach_spec());
    const auto programs = host.programs_at(TapHost::kVm0);
    ASSERT_EQ(programs.size(), 2U);
    const std::string maps = pins::directory(host.session().instance) + "/maps";
    std::vector<std::uint32_t> ids;
    for (const std::string& name : pins::list(maps)) {
        const Fd map{bpf_obj_get((maps + "/" + name).c_str())};
        bpf_map_info info{};
        std::uint32_t size = sizeof(info);
        ASSERT_EQ(bpf_obj_get_info_by_fd(map.get(), &info, &size), 0) << name;
        ids.push_back(info.id);
    }
    host.must_xgre("detach --all");
    // The kernel frees them some time after the last reference went.
    for (const std::uint32_t id : ids)
        EXPECT_TRUE(eventually([&] { return !Fd{bpf_map_get_fd_by_id(id)}.is_open(); }));
    for (const std::uint32_t id : programs)
        EXPECT_TRUE(eventually([&] { return !Fd{bpf_prog_get_fd_by_id(id)}.is_open(); }));
}

TEST_F(Failing, TheHookIsNotChangedInPassing) {
    host.build(TapHost::attach_spec());
    expect_refused("attach wire0 --local 198.18.0.1 --tc clsact", "its programs are at tcx");
    EXPECT_EQ(host.programs_at(TapHost::kWire).size(), 2U);
    EXPECT_TRUE(host.carries_traffic());
}

TEST_F(Failing, TheUseOfXdpIsChangedWithoutAPause) {
    host.build(TapHost::attach_spec());
    for (int round = 0; round < 2; ++round) {
        host.must_xgre("attach wire0 --local 198.18.0.1 --xdp off");
        EXPECT_EQ(host.programs_at(TapHost::kWire).size(), 1U);
        EXPECT_TRUE(host.carries_traffic());
        host.must_xgre("attach wire0 --local 198.18.0.1");  // without a word, as it is
        EXPECT_EQ(host.programs_at(TapHost::kWire).size(), 1U);
        host.must_xgre("attach wire0 --local 198.18.0.1 --xdp auto");
        EXPECT_EQ(host.programs_at(TapHost::kWire).size(), 2U);
        EXPECT_TRUE(host.carries_traffic());
    }
}

// The far end polls and sends finished frames: XDP could run, and does when it is asked for.
TEST_F(Failing, AVethHasXdpOnlyWhenAsked) {
    host.build(TapHost::attach_spec());
    host.netns().ip("link add veth0 type veth peer name veth1");
    host.netns().ip("link set veth0 up");
    host.netns().ip("link set veth1 up");
    host.netns().run("ethtool -K veth1 tx off txvlan off tx-vlan-stag-hw-insert off gro on");
    host.must_xgre("port add veth0 --network lan");
    EXPECT_EQ(host.programs_at("veth0").size(), 1U);
    host.must_xgre("attach wire0 --local 198.18.0.1 --xdp on");
    EXPECT_EQ(host.programs_at("veth0").size(), 2U);
    host.must_xgre("attach wire0 --local 198.18.0.1 --xdp auto");
    EXPECT_EQ(host.programs_at("veth0").size(), 1U);
}

}  // namespace
}  // namespace xgre::test
