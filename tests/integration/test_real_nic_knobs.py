"""Knobs of network cards on real interfaces: a veth pair and a TAP in a network of their own.

Planned, written by the journal, put back; and what the kernel refuses is called by its name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.bench.links import netlink
from harness.tuning import management, owner
from harness.tuning.apply import apply
from harness.tuning.cards import irqs_of, not_shown
from harness.tuning.ethtool import GROUPS
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs import knob_of
from harness.tuning.knobs.base import Op, Roles, Scope, State, Wish
from harness.tuning.restore import commands, restore
from harness.tuning.settings import Gone
from harness.tuning.settings.ethtool import EthtoolSetting
from harness.tuning.settings.link import LinkSetting

from .sandbox import CLONE_NEWNET, in_sandbox, libc

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
COUNTING = ("statistics", "link")  # what changes by itself


def pair(name: str = "veth0") -> str:
    """A veth pair with two queues a direction; its other end is NAME-peer."""
    queues = {"num_tx_queues": 2, "num_rx_queues": 2}
    with netlink(name) as ip:
        ip.link("add", ifname=name, kind="veth", peer={"ifname": f"{name}-peer"}, **queues)
    return name


@contextlib.contextmanager
def tap(name: str = "tap0") -> Iterator[str]:
    try:
        fd = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"needs {TUN}: {error.strerror}")
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        yield name
    finally:
        os.close(fd)


def everything(host: Host, interface: str) -> dict[str, object]:
    """All that can be set on an interface, and what the card answers."""
    seen: dict[str, object] = {}
    for group in GROUPS:
        if group not in COUNTING:
            with contextlib.suppress(OSError):
                seen[group] = host.ethtool.get(interface, group)
    for path in sorted(Path(f"/sys/class/net/{interface}").rglob("*")):
        if path.is_file() and "statistics" not in path.parts:
            with contextlib.suppress(OSError):
                seen[str(path)] = path.read_bytes()
    return seen


def scope(**protected: str) -> Scope:
    return Scope(Host(), Roles((1,), (0,), (0,)), protected)


def wish(knob: str, value: object, interface: str) -> Wish:
    return Wish(knob, knob_of(knob).parse(value), interface)


def planned(knob: str, value: object, interface: str, where: Scope | None = None) -> list[Op]:
    return knob_of(knob).plan(where or scope(), wish(knob, value, interface))


@contextlib.contextmanager
def applied(ops: list[Op], folder: Path) -> Iterator[list[Op]]:
    """By the journal; put back afterwards, and everything is as it was."""
    host = Host()
    journal = Journal.create(folder, owner=owner.myself(), title="test")
    yield apply(ops, host, journal)
    done = restore(host, journal)
    assert [item for item in done.items if item.state not in ("restored", "unchanged")] == []
    journal.close()


VETH: Mapping[str, object] = {
    "nic.offloads": {"sg": "off", "tso": "off", "gso": "off", "rxvlan": "off", "gro": "on"},
    "nic.channels": {"rx": 1, "tx": 1},
    "nic.txqueuelen": 100,
    "nic.mtu": 1400,
    "nic.gro-flush": 20000,
    "nic.napi-defer": 2,
    "nic.rps": "0",
    "nic.rfs": 256,
    "nic.xps": "spread 0-1",
}
TAP: Mapping[str, object] = {
    "nic.coalesce": {"rx-frames": 4},
    "nic.offloads": {"gro": "off", "txvlan": "off"},
    "nic.txqueuelen": 77,
    "nic.rps": "0",
}


@pytest.mark.parametrize(("knob", "value"), VETH.items())
def test_on_a_veth_what_is_planned_takes_hold_and_is_put_back(
    knob: str, value: object, tmp_path: Path
) -> None:
    @in_sandbox
    def scenario() -> None:
        check_life(knob, value, pair(), tmp_path)

    scenario()


@pytest.mark.parametrize(("knob", "value"), TAP.items())
def test_on_a_tap_what_is_planned_takes_hold_and_is_put_back(
    knob: str, value: object, tmp_path: Path
) -> None:
    @in_sandbox
    def scenario() -> None:
        with tap() as name:
            check_life(knob, value, name, tmp_path)

    scenario()


def check_life(knob: str, value: object, interface: str, tmp_path: Path) -> None:
    before = everything(Host(), interface)
    ops = planned(knob, value, interface)
    assert State.CHANGE in {op.state for op in ops}
    with applied(ops, tmp_path) as done:
        assert {op.state for op in done} <= {State.CHANGE, State.NOOP}
        assert everything(Host(), interface) != before
        assert {op.state for op in planned(knob, value, interface)} == {State.NOOP}
    assert everything(Host(), interface) == before


@in_sandbox
def test_all_knobs_of_an_interface_at_once_are_put_back_to_the_byte(tmp_path: Path) -> None:
    name = pair()
    before = everything(Host(), name)
    ops = [op for knob, value in VETH.items() for op in planned(knob, value, name)]
    with applied(ops, tmp_path) as done:
        unmet = [op for op in done if op.state not in (State.CHANGE, State.NOOP)]
        assert {op.state for op in unmet} == {State.UNSUPPORTED}
        # With half the queues gone, so are their files.
        assert all("/queues/tx-1/" in op.target or "/queues/rx-1/" in op.target for op in unmet)
    assert everything(Host(), name) == before


@in_sandbox
def test_what_rests_on_a_feature_that_is_switched_off_comes_back_with_it(tmp_path: Path) -> None:
    name = pair()
    before = Host().ethtool.get(name, "features")
    assert before["tx-tcp-segmentation"] == "on"
    with applied(planned("nic.offloads", {"tx-scatter-gather": "off"}, name), tmp_path):
        now = Host().ethtool.get(name, "features")
        assert now["tx-tcp-segmentation"] == "off [requested on]"
    assert Host().ethtool.get(name, "features") == before


@in_sandbox
def test_a_queue_that_goes_and_comes_back_is_set_as_it_was(tmp_path: Path) -> None:
    name = pair()
    queues = Path(f"/sys/class/net/{name}/queues")
    (queues / "tx-1/xps_cpus").write_text("2")
    (queues / "rx-1/rps_cpus").write_text("1")
    before = everything(Host(), name)
    ops = planned("nic.channels", {"tx": 1, "rx": 1}, name)
    assert [op.before for op in ops] == ["2 [tx-1/xps_cpus=2]", "2 [rx-1/rps_cpus=1]"]
    with applied(ops, tmp_path):
        assert not (queues / "tx-1").exists()
    assert everything(Host(), name) == before


@in_sandbox
def test_what_somebody_else_set_on_a_card_meanwhile_stays_and_is_told(tmp_path: Path) -> None:
    with tap() as name:
        host, journal = Host(), Journal.create(tmp_path, owner=owner.myself(), title="test")
        apply(planned("nic.coalesce", {"rx-frames": 4}, name), host, journal)
        host.ethtool.set(name, "coalesce", "rx-frames", "9")
        (item,) = restore(host, journal).items
        assert (item.state, item.seen, item.before) == ("foreign", "9", "0")
        assert host.ethtool.get(name, "coalesce")["rx-frames"] == "9"
        journal.close()


# What cannot be


@in_sandbox
def test_a_refused_value_is_unsupported_and_the_others_are_written(tmp_path: Path) -> None:
    with tap() as name:
        asked = {"adaptive-rx": "on", "rx-frames": 4, "rx-usecs": 5, "tx-usecs": 0}
        with applied(planned("nic.coalesce", asked, name), tmp_path) as done:
            assert {op.target: op.state for op in done} == {
                "tap0 coalesce rx-frames": State.CHANGE,
                "tap0 coalesce rx-usecs": State.UNSUPPORTED,
                "tap0 coalesce tx-usecs": State.NOOP,  # what it has not is 0
                "tap0 coalesce adaptive-rx": State.UNSUPPORTED,
            }
            assert next(op.why for op in done if op.state is State.UNSUPPORTED)


@pytest.mark.parametrize(
    ("knob", "value", "why"),
    [
        ("nic.rings", {"rx": "max"}, "operation not supported"),
        ("nic.pause", {"rx": "off"}, "operation not supported"),
        ("nic.eee", {"enabled": "off"}, "operation not supported"),
        ("nic.irq-affinity", "0", "no interrupts of its own"),
        ("nic.offloads", {"lro": "on"}, "fixed by the driver"),
        ("nic.offloads", {"tx-nonsense": "on"}, "has no tx-nonsense"),
    ],
)
def test_what_a_veth_has_not_is_unsupported_for_a_reason(
    knob: str, value: object, why: str
) -> None:
    @in_sandbox
    def scenario() -> None:
        (op,) = planned(knob, value, pair())
        assert op.state is State.UNSUPPORTED
        assert why in op.why

    scenario()


@in_sandbox
def test_more_queues_than_there_are_is_an_error_of_its_own(tmp_path: Path) -> None:
    name = pair()
    with applied(planned("nic.channels", {"rx": 3}, name), tmp_path) as (op,):
        assert (op.state, op.why) == (State.FAILED, "invalid argument")


@pytest.mark.parametrize("name", ["eth7", "../../etc", "-o", "x" * 40, "\x1b[2J", ""])
def test_an_interface_that_is_not_there_gets_one_printable_line(name: str) -> None:
    @in_sandbox
    def scenario() -> None:
        for knob, value in VETH.items():
            (op,) = planned(knob, value, name)
            assert op.state is State.UNSUPPORTED
            assert op.why
            assert op.why.isprintable()

    scenario()


@in_sandbox
def test_the_way_to_the_machine_is_never_touched() -> None:
    name = pair()
    with netlink("route") as ip:
        index = socket.if_nametoindex(name)
        ip.link("set", index=index, state="up")
        ip.link("set", index=socket.if_nametoindex(f"{name}-peer"), state="up")
        ip.addr("add", index=index, address="192.0.2.1", prefixlen=24)
        ip.route("add", dst="0.0.0.0/0", gateway="192.0.2.254", oif=index)
    before = everything(Host(), name)
    where = scope(**management.read_protected(Host()))
    for knob, value in VETH.items():
        ops = planned(knob, value, name, where)
        assert {op.state for op in ops} <= {State.DENIED, State.NOOP}
        assert f"{name} has the IPv4 default route of table main" in {op.why for op in ops}
        assert {op.state for op in planned(knob, value, f"{name}-peer", where)} <= {
            State.DENIED,
            State.NOOP,
        }
    assert everything(Host(), name) == before


@in_sandbox
def test_files_of_another_namespaces_interface_are_not_written() -> None:
    pair()
    assert not_shown(Host(), "veth0") is None
    assert libc.unshare(CLONE_NEWNET) == 0  # /sys goes on showing the one before
    assert not_shown(Host(), "veth0") == "no veth0 in this network namespace"
    pair()
    pair("other")
    assert "/sys shows another network namespace" in (not_shown(Host(), "veth0") or "")
    assert not_shown(Host(), "other") == "/sys/class/net shows no other"
    (op,) = planned("nic.rfs", 256, "veth0")
    assert op.state is State.UNSUPPORTED


@in_sandbox
def test_an_interface_that_left_takes_its_settings_along() -> None:
    with tap() as name:
        settings = [EthtoolSetting(f"{name} coalesce rx-frames"), LinkSetting(f"{name} mtu")]
        assert [setting.read(Host()) for setting in settings] == ["0", "1500"]
    for setting in settings:
        with pytest.raises(Gone, match="no such interface"):
            setting.read(Host())
        with pytest.raises(Gone, match="no such interface"):
            setting.write(Host(), "1")


def test_a_card_of_this_machine_names_its_interrupts_or_says_that_it_has_none() -> None:
    for _, name in socket.if_nameindex():
        try:
            irqs = irqs_of(Host(), name)
        except OSError as error:
            said = error
        else:
            assert all(Path(f"/proc/irq/{irq}").is_dir() for irq in irqs)
            continue
        assert "no interrupts of its own" in str(said)


# Held against ethtool(8) and ip(8), where they are


@in_sandbox
def test_the_lines_that_are_printed_for_a_person_put_everything_back(tmp_path: Path) -> None:
    if not (shutil.which("ethtool") and shutil.which("ip")):
        pytest.skip("needs ethtool and ip")
    with tap() as name:
        before = everything(Host(), name)
        journal = Journal.create(tmp_path, owner=owner.myself(), title="test")
        ops = [
            *planned("nic.coalesce", {"rx-frames": 4}, name),
            *planned("nic.offloads", {"sg": "off", "gro": "off"}, name),
            *planned("nic.txqueuelen", 33, name),
        ]
        apply(ops, Host(), journal)
        assert everything(Host(), name) != before
        for line in commands(journal):
            subprocess.run(["sh", "-ec", line], check=True, timeout=10, capture_output=True)
        assert everything(Host(), name) == before
        journal.close()


@in_sandbox
def test_features_are_those_of_ethtool() -> None:
    if not shutil.which("ethtool"):
        pytest.skip("needs ethtool")
    name = pair()
    said = subprocess.run(
        ["ethtool", "--show-features", name], check=True, timeout=10, capture_output=True, text=True
    ).stdout
    theirs = dict(line.strip().split(": ", 1) for line in said.splitlines()[1:])
    ours, fixed = Host().ethtool.get(name, "features"), Host().ethtool.fixed(name)
    shown = {one: f"{text} [fixed]" if one in fixed else text for one, text in ours.items()}
    assert shown.items() & theirs.items()
    assert {one: theirs[one] for one in shown if one in theirs} == {
        one: text for one, text in shown.items() if one in theirs
    }
