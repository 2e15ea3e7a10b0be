# SPDX-License-Identifier: GPL-2.0-only
"""The hosts of scripts/interop: A is xgre on this machine, B is another thing each time."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
GUEST = os.path.join(os.path.dirname(HERE), "guest")
sys.path.append(GUEST)
from guest import Guest, GuestError  # noqa: E402

SECONDS = 180  # for one command in the guest; software emulation on a busy machine is slow
VM_ADDRESS = {"a": "192.0.2.1", "b": "192.0.2.2"}
TAGGED_ADDRESS = {"a": "203.0.113.1", "b": "203.0.113.2"}
VM_MAC = {"a": "02:00:00:00:0a:01", "b": "02:00:00:00:0b:01"}  # as in lab/names.sh
VLAN = 5


class InteropError(Exception):
    """Object, cause and way out, in one line."""


def say(text):
    print(f"interop: {text}", file=sys.stderr, flush=True)


def cause_in(text):
    """What a command said, as part of a line."""
    text = "; ".join(text.strip().splitlines())
    return text if len(text) < 300 else text[:300] + " ..."


def run(words, seconds=60):
    """A command on this machine: what it prints."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise InteropError(f"{shlex.join(words)}: has not ended in {seconds} s") from None
    if done.returncode != 0:
        raise InteropError(f"{shlex.join(words)}: exit code {done.returncode}: {cause_in(done.stderr or done.stdout)}")
    return done.stdout


class Place:
    """A namespace of this machine."""

    def __init__(self, netns, directory):
        self.netns = netns
        self.directory = directory

    def run(self, *words, seconds=60):
        return run(["nsenter", f"--net=/run/netns/{self.netns}", *words], seconds)

    def ip(self, words):
        return run(["ip", "-n", self.netns, *words.split()])

    def talk(self, verb, *words):
        return self.run(os.path.join(HERE, "inside", "talk"), verb, self.directory, *map(str, words))

    def size(self, mtu):
        """Of a VM."""
        self.ip(f"link set dev eth0 mtu {mtu}")
        self.ip(f"link set dev eth0.{VLAN} mtu {mtu - 4}")

    def offloads(self, state):
        self.run("ethtool", "-K", "eth0", "tx", state, "txvlan", state, "tx-vlan-stag-hw-insert", state)

    def make_vm(self, letter):
        self.run("sh", "-c", "for name in default eth0; do "
                             "echo 1 >/proc/sys/net/ipv6/conf/$name/disable_ipv6; done")
        self.ip(f"address add {VM_ADDRESS[letter]}/24 dev eth0")
        self._make_vlan_device()
        self.ip(f"link set dev eth0.{VLAN} address {VM_MAC[letter]}")
        self.ip(f"address add {TAGGED_ADDRESS[letter]}/24 dev eth0.{VLAN}")
        self.ip(f"link set dev eth0.{VLAN} up")

    def _make_vlan_device(self):
        """It ends with the namespace."""
        words = ["nsenter", f"--net=/run/netns/{self.netns}", os.path.join(HERE, "vlan-device"), "eth0",
                 f"eth0.{VLAN}", str(VLAN)]
        # pylint: disable=consider-using-with
        device = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if device.stdout.readline() != "ready\n":
            raise InteropError(f"{self.netns}: no VLAN device: see above")


class XgreHost:
    """Host A: xgre here."""

    ADDRESS = {4: "198.18.0.1", 6: "2001:db8:1::1"}

    def __init__(self, lab):
        self.lab = lab
        self.place = Place(lab.host_a, lab.state)
        self.vm = Place(lab.vm_a, os.path.join(lab.state, "talk-a"))
        self.vm.make_vm("a")
        self.place.ip(f"address add {self.ADDRESS[6]}/64 dev uplink0 nodad")

    def xgre(self, *words):
        return run([self.lab.xgre, "--instance", self.lab.instance, "--netns", self.lab.host_a, *words])

    def join(self, row, remote, path):
        """By TC the VM leaves checksums and segments to the host, which is what XDP cannot take."""
        self.vm.offloads("off" if path == "XDP" else "on")
        self.vm.size(row.inner_mtu)
        xdp = "on" if path == "XDP" else "off"
        self.xgre("attach", "uplink0", "--local", self.ADDRESS[row.family], "--xdp", xdp)
        self.xgre("network", "add", "lan", *row.network.split())
        self.xgre("port", "add", self.lab.port, "--network", "lan")
        self.xgre("peer", "add", remote, "--network", "lan", *row.ours_peer.split())

    def leave(self):
        """Also what an earlier row has left when it failed."""
        if os.path.isdir(f"/sys/fs/bpf/xgre/{self.lab.instance}"):
            self.xgre("detach", "--all")

    def announced_mtu(self):
        return json.loads(self.xgre("network", "show", "--json"))[0]["mtu"]

    def verdicts(self):
        """(program, verdict, is it a drop) of each that frames have met."""
        found = json.loads(self.xgre("stats", "--json"))["verdicts"]
        return {(one["program"], one["verdict"], one["drop"]): one["packets"] for one in found if one["packets"]}


class OvsUserSpace:
    """Open vSwitch with its user-space data path, in a namespace of this machine."""

    ADDRESS = {4: "198.18.0.2", 6: "2001:db8:1::2"}

    def __init__(self, lab):
        self.place = Place(lab.host_b, lab.state)
        self.vm = Place(lab.vm_b, os.path.join(lab.state, "talk-b"))
        self.vm.make_vm("b")
        self.vm.offloads("off")
        self.port = lab.port_b
        self.directory = os.path.join(lab.state, "ovs")
        os.mkdir(self.directory)
        # It reads packets, not what GRO made of them.
        for device in ("uplink0", self.port):
            self.place.run("ethtool", "-K", device, "gro", "off")
        self._start()

    def _start(self):
        database = f"unix:{self.directory}/db"
        self._ovs("ovsdb-tool", "create", f"{self.directory}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        detach = ("--detach", "--no-chdir", "--pidfile", "--log-file")
        self._ovs("ovsdb-server", f"{self.directory}/conf.db", f"--remote=p{database}", *detach)
        self._ovs("ovs-vswitchd", database, "--disable-system", *detach)
        # Tunnel packets leave and arrive by the bridge that has the addresses and the wire.
        self.place.ip("address flush dev uplink0")
        self._vsctl("add-br phy -- set bridge phy datapath_type=netdev -- add-port phy uplink0")
        self.place.ip(f"address add {self.ADDRESS[4]}/24 dev phy")
        self.place.ip(f"address add {self.ADDRESS[6]}/64 dev phy nodad")
        self.place.ip("link set dev phy up")

    def _ovs(self, *words):
        directories = [f"OVS_{name}DIR={self.directory}" for name in ("RUN", "LOG", "DB", "SYSCONF")]
        return self.place.run("env", *directories, *words)

    def _vsctl(self, words):
        return self._ovs("ovs-vsctl", "--timeout=30", f"--db=unix:{self.directory}/db", *words.split())

    def version(self):
        version = re.search(r"\d[\d.]+", run(["ovs-vswitchd", "--version"])).group(0)
        return f"Open vSwitch {version}, user-space data path"

    def join(self, row, remote):
        self.vm.size(row.inner_mtu)
        self._vsctl(f"add-br lan -- set bridge lan datapath_type=netdev -- add-port lan {self.port} "
                    f"-- add-port lan gre0 -- set interface gre0 type=gre "
                    f"options:remote_ip={remote} {row.options}")

    def leave(self):
        self._vsctl("--if-exists del-br lan")


class GuestMachine:
    """Debian's kernel in QEMU, with all that may be host B in it. It goes with the lab."""

    ADDRESS = {4: "198.18.0.3", 6: "2001:db8:1::3"}
    MAC = "02:00:00:00:00:0b"

    def __init__(self, lab):
        self.lab = lab
        self.guest = Guest(os.path.join(lab.state, "guest"))
        say("making a guest with Debian's kernel, and booting it")
        self._make()
        self._boot()
        addresses = [f"{self.ADDRESS[4]}/24", f"{self.ADDRESS[6]}/64"]
        self.run("host-b", "up", *addresses, "--", VM_MAC["b"], f"{VM_ADDRESS['b']}/24", f"{TAGGED_ADDRESS['b']}/24")
        self.kernel = self.run("uname", "-r").strip()

    def _make(self):
        initrd = os.path.join(self.lab.state, "initrd")
        words = [os.path.join(GUEST, "make"), "--output", initrd, "--with-xgre", self._stripped(self.lab.xgre, "xgre")]
        for name in ("talk", "host-b"):
            words += ["--program", os.path.join(HERE, "inside", name)]
        for name in ("ovsdb-server", "ovsdb-tool", "ovs-appctl", "ovs-vsctl", "ovs-vswitchd", "ping", "socat"):
            words += ["--program", shutil.which(name)]
        if self.lab.test_bpf:
            words += ["--program", self._stripped(self.lab.test_bpf, "test_bpf")]
        words += ["--file", "/usr/share/openvswitch/vswitch.ovsschema", "--spare", "openvswitch"]
        for module in ("8021q", "ip_gre", "ip6_gre", "crc32c_generic"):  # the last is for openvswitch
            words += ["--module", module]
        run(words, SECONDS)

    def _stripped(self, path, name):
        """Without debug information a binary is a tenth, which software emulation unpacks sooner."""
        stripped = os.path.join(self.lab.state, name)
        run(["strip", "-o", stripped, path])
        return stripped

    def _boot(self):
        tap = "to-guest"
        for words in (f"tuntap add dev {tap} mode tap vnet_hdr", f"link set dev {tap} master br0 addrgenmode none",
                      f"link set dev {tap} up"):
            run(["ip", "-n", self.lab.switch, *words.split()])
        words = [os.path.join(GUEST, "run"), "--dir", self.guest.directory, "--name", "host-b"]
        words += ["--initrd", os.path.join(self.lab.state, "initrd"), "--memory", "768", "--timeout", "600"]
        words += ["--nic", f"{self.lab.switch},{tap},{self.MAC}"]
        say(run(words, 700).strip())

    def run(self, *words, seconds=SECONDS):
        code, out, err = self.try_run(*words, seconds=seconds)
        if code != 0:
            raise InteropError(f"{shlex.join(words)}: exit code {code} in the guest: {cause_in(err or out)}")
        return out

    def try_run(self, *words, seconds=SECONDS):
        code, out, err = self.guest.run(shlex.join(words), seconds)
        return code, out.decode(errors="replace"), err.decode(errors="replace")


class GuestVm:
    def __init__(self, machine):
        self.machine = machine

    def talk(self, verb, *words):
        return self.machine.run("nsenter", "--net=/run/netns/peer-vm", "talk", verb, "/tmp/talk", *map(str, words))


class GuestHost:
    """Host B in the guest: each kind in the words of inside/host-b."""

    ADDRESS = GuestMachine.ADDRESS

    def __init__(self, lab):
        self.machine = lab.guest()
        self.vm = GuestVm(self.machine)

    def join(self, row, remote):
        self.machine.run("host-b", "size", str(row.inner_mtu))
        self.machine.run("host-b", "join", *self.words(row, remote))

    def leave(self):
        self.machine.run("host-b", "leave")


class Gretap(GuestHost):
    def version(self):
        return f"Linux {self.machine.kernel}, gretap in a bridge"

    @staticmethod
    def _kind(row):
        return "gretap" if row.family == 4 else "ip6gretap"

    def words(self, row, remote):
        local = self.ADDRESS[row.family]
        return ["gretap", self._kind(row), "local", local, "remote", remote, *row.options.split()]


class OvsKernel(GuestHost):
    def version(self):
        version = re.search(r"\d[\d.]+", self.machine.run("ovs-vswitchd", "--version")).group(0)
        return f"Open vSwitch {version}, data path of Linux {self.machine.kernel}"

    def words(self, row, remote):
        return ["ovs", f"options:remote_ip={remote}", f"options:local_ip={self.ADDRESS[row.family]}",
                *row.options.split()]


class XgreThere(GuestHost):
    def version(self):
        return f"xgre on Linux {self.machine.kernel}"

    def words(self, row, remote):
        return ["xgre", self.ADDRESS[row.family], remote, *row.network.split(), "--", *row.ours_peer.split()]


PEERS = {"gretap": Gretap, "ovs-kernel": OvsKernel, "ovs-user-space": OvsUserSpace, "xgre-6.1": XgreThere}
