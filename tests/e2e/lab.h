// SPDX-License-Identifier: GPL-2.0-only
// Hosts, wires and VMs in network namespaces, for tests from end to end.
//
//   a VM: namespace or tap --port-- host a --uplink0-- middle --uplink0-- host b --port-- a VM
//
// The middle is a switch (one subnet, 198.18.0.0/24) or a router (two halves of it). What passes
// the middle was on the wire, whole: captures are taken there. VMs and hosts have no IPv6, so that
// nothing is sent that a test did not send. All names begin with xg<pid>-; all goes with the Lab.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/fd.h"
#include "loader/netns.h"
#include "tests/packet/packet.h"
#include "xgre/instance.h"

namespace xgre::test {

inline constexpr std::chrono::milliseconds kPatience{8000};

// Asks again and again until it holds; false when patience ends first.
bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = kPatience);

// A named namespace with loopback up and IPv6 off.
class Netns {
public:
    explicit Netns(std::string_view role);
    Netns(const Netns&) = delete;
    Netns& operator=(const Netns&) = delete;
    ~Netns();

    const std::string& name() const { return name_; }
    const Fd& fd() const { return fd_; }
    NetnsScope enter() const { return NetnsScope::enter(fd_, name_); }

    // Runs a program in here: its words are separated by spaces. Throws when it fails.
    void run(std::string_view words) const;
    // False when it fails.
    bool try_run(std::string_view words) const;
    // `ip WORDS`, `ethtool -K DEVICE SETTINGS`.
    void ip(std::string_view words) const;
    void offloads(std::string_view device, std::string_view settings) const;
    void sysctl(std::string_view path, std::string_view value) const;
    // Through a shell, which sees this namespace's /sys.
    void shell(const std::string& script) const;
    bool ping(Ipv4Address address, std::size_t size = 56) const;
    MacAddress mac_of(const std::string& device) const;

private:
    std::string name_;
    Fd fd_;
};

// A frame as a packet socket or a tap got it.
struct Received {
    Packet frame;  // with its tag in the bytes
    bool tag_outside = false;
    bool checksum_open = false;  // left to an offload
    std::uint16_t gso_size = 0;  // of a tap with vnet_hdr
};

// Sends and receives whole frames at one device, and never sees what was sent there.
class Nic {
public:
    Nic(const Netns& netns, const std::string& device);
    void send(const Packet& frame) const;
    std::optional<Received> receive(std::chrono::milliseconds patience) const;

private:
    Fd socket_;
};

// What came in at one device of the middle (or elsewhere) since it was made.
class Capture {
public:
    Capture(const Netns& netns, const std::string& device) : nic_{netns, device} {}
    // Reads until one satisfies `wanted`; false when patience ends first.
    bool wait_for(const std::function<bool(const Packet&)>& wanted,
                  std::chrono::milliseconds patience = kPatience);
    // Everything read, and what is there to be read now.
    const std::vector<Received>& frames();
    std::size_t count(const std::function<bool(const Packet&)>& wanted);

private:
    Nic nic_;
    std::vector<Received> frames_;
};

// Programs at a hook of a test's own; they go with the handle.
Fd attach_xdp_pass(const Netns& netns, const std::string& device);

enum class Path : std::uint8_t { tc, xdp };
enum class Middle : std::uint8_t { one_subnet, router };

// For INSTANTIATE_TEST_SUITE_P(, Suite, kBothPaths, path_name).
inline const auto kBothPaths = testing::Values(Path::tc, Path::xdp);
inline std::string path_name(const testing::TestParamInfo<Path>& info) {
    return info.param == Path::tc ? "Tc" : "Xdp";
}

class Host {
public:
    Host(char letter, Ip4Addr address);
    ~Host();

    const std::string& name() const { return name_; }
    const Netns& netns() const { return netns_; }
    const Session& session() const { return session_; }
    Ip4Addr address() const { return address_; }
    Ipv4Address ip() const { return {address_.bytes()}; }

    void attach(Path path, TcHook hook = TcHook::automatic) const;
    // Runs one change.
    Instance open() const { return Instance::open(session_); }

    // Over all programs, or one: `verdict` is a name of xgre/abi.h.
    std::uint64_t verdicts(std::string_view verdict, std::string_view program = {}) const;
    // All drops, by name; without those that are zero.
    std::map<std::string, std::uint64_t> drops() const;
    std::uint64_t notes(std::string_view name) const;
    PortInfo port(const std::string& device) const;
    // Where the MAC is now: a device, a peer's address, or nothing.
    std::string whereabouts(const std::string& network, MacAddress mac,
                            std::uint16_t vlan = 0) const;

private:
    std::string name_;
    Netns netns_;
    Session session_;
    Ip4Addr address_;
};

// A namespace with eth0, whose other end is the port. `tx off` at eth0 makes the port fit for XDP.
struct VmOptions {
    bool offloads = false;      // eth0 leaves checksums and segmentation to the host
    bool gro = true;            // eth0 merges, and so polls: XDP may send into the port
    bool port_offloads = true;  // the port takes large segments
    bool with_address = false;  // its Station's IPv4 address on eth0
    std::uint32_t mtu = 1500;   // of eth0
};

class Vm {
public:
    Vm(const Host& host, std::string_view role, const Station& station, const VmOptions& options);

    const Host& host() const { return host_; }
    const Netns& netns() const { return netns_; }
    const std::string& port() const { return port_; }  // the device on the host
    const Station& station() const { return station_; }
    MacAddress mac() const { return station_.mac; }

    void send(const Packet& frame) const { nic_.send(frame); }
    // What came since the last call, except the Lab's own frames.
    std::vector<Packet> take();
    std::vector<Received> take_received();
    // Reads until the frame is there; false when patience ends first.
    bool gets(const Packet& frame, std::chrono::milliseconds patience = kPatience);
    // Reads until the Lab's frame with this number is there.
    bool gets_fence(std::uint32_t number);

private:
    bool read_one(std::chrono::milliseconds patience);

    const Host& host_;
    Netns netns_;
    std::string port_;
    Station station_;
    Nic nic_;
    std::vector<Received> inbox_;
    std::uint32_t fence_ = 0;
};

// A tap that the test holds, as a VM's process does; the port it is goes with it.
class Tap {
public:
    Tap(const Host& host, const std::string& device, bool vnet_hdr = false);

    const std::string& port() const { return port_; }
    // `gso_size` not 0: a large TCP segment over IPv4 whose checksum is left open, as a guest
    // with offloads hands it over.
    void send(const Packet& frame, std::uint16_t gso_size = 0) const;
    // Reads until `frame` is there; nullopt when patience ends first.
    std::optional<Received> receive(const std::function<bool(const Packet&)>& wanted,
                                    std::chrono::milliseconds patience = kPatience) const;

private:
    std::string port_;
    bool vnet_hdr_;
    Fd tap_;
};

struct LabOptions {
    Middle middle = Middle::one_subnet;
    std::string_view hosts = "ab";
    // The wire carries large segments and open checksums: uplinks whose NIC does the work. XDP
    // cannot be on such an uplink.
    bool wire_offloads = false;
    std::uint32_t wire_mtu = 1500;  // of uplinks, and of all between them
};

class Lab {
public:
    explicit Lab(const LabOptions& options = {});
    ~Lab();

    const Netns& middle() const { return middle_; }
    Host& host(char letter) { return *hosts_.at(letter); }
    // The end of a host's wire in the middle.
    static std::string wire_of(char letter) { return std::string{"to-"} + letter; }

    // Connects a namespace's uplink0 to the middle; `tx`: "on" when that wire has offloads.
    void plug_in(const Netns& netns, const std::string& wire, std::string_view tx);
    // On every host: attach, the network, and every other host as its peer.
    void mesh(const std::string& network, std::optional<std::uint32_t> key, Path path,
              TcHook hook = TcHook::automatic);
    // A VM that is no port yet.
    Vm& vm(char letter, std::string_view role, const Station& station,
           const VmOptions& options = {});
    // ... and one that is.
    Vm& join(char letter, std::string_view role, const Station& station, const std::string& network,
             const VmOptions& options = {});

    static void join(const Host& host, const std::string& port, const std::string& network);

    // Waits until all that was sent has come where it goes: `from` sends a broadcast, twice, and
    // every one of `to` has to see it.
    void settle(const Vm& from, const std::vector<Vm*>& to);

private:
    void connect(Host& host, char letter, const LabOptions& options);

    Netns middle_;
    std::map<char, std::unique_ptr<Host>> hosts_;
    std::vector<std::unique_ptr<Vm>> vms_;
    std::vector<Fd> programs_;
    std::uint32_t next_fence_ = 1;
};

// Sends `size` bytes over TCP and compares the hash of what came. VMs need addresses.
testing::AssertionResult tcp_arrives_intact(const Netns& from, const Netns& to, Ipv4Address address,
                                            std::size_t size = 4 << 20);
testing::AssertionResult tcp_arrives_intact(const Netns& from, const Netns& to,
                                            const IpAddr& address, std::size_t size);

struct Datagrams {
    std::size_t number = 64;
    std::size_t size = 1000;
    // How many the sender gives to the kernel at once, as one large segment (UDP_SEGMENT).
    std::size_t at_once = 1;
};
// Sends datagrams that differ and compares each that came. UDP may lose some: what has not come is
// sent again, a few times, for the first may be what its sender is told by what fits.
testing::AssertionResult udp_arrives_intact(const Netns& from, const Netns& to,
                                            const IpAddr& address, const Datagrams& datagrams = {});

Ip4Addr value_of(Ipv4Address address);
GreKey gre_key(std::uint32_t number);

// The Ethernet frame in a tunnel packet of ours (IPv4 without options, key or not).
std::optional<Packet> inner_of(const Packet& packet);
bool is_tunnel(const Packet& packet);

}  // namespace xgre::test
