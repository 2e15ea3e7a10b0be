// SPDX-License-Identifier: GPL-2.0-only
#include "loader/receive_cpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loader/netlink.h"
#include "loader/netns.h"
#include "xgre/error.h"

namespace xgre::test {
namespace {

CpuSet cpus(const char* list) {
    return CpuSet::parse(list).value();
}

TEST(ReceiveCpus, AreWrittenAsTheKernelWritesMasks) {
    EXPECT_EQ(mask_of({}), "0");
    EXPECT_EQ(mask_of(cpus("0")), "1");
    EXPECT_EQ(mask_of(cpus("1,3,31")), "8000000a");
    EXPECT_EQ(mask_of(cpus("0,32,70")), "40,00000001,00000001");
    for (const char* list : {"0", "5", "31", "32", "0-63", "1,64,1023"})
        EXPECT_EQ(cpus_of_mask(mask_of(cpus(list)) + "\n"), cpus(list)) << list;
    EXPECT_EQ(cpus_of_mask("00000000,00000000\n"), CpuSet{});
}

TEST(ReceiveCpus, AreThoseOfADeviceOfTheCurrentNamespace) {
    const NetnsScope scope = NetnsScope::enter_new();
    NlSocket::open().create_veth("one", "two");
    EXPECT_EQ(receive_cpus("one"), CpuSet{});
    set_receive_cpus("one", cpus("0"));
    EXPECT_EQ(receive_cpus("one"), cpus("0"));
    EXPECT_EQ(receive_cpus("two"), CpuSet{});
    set_receive_cpus("one", {});
    EXPECT_EQ(receive_cpus("one"), CpuSet{});
}

TEST(ReceiveCpus, OfADeviceThatIsNotThereAreAnError) {
    const NetnsScope scope = NetnsScope::enter_new();
    EXPECT_THROW(receive_cpus("nothere"), Error);
    EXPECT_THROW(set_receive_cpus("nothere", cpus("0")), Error);
}

}  // namespace
}  // namespace xgre::test
