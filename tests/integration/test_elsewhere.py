"""Without what only Linux, or only POSIX, has: as far as that can be tried on Linux."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Takes away what a system doesn't have; in the tests' process, and in the relay's before it loads anything.
WITHOUT = """
import os, select, signal, _socket, sys, time
for module in {modules!r}:
    sys.modules[module] = None
for module, names in {names!r}.items():
    for name in names:
        if hasattr(sys.modules.get(module), name):
            delattr(sys.modules[module], name)
sys.platform = {platform!r}
"""

MACOS = {
    "platform": "darwin",
    "modules": [],
    "names": {
        "os": ["pidfd_open", "splice", "eventfd"],
        "select": ["epoll", *[name for name in dir(__import__("select")) if name.startswith("EPOLL")], "POLLRDHUP"],
    },
}
WINDOWS = {
    "platform": "win32",
    "modules": ["resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"],
    "names": {
        **MACOS["names"],
        "os": [*MACOS["names"]["os"], "fork", "register_at_fork", "geteuid", "getuid", "getsid", "killpg", "setsid"],
        "select": [*MACOS["names"]["select"], "poll"],
        "signal": ["SIGKILL", "SIGUSR1", "pidfd_send_signal"],
        "socket": ["AF_UNIX", "CMSG_SPACE", "CMSG_LEN", "MSG_DONTWAIT", "SCM_RIGHTS", "send_fds", "recv_fds"],
        "_socket": ["AF_UNIX", "CMSG_SPACE", "CMSG_LEN", "MSG_DONTWAIT", "SCM_RIGHTS", "socketpair"],
    },
}

SUITE = """
import socket, subprocess, tempfile, threading, pathlib, pytest  # and what they need of what is taken away
{without}
from pytest_netchaos.engines import relay_process
boot = relay_process._BOOT.replace("import sys; ", "")
# Linux needs SO_REUSEADDR to bind a port that has connections; Windows doesn't.
boot = boot.replace("; main(", "; from netchaos_relay import sockets; sockets._IS_WINDOWS = False; main(")
relay_process._BOOT = {boot!r} + boot
if sys.platform == "win32":  # what Popen does there can't be done here
    sys.platform = {here!r}

import pytest_netchaos.plugin
from pytest_netchaos import open_network

def both(link, server):
    client = socket.create_connection(link.address, 10)
    return client, server.accept()[0]

with open_network() as network, socket.create_server(("127.0.0.1", 0)) as server:
    link = network.link(server.getsockname(), name="db")
    client, peer = both(link, server)
    client.sendall(b"ping")
    assert peer.recv(4) == b"ping"
    peer.sendall(b"pong")
    assert client.recv(4) == b"pong"
    with link.delay(0.05):
        began = time.monotonic()
        client.sendall(b"late")
        assert peer.recv(4) == b"late"
        assert time.monotonic() - began >= 0.05
    with link.stall():
        client.sendall(bytes(100_000))
        client.close()
    count = 0
    while data := peer.recv(1 << 16):
        count += len(data)
    assert count == 100_000
    with link.refuse():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(link.address)
    client, peer = both(link, server)
    link.wait_for_connection(2)
    client.sendall(b"ping")
    assert peer.recv(4) == b"ping"
    assert [dial.outcome for dial in link.dials] == ["served", "refused", "served"]
    assert "any system but Linux" in link.dials.blind
print("done")
"""


@pytest.mark.parametrize("system", [MACOS, WINDOWS], ids=["macOS", "Windows"])
def test_a_link_works_without_what_the_system_lacks(tmp_path, system):
    without = WITHOUT.format(**system)
    script = tmp_path / "suite.py"
    escaped = without.replace("{", "{{").replace("}", "}}")  # it goes through format() once more
    script.write_text(SUITE.format(without=without, boot=escaped, here=sys.platform))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
