from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.docker import route
from pytest_netchaos.services.docker.route import Route, Surroundings, WayBack, gateway_of, survey

SOCKET = "unix:///var/run/docker.sock"
LINUX = {"OperatingSystem": "Debian GNU/Linux 12", "SecurityOptions": ["name=seccomp,profile=default"], "Name": "vm"}
DESKTOP = {"OperatingSystem": "Docker Desktop", "SecurityOptions": None}
ROOTLESS = {**LINUX, "SecurityOptions": ["name=seccomp", "name=rootless"]}
GATEWAY = "172.17.0.1"


def way(url=SOCKET, info=LINUX, gateway=GATEWAY, local="192.168.1.5", outside="", setting=""):
    return Route(Surroundings(url, info, gateway, local, outside), setting)


def test_linux():
    linux = way()
    assert linux.is_local
    assert linux.is_native
    assert (linux.dial_host, linux.publish_at) == ("127.0.0.1", "127.0.0.1")
    assert linux.way_back == WayBack(GATEWAY, "host.docker.internal")
    assert linux.extra_hosts == {"host.docker.internal": GATEWAY}


def test_docker_desktop():
    desktop = way("unix:///home/me/.docker/run/docker.sock", DESKTOP)
    assert desktop.is_local
    assert not desktop.is_native
    assert (desktop.dial_host, desktop.publish_at) == ("127.0.0.1", "127.0.0.1")
    assert desktop.way_back == WayBack("127.0.0.1", "host.docker.internal")
    assert desktop.extra_hosts == {"host.docker.internal": "host-gateway"}


def test_rootless_says_what_it_needs():
    rootless = way("unix:///run/user/1000/docker.sock", ROOTLESS)
    assert rootless.is_local
    assert not rootless.is_native
    assert (rootless.dial_host, rootless.publish_at) == ("127.0.0.1", "127.0.0.1")
    with pytest.raises(
        ServiceError, match=r"rootless.*DISABLE_HOST_LOOPBACK=false.*--netchaos-docker-host=10\.0\.2\.2"
    ):
        _ = rootless.way_back
    assert rootless.extra_hosts == {}


def test_rootless_with_the_setting():
    rootless = way("unix:///run/user/1000/docker.sock", ROOTLESS, setting="10.0.2.2")
    assert rootless.way_back == WayBack("127.0.0.1", "10.0.2.2")
    assert rootless.extra_hosts == {"host.docker.internal": "10.0.2.2"}


@pytest.mark.parametrize("url", ["tcp://build.example:2376", "ssh://me@build.example", "https://build.example:2376"])
def test_a_remote_daemon(url):
    remote = way(url)
    assert not remote.is_local
    assert not remote.is_native
    assert (remote.dial_host, remote.publish_at) == ("build.example", "0.0.0.0")
    with pytest.raises(ServiceError) as caught:
        _ = remote.way_back
    assert f"the daemon is at {url}. --netchaos-docker-host=192.168.1.5 is probably right" in str(caught.value)
    assert remote.extra_hosts == {}


def test_a_remote_daemon_that_nobody_knows_a_way_to():
    with pytest.raises(ServiceError, match="Set --netchaos-docker-host to the address of this machine"):
        _ = way("tcp://build.example:2376", local="").way_back


def test_a_daemon_on_this_machine_by_tcp():
    tcp = way("tcp://127.0.0.1:2375")
    assert (tcp.dial_host, tcp.publish_at) == ("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("192.168.1.5", WayBack("192.168.1.5", "192.168.1.5")),
        ("fd00::5", WayBack("fd00::5", "fd00::5")),
        ("runner.example", WayBack("0.0.0.0", "runner.example")),
        ("runner.example@10.0.0.7", WayBack("10.0.0.7", "runner.example")),
        ("203.0.113.9@10.0.0.7", WayBack("10.0.0.7", "203.0.113.9")),
    ],
)
@pytest.mark.parametrize("info", [LINUX, DESKTOP, ROOTLESS])
@pytest.mark.parametrize("url", [SOCKET, "tcp://docker:2375"])
def test_the_setting_wins_everywhere(url, info, setting, expected):
    assert way(url, info, setting=setting).way_back == expected


def test_docker_in_docker():
    dind = way("tcp://docker:2375", local="172.18.0.3", setting="172.18.0.3")
    assert (dind.dial_host, dind.publish_at) == ("docker", "0.0.0.0")
    assert dind.extra_hosts == {"host.docker.internal": "172.18.0.3"}


def test_in_a_container_with_the_machines_socket():
    sibling = way(outside="172.18.0.1", local="172.18.0.3")
    assert not sibling.is_local
    assert (sibling.dial_host, sibling.publish_at) == ("172.18.0.1", "172.18.0.1")
    with pytest.raises(
        ServiceError, match=r"outside of this container\. --netchaos-docker-host=172.18.0.3 is probably"
    ):
        _ = sibling.way_back


def test_no_default_bridge():
    with pytest.raises(ServiceError, match=r"--bridge=none"):
        _ = way(gateway="").way_back


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}], "172.17.0.9"),
        ([{"Subnet": "172.17.0.0/16"}], "172.17.0.1"),
        ([{"Subnet": "fd00::/64", "Gateway": "fd00::1"}, {"Subnet": "10.1.0.0/24"}], "10.1.0.1"),
        ([], ""),
        (None, ""),
    ],
)
def test_the_gateway_of_a_network(config, expected):
    assert gateway_of({"IPAM": {"Config": config}}) == expected


def test_a_network_without_addresses():
    assert gateway_of({}) == ""


def test_the_default_gateway():
    table = (
        "Iface\tDestination\tGateway \tFlags\n"
        "eth0\t000012AC\t00000000\t0001\t0\n"
        "eth0\t00000000\t010012AC\t0003\t0\n"
    )  # fmt: skip
    assert route._default_gateway(table) == "172.18.0.1"
    assert route._default_gateway("Iface\tDestination\tGateway\n") == ""


def test_a_survey_of_this_machine():
    found = survey(SOCKET, {**LINUX, "Name": route.platform.node()}, GATEWAY)
    assert found.outside == ""
    assert (found.url, found.gateway) == (SOCKET, GATEWAY)
    assert survey("tcp://127.0.0.1:2375", LINUX, "").local_address == "127.0.0.1"
    assert survey("tcp://no-such-host.invalid:2375", LINUX, "").local_address == ""


def test_importing_any_of_it_imports_no_docker():
    code = (
        "import sys\n"
        "from pytest_netchaos.services.docker import (container, daemon, guarding, images, inspection, owner, publish,"
        " reaper, route, session, sweep, trouble)\n"
        "import pytest_netchaos.services.redis_container, pytest_netchaos.services.redis_at\n"
        "print({'docker', 'requests', 'urllib3'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
