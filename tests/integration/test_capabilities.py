"""Which rights suffice, found by taking all others away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.net import open_port
from engine.net.port import Backend
from harness.bench import namespaces
from harness.bench.links import LinkError, netlink
from harness.bench.netns import Line, netns_bench
from harness.errors import HostError
from harness.tuning import rights
from harness.tuning.rights import AFPACKET, AFXDP, BENCH, ENTER, Need

from .sandbox import NOBODY, in_child, in_sandbox, keep_only


def bench() -> None:
    with netns_bench(lines=["market"], wire=True):
        pass


def enough(need: Need, *, uid: int) -> set[str]:
    return set(rights.missing(need, (), is_root=uid == 0))


def run_as(capabilities: set[str], uid: int, work: Callable[[], None]) -> tuple[int, str]:
    def work_without_rights() -> None:
        keep_only(capabilities, uid=uid)
        work()

    return in_child(work_without_rights)


def import_all() -> None:
    """Somebody who may read nothing later cannot import anything either."""
    bench()


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_a_bench_can_be_made_with_what_it_needs_and_with_nothing_less(uid: int) -> None:
    @in_sandbox
    def scenario() -> None:
        import_all()
        full = enough(BENCH, uid=uid)
        code, said = run_as(full, uid, bench)
        assert code == 0, said
        for name in full:
            code, said = run_as(full - {name}, uid, bench)
            assert code == 1
            assert f"HostError: a bench in namespaces needs {name}, which this process" in said

    scenario()


@in_sandbox
def test_a_user_without_any_right_is_told_all_that_is_missing() -> None:
    import_all()
    code, said = run_as(set(), NOBODY, bench)
    assert code == 1
    assert "needs CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_DAC_OVERRIDE, which" in said


def opened(backend: Backend, line: Line, path: Path | None) -> None:
    """A port of the rig, and one frame out of it; the engine's end is nobody's."""
    end, peer = line.rig, line.engine
    with open_port(
        backend,
        netns=path,
        interface=end.interface,
        mac=end.mac,
        peer_mac=peer.mac,
        local=(end.ip, 5000),
        peer=(peer.ip, 5001),
        n_slots=64,
    ) as port:
        assert port.send(b"hello")


PORTS: list[tuple[Backend, set[str]]] = [
    ("udp", set()),
    ("afpacket", enough(AFPACKET, uid=NOBODY)),
    ("afxdp", enough(AFXDP, uid=NOBODY)),
]


@pytest.mark.parametrize(("backend", "own"), PORTS)
def test_a_port_where_one_is_needs_its_own_rights_and_nothing_less(
    backend: Backend, own: set[str]
) -> None:
    @in_sandbox
    def scenario() -> None:
        with netns_bench(lines=["market"]) as made:
            line = made.lines["market"]

            def there(have: set[str]) -> tuple[int, str]:
                def work() -> None:
                    with namespaces.opened(line.rig.netns) as fd:
                        namespaces._call("setns", fd, namespaces.CLONE_NEWNET)
                    keep_only(have, uid=NOBODY)
                    opened(backend, line, None)

                return in_child(work)

            code, said = there(own)
            assert code == 0, said
            for name in own:
                code, said = there(own - {name})
                assert (code, "EngineError" in said) == (1, True), said

    scenario()


@pytest.mark.parametrize(("backend", "own"), PORTS)
def test_a_port_in_a_namespace_needs_the_right_to_go_there_too(
    backend: Backend, own: set[str]
) -> None:
    @in_sandbox
    def scenario() -> None:
        with netns_bench(lines=["market"]) as made:
            line = made.lines["market"]
            go = enough(ENTER, uid=NOBODY)
            both = go | (own & {"CAP_NET_RAW"})  # the right to go there stands in for the rest

            def work() -> None:
                opened(backend, line, line.rig.netns)

            code, said = run_as(both, NOBODY, work)
            assert code == 0, said
            code, said = run_as(own, NOBODY, work)
            assert (code, "needs CAP_SYS_ADMIN" in said) == (1, True), said

    scenario()


@in_sandbox
def test_real_time_priority_needs_its_right() -> None:

    def first_in_first_out() -> None:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    assert run_as({"CAP_SYS_NICE"}, NOBODY, first_in_first_out)[0] == 0
    code, said = run_as(set(), NOBODY, first_in_first_out)
    assert (code, "PermissionError" in said) == (1, True)


@in_sandbox
def test_the_rights_of_a_process_are_those_the_kernel_goes_by() -> None:
    def work() -> None:
        assert rights.held() == {"CAP_NET_RAW"}
        rights.require(AFPACKET)
        with pytest.raises(HostError, match="AF_XDP needs CAP_NET_ADMIN and CAP_BPF"):
            rights.require(AFXDP)
        with pytest.raises(LinkError, match="operation not permitted"), netlink("lo") as ip:
            ip.link("set", index=1, state="up")

    import_all()
    code, said = run_as({"CAP_NET_RAW"}, NOBODY, work)
    assert code == 0, said
