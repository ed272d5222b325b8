"""Hosts that are tuned from afar: the same by every way, and given back when the block ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import namespaces
from harness.bench.links import netlink
from harness.config.inventory import HostEntry
from harness.errors import HostError
from harness.fleet.fleet import open_fleet

from .far_hosts import make_link
from .real_host import bytes_of
from .sandbox import in_sandbox
from .tuned_hosts import FILE, other_value, request, ways


@in_sandbox
def test_every_way_leads_to_the_same_plan(tmp_path: Path) -> None:
    with ways(tmp_path, "local", "netns", "ssh") as hosts, open_fleet(hosts) as fleet:
        asked = request(other_value())
        replies = fleet.ask("plan", {host.name: asked for host in hosts})
        here, there, far = (replies[host.name] for host in hosts)
    assert here["ok"]
    assert [op["state"] for op in here["ops"]] == ["change"]
    assert here["ops"] == there["ops"] == far["ops"]
    assert here["roles"] == there["roles"] == far["roles"]


@pytest.mark.parametrize("kind", ["local", "netns", "ssh"])
@in_sandbox
def test_a_host_is_tuned_for_a_block_and_is_as_before(tmp_path: Path, kind: str) -> None:
    with ways(tmp_path, kind) as (host,):
        before, value = bytes_of(FILE), other_value()
        with open_fleet([host]) as fleet:
            with fleet.armed({host.name: request(value)}) as replies:
                assert bytes_of(FILE) == b"%d\n" % value
                proofs = fleet.ask("verify", {host.name: request(value)})[host.name]["proofs"]
                assert [proof["holds"] for proof in proofs if proof["level"] == "readback"] == [
                    True
                ]
            assert bytes_of(FILE) == before
            assert [item["state"] for item in replies[host.name]["restored"]] == ["restored"]


@in_sandbox
def test_another_build_on_one_host_keeps_both_from_being_armed(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    with ways(tmp_path, "netns", "ssh") as hosts:
        before, value = bytes_of(FILE), other_value()
        named = [
            HostEntry(host.name, host.transport, artifacts={"build": str(tmp_path / name)})
            for host, name in zip(hosts, ("one", "two"), strict=True)
        ]
        with (
            open_fleet(named) as fleet,
            pytest.raises(HostError, match="build is not the same everywhere: 6b86b273ff34 on lab"),
            fleet.armed({host.name: request(value) for host in named}),
        ):
            pytest.fail("armed")
        assert bytes_of(FILE) == before


@in_sandbox
def test_a_card_of_a_namespace_is_tuned_there_and_nowhere_else(tmp_path: Path) -> None:
    """The one of the same name here is another one."""
    with ways(tmp_path, "netns") as (host,), open_fleet([host]) as fleet:
        make_link("feed0")
        ours = bytes_of("/sys/class/net/feed0/tx_queue_len")
        there = f"{host.transport.netns}"
        wish = {"knob": "nic.txqueuelen", "interface": "feed0", "value": 77}
        with fleet.armed({host.name: {"wishes": [wish]}}) as replies:
            assert [op["state"] for op in replies[host.name]["ops"]] == ["change"]
            assert queue_in(there) == 77
            assert bytes_of("/sys/class/net/feed0/tx_queue_len") == ours
        assert queue_in(there) == int(ours)


def queue_in(namespace: str) -> int:
    def read() -> int:
        with netlink("queue") as ip:
            (link,) = ip.link("get", ifname="feed0")
            return int(link.get("txqlen"))

    return namespaces.inside(namespaces.RUN_DIR / namespace, read)
