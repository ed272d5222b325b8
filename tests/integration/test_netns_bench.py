"""A bench of namespaces: what it is while it lives, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.bench import links, namespaces
from harness.bench.journal import benches_dir
from harness.bench.links import netlink
from harness.bench.namespaces import inside
from harness.bench.netns import Bench, End, netns_bench
from harness.errors import HostError, RedlineError

from .sandbox import in_child, in_sandbox, names_of_namespaces

WAIT_S = 5.0


def attributes(end: End, *names: str) -> dict[str, object]:
    def ask() -> dict[str, object]:
        with netlink(end.interface) as ip:
            (link,) = ip.get_links(end.ifindex)
            return {name: link.get(name) for name in names}

    return inside(end.netns, ask)


def bound(end: End, port: int) -> socket.socket:
    def make() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.settimeout(WAIT_S)
        one.bind((end.ip, port))
        return one

    return inside(end.netns, make)


def said(sender: End, receiver: End) -> bytes:
    with bound(sender, 0) as one, bound(receiver, 5000) as other:
        one.sendto(b"hello", (receiver.ip, 5000))
        return other.recv(64)


def nothing_is_left() -> bool:
    return names_of_namespaces() == [] and list(benches_dir().iterdir()) == []


@in_sandbox
def test_the_first_frame_of_every_line_arrives_in_both_directions() -> None:
    with netns_bench() as bench:
        assert list(bench.lines) == ["market", "orders"]
        for line in bench.lines.values():
            assert said(line.rig, line.engine) == b"hello"
            assert said(line.engine, line.rig) == b"hello"
    assert nothing_is_left()


@in_sandbox
def test_a_bench_tells_what_its_interfaces_are() -> None:
    with netns_bench(lines=["market"]) as bench:
        for end in (bench.lines["market"].rig, bench.lines["market"].engine):
            seen = attributes(end, "ifname", "address", "txqlen", "operstate", "mtu")
            assert seen == {
                "ifname": end.interface,
                "address": end.mac,
                "txqlen": 1000,
                "operstate": "UP",
                "mtu": 1500,
            }
            assert int(end.mac[:2], 16) & 3 == 2, "locally administered, of one station"


@in_sandbox
def test_nobody_asks_for_an_address_and_nothing_speaks_ipv6() -> None:
    with netns_bench(lines=["market"]) as bench:
        line = bench.lines["market"]

        def neighbours() -> list[tuple[object, object, int]]:
            with netlink("neighbours") as ip:
                found = ip.get_neighbours(family=socket.AF_INET, ifindex=line.rig.ifindex)
                return [(n.get("dst"), n.get("lladdr"), n["state"]) for n in found]

        permanent = 0x80
        assert inside(line.rig.netns, neighbours) == [(line.engine.ip, line.engine.mac, permanent)]
        no_ipv6 = Path("/proc/sys/net/ipv6/conf/market/disable_ipv6")
        if inside(line.rig.netns, no_ipv6.exists):
            assert inside(line.rig.netns, no_ipv6.read_text).strip() == "1"


@in_sandbox
def test_a_sender_leaves_nothing_to_a_card() -> None:
    with netns_bench(lines=["market"]) as bench:
        for end in (bench.lines["market"].rig, bench.lines["market"].engine):

            def states(interface: str = end.interface) -> dict[str, int]:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                    return {
                        name: links.ethtool(one, interface, get_it, 0)
                        for name, (_, get_it) in links.OFFLOADS.items()
                    }

            assert inside(end.netns, states) == dict.fromkeys(links.OFFLOADS, 0)


@in_sandbox
def test_an_interface_has_the_queues_that_were_asked_for() -> None:
    with netns_bench(lines=["market"], queues=3) as bench:
        for end in (bench.lines["market"].rig, bench.lines["market"].engine):
            assert attributes(end, "num_tx_queues", "num_rx_queues") == {
                "num_tx_queues": 3,
                "num_rx_queues": 3,
            }


@in_sandbox
def test_with_a_wire_nothing_arrives_that_the_wire_does_not_carry() -> None:
    with netns_bench(lines=["market"], wire=True) as bench:
        line, taps = bench.lines["market"], bench.wire["market"]
        assert taps.rig.netns == taps.engine.netns != line.rig.netns

        def tap(interface: str) -> socket.socket:
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0008)  # ETH_P_IP, net order
            one.settimeout(WAIT_S)
            one.bind((interface, 0x0800))
            return one

        one = inside(taps.rig.netns, lambda: tap(taps.rig.interface))
        other = inside(taps.engine.netns, lambda: tap(taps.engine.interface))
        with one, other, bound(line.rig, 0) as rig, bound(line.engine, 5000) as engine:
            rig.sendto(b"hello", (line.engine.ip, 5000))
            frame = one.recv(2048)
            engine.setblocking(False)
            with pytest.raises(BlockingIOError):
                engine.recv(64)
            engine.settimeout(WAIT_S)
            other.send(frame)
            assert engine.recv(64) == b"hello"


@in_sandbox
def test_a_vlan_carries_the_address_or_the_kernel_is_named() -> None:
    try:
        with netns_bench(lines=["market"], vlan=7) as bench:
            line = bench.lines["market"]
            assert line.rig.vlan == 7
            assert said(line.rig, line.engine) == b"hello"
    except HostError as error:
        assert str(error) == "market.7: this kernel makes no VLAN interfaces (8021q)"  # noqa: PT017
    assert nothing_is_left()


@in_sandbox
def test_two_benches_at_once_do_not_meet() -> None:
    with netns_bench() as one, netns_bench() as other:
        assert one.id != other.id
        assert one.lines["market"].rig.ip == other.lines["market"].rig.ip
        assert said(one.lines["market"].rig, one.lines["market"].engine) == b"hello"
        assert said(other.lines["market"].rig, other.lines["market"].engine) == b"hello"
        assert len(names_of_namespaces()) == 4
    assert nothing_is_left()


@in_sandbox
def test_the_caller_stays_where_it_was_and_sees_no_link_of_a_bench() -> None:
    here, names = namespaces.identity(), socket.if_nameindex()
    with netns_bench(wire=True):
        assert namespaces.identity() == here
        assert socket.if_nameindex() == names
    assert socket.if_nameindex() == names


@in_sandbox
def test_a_bench_goes_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), netns_bench():
        raise ZeroDivisionError
    assert nothing_is_left()


@in_sandbox
def test_a_bench_that_cannot_be_finished_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device", "market")

    monkeypatch.setattr(links, "set_up", fail)
    refused = "no bench can be made here: market: no space left on device"
    with pytest.raises(HostError, match=refused), netns_bench():
        pass
    assert nothing_is_left()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_told_to_end_takes_its_bench_with_it(signum: int) -> None:
    @in_sandbox
    def scenario() -> None:
        def work() -> None:
            with netns_bench():
                os.kill(os.getpid(), signum)
                time.sleep(WAIT_S)

        code, text = in_child(work)
        assert (code, "KeyboardInterrupt" in text) == (1, True), text
        assert nothing_is_left()

    scenario()


@in_sandbox
def test_a_signal_that_comes_while_a_bench_is_made_waits_until_it_can_be_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_pairs = links.make_pairs

    def interrupted(*args: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        make_pairs(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(links, "make_pairs", interrupted)
    with pytest.raises(KeyboardInterrupt), netns_bench():
        pytest.fail("the signal came first")
    assert nothing_is_left()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@in_sandbox
def test_a_bench_can_be_made_by_a_thread_that_gets_no_signals() -> None:
    made: list[Bench] = []

    def work() -> None:
        with netns_bench(lines=["market"]) as bench:
            made.append(bench)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(made) == 1
    assert nothing_is_left()


@in_sandbox
def test_a_forked_child_that_ends_leaves_the_bench_to_its_parent() -> None:
    with netns_bench() as bench:
        pid = os.fork()
        if pid == 0:
            raise SystemExit(0)  # unwinds through the block; the sandbox ends the process
        os.waitpid(pid, 0)
        assert said(bench.lines["market"].rig, bench.lines["market"].engine) == b"hello"


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: netns_bench(lines=[]), "1 to 16 lines"),
        (lambda: netns_bench(lines=["a", "a"]), "different names"),
        (lambda: netns_bench(lines=["../etc"]), r"not a name for a line: '\.\./etc'"),
        (lambda: netns_bench(lines=["ninechars"]), "not a name for a line"),
        (lambda: netns_bench(queues=0), "1 to 64 queues, not 0"),
        (lambda: netns_bench(vlan=4095), "not a VLAN: 4095"),
    ],
)
def test_a_bench_that_makes_no_sense_is_refused(make: Callable[[], object], fault: str) -> None:
    with pytest.raises(RedlineError, match=fault), make():  # type: ignore[attr-defined]
        pass
