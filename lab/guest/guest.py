# SPDX-License-Identifier: GPL-2.0-only
"""A running guest, found by its directory: control socket, QEMU's monitor, process id."""

import base64
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
import uuid


class GuestError(Exception):
    """Object, cause and way out, in one line."""


class Lines:
    """A unix stream socket read line by line, each with a deadline."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.rest = b""

    def write(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def read(self, deadline):
        while b"\n" not in self.rest:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace").strip()


class Guest:
    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.name = os.path.basename(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def pid(self):
        """The guest's QEMU, or None: a process id is used again by others, so its command line is checked."""
        try:
            with open(self.path("pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return pid if self.path("control").encode() in file.read() else None
        except (OSError, ValueError):
            return None

    def wait_ready(self, seconds):
        """Until the guest's control loop says that it listens. True if it did."""
        lines = Lines(self.path("control"))
        try:
            while lines.read(time.monotonic() + seconds) != "ready":
                pass
            return True
        except (ConnectionError, TimeoutError):
            return False

    def run(self, command, seconds):
        """A shell command in the guest: (exit code, stdout, stderr). One at a time."""
        if self.pid() is None:
            raise GuestError(f"{self.name}: the guest does not run: start it with lab/guest/run")
        with open(self.path("control.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = Lines(self.path("control"))
            name = uuid.uuid4().hex
            text = base64.b64encode(command.encode()).decode()
            lines.write(f"{name} {seconds} {text}")
            try:
                return self._answer(lines, name, time.monotonic() + seconds + 10)
            except TimeoutError:
                raise GuestError(f"{self.name}: no answer in {seconds} s: read {self.path('console.log')}") from None

    @staticmethod
    def _answer(lines, name, deadline):
        streams = {"out": b"", "err": b""}
        while lines.read(deadline) != f"begin {name}":  # what is left of a client that gave up
            pass
        while True:
            kind, *words = lines.read(deadline).split()
            if kind == "end":
                return int(words[1]), streams["out"], streams["err"]
            streams[kind] += base64.b64decode(words[0])

    def monitor(self, command, **arguments):
        """One QMP command: its answer."""
        lines = Lines(self.path("monitor"))
        deadline = time.monotonic() + 10
        lines.read(deadline)
        for name, values in (("qmp_capabilities", {}), (command, arguments)):
            lines.write(json.dumps({"execute": name, "arguments": values}))
            while "return" not in (answer := json.loads(lines.read(deadline))):
                pass
        return answer["return"]

    def processes(self):
        """All that run for this guest, and the signal that ends each: its QEMU, and a lab/guest/run at work on it.
        Not by the pid file alone: one that was killed while QEMU started has left QEMU and no file."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:  # it has just ended
                continue
            is_qemu = "qemu-system" in words[0] and any(self.path("control") + "," in word for word in words)
            is_run = any(word.endswith("lab/guest/run") for word in words[:2]) and self.directory in words
            if is_qemu:  # it has no disk that could be harmed
                found[int(entry)] = signal.SIGKILL
            elif is_run and int(entry) != os.getpid():
                found[int(entry)] = signal.SIGTERM
        return found

    def stop(self):
        """Returns when all of it is gone."""
        while processes := self.processes():
            for pid, number in processes.items():
                end(pid, number)


def end(pid, number):
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, number)
        select.select([handle], [], [], 10)  # readable when it has ended
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def main(body):
    """Runs a command's body: a GuestError becomes one line and exit code 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(body())
    except GuestError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
