// SPDX-License-Identifier: GPL-2.0-only
// A tracer that lives while the host changes.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "tests/e2e/tap_host.h"
#include "xgre/trace.h"

namespace xgre::test {
namespace {

// The copies have devices with the numbers of those that they stand for, and a detour of their own
// with the first numbers that are free there: maybe those of devices that are ports later.
TEST(Tracer, TakesADeviceWithANumberThatItsOwnDetourHas) {
    TapHost host;
    host.build(TapHost::attach_spec());
    Tracer tracer{host.session()};
    const TraceFrame frame = make_frame(
        {.source = Mac{kVmC.mac.bytes}, .destination = Mac::broadcast(), .type = 0x0806});
    ASSERT_EQ(tracer.trace(frame, std::string{TapHost::kVm0}).verdict, "flooded");
    for (const std::string_view port : {TapHost::kVm2, TapHost::kVm1}) {
        host.must_xgre(fmt::format("port add {} --network lan", port));
        EXPECT_EQ(tracer.trace(frame, std::string{port}).verdict, "flooded") << port;
    }
}

}  // namespace
}  // namespace xgre::test
