"""redline-dpdk: our round trips and floods over DPDK's devices, in a process that is DPDK's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# No huge pages, no PCI devices, nothing shared with other DPDK processes of the host.
EAL = ("--no-huge", "--no-pci", "-m", "256", "--no-telemetry", "--no-shconf", "--log-level=3")


@pytest.fixture(scope="module")
def tool() -> str:
    path = Path(sys.executable).with_name("redline-dpdk")
    if not path.exists():
        pytest.skip("redline-dpdk was not built: needs libdpdk-dev")
    return str(path)


@pytest.fixture(scope="module")
def cpus() -> str:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("needs two CPUs")
    return f"{allowed[0]},{allowed[1]}"


def run(*command: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    line = done.stdout.splitlines()[-1:] or ["{}"]
    said = json.loads(line[0]) if line[0].startswith("{") else {}
    return done.returncode, said, done.stderr


def test_round_trips_over_a_pair_of_rings_all_come_back(tool: str, cpus: str) -> None:
    code, said, _ = run(tool, "rtt", "--rings", "--count", "2000", "--cpus", cpus, "--", *EAL)
    assert code == 0
    assert (said["backend"], said["mode"]) == ("dpdk", "net_ring")
    assert said["rtt_ns"]["n"] == 2000
    assert said["lost"] == 0
    assert 0 < said["rtt_ns"]["min"] <= said["rtt_ns"]["p50"] <= said["rtt_ns"]["max"]


def test_a_device_that_brings_frames_back_needs_no_second_one(tool: str, cpus: str) -> None:
    code, said, _ = run(
        *(tool, "rtt", "--from", "0", "--to", "0", "--count", "500", "--cpus", cpus),
        *("--", *EAL, "--vdev=net_ring0"),
    )
    assert (code, said["rtt_ns"]["n"], said["lost"]) == (0, 500, 0)


def test_a_flood_arrives_in_order_and_whole(tool: str, cpus: str) -> None:
    # No more than the rings hold: whatever the host does to the receiver, nothing has to be lost.
    code, said, _ = run(tool, "flood", "--rings", "--count", "1000", "--cpus", cpus, "--", *EAL)
    assert code == 0
    assert (said["sent"], said["arrived"], said["gaps"], said["corrupt"]) == (1000, 1000, 0, 0)


def test_frames_that_nobody_returns_are_lost_and_said_to_be(tool: str, cpus: str) -> None:
    code, said, _ = run(
        *(tool, "rtt", "--from", "0", "--to", "0", "--count", "3", "--cpus", cpus),
        *("--", *EAL, "--vdev=net_null0,no-rx=1"),
    )
    assert code == 1
    assert said["answered"] == 0


@pytest.fixture
def veth() -> Iterator[tuple[str, str, str]]:
    """A namespace with both ends of a pair of virtual interfaces in it."""
    if os.geteuid() != 0 or shutil.which("nsenter") is None:
        pytest.skip("needs root and nsenter for a namespace of its own")
    from pyroute2 import NetNS, netns

    name = f"rl-{os.getpid():08x}-dpdk"
    netns.create(name)
    try:
        with NetNS(name) as inside:
            inside.link("add", ifname="ve0", kind="veth", peer={"ifname": "ve1"})
            for end in ("ve0", "ve1"):
                inside.link("set", index=inside.link_lookup(ifname=end)[0], state="up")
        yield name, "ve0", "ve1"
    finally:
        netns.remove(name)


def test_the_packet_driver_carries_round_trips_between_virtual_interfaces(
    tool: str, cpus: str, veth: tuple[str, str, str]
) -> None:
    namespace, one, other = veth
    code, said, err = run(
        *("nsenter", f"--net=/run/netns/{namespace}", tool, "rtt", "--count", "500"),
        *("--cpus", cpus, "--", *EAL),
        *(f"--vdev=net_af_packet0,iface={one}", f"--vdev=net_af_packet1,iface={other}"),
    )
    assert code == 0, err
    assert (said["mode"], said["rtt_ns"]["n"], said["lost"]) == ("net_af_packet", 500, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "rtt or flood"),
        (("sing",), 2, "rtt or flood: sing"),
        (("rtt", "--count", "many"), 2, "--count: many"),
        (("rtt", "--count", "0"), 2, "--count: 0"),
        (("rtt", "--cpus", "0"), 2, "--cpus: 0"),
        (("rtt", "--speed", "9"), 2, "--speed"),
        (("rtt", "--count"), 2, "--count"),
        (("rtt", "--", *EAL), 3, "device 0: there is none"),
    ],
)
def test_a_mistake_is_one_line_and_a_code(
    tool: str, arguments: tuple[str, ...], code: int, says: str
) -> None:
    seen, said, err = run(tool, *arguments)
    assert (seen, said) == (code, {})
    assert says in err.splitlines()[-1]
