"""Plans: what a profile would change, in a safe order, and what stands in its way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HostError
from harness.tuning.host import Host
from harness.tuning.knobs import ORDER, knob_of
from harness.tuning.knobs.base import Op, Roles, Scope, State, Wish
from harness.tuning.plan import changing, drift, plan, require, wish_of

FILES = {
    "/proc/sys/vm/swappiness": "60",
    "/proc/sys/vm/stat_interval": "10",
    "/proc/sys/kernel/timer_migration": "1",
    "/proc/cmdline": "root=/dev/vda quiet",
    "/proc/irq/default_smp_affinity": "3",
}


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    for name, text in FILES.items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return Scope(Host(tmp_path), Roles(hot=(1,), irq=(0,), housekeeping=(0,)))


def wish(knob: str, value: object, **more: Any) -> Wish:
    return wish_of({"knob": knob, "value": value, **more})


def states(ops: list[Op]) -> dict[str, State]:
    return {op.knob: op.state for op in ops}


def test_a_plan_says_what_changes_what_holds_and_what_is_not_there(scope: Scope) -> None:
    ops = plan(
        scope,
        [
            wish("memory.swappiness", 1),
            wish("memory.stat-interval", 10),
            wish("net.busy-read", 50),
            wish("boot.isolcpus", "1"),
        ],
    )
    assert states(ops) == {
        "memory.swappiness": State.CHANGE,
        "memory.stat-interval": State.NOOP,
        "net.busy-read": State.UNSUPPORTED,
        "boot.isolcpus": State.REBOOT,
    }
    change = next(op for op in ops if op.state is State.CHANGE)
    assert (change.before, change.want) == ("60", "1")
    assert all(op.why for op in ops if op.state is State.UNSUPPORTED)


def test_a_plan_writes_nothing(scope: Scope, tmp_path: Path) -> None:
    plan(scope, [wish("memory.swappiness", 1)])
    assert (tmp_path / "proc/sys/vm/swappiness").read_text() == "60\n"


def test_the_order_is_that_of_the_families_whatever_the_profile_says(scope: Scope) -> None:
    wishes = [
        wish("boot.isolcpus", "1"),
        wish("memory.swappiness", 1),
        wish("kernel.timer-migration", 0),
        wish("irq.default-affinity", "0"),
    ]
    families = [knob_of(op.knob).family for op in plan(scope, wishes)]
    assert families == sorted(families, key=ORDER.index)
    assert families[0] == "irq"


def test_only_what_changes_something_is_worth_taking_apart(scope: Scope) -> None:
    wishes = [wish("memory.swappiness", 1), wish("memory.stat-interval", 10)]
    assert changing(scope, wishes) == ["memory.swappiness"]


@pytest.mark.parametrize(
    ("state", "drifts"),
    [
        (State.CHANGE, True),
        (State.INEFFECTIVE, True),
        (State.REBOOT, True),
        (State.NOOP, False),
        (State.DENIED, False),
        (State.UNSUPPORTED, False),
    ],
)
def test_drift_is_what_is_not_so_and_could_be(state: State, drifts: bool) -> None:
    assert bool(drift([Op("memory.swappiness", "x", "60", "1", state)])) is drifts


@pytest.mark.parametrize(
    "state",
    [State.DENIED, State.UNSUPPORTED, State.INEFFECTIVE, State.REBOOT, State.FAILED],
)
def test_what_must_not_go_unfulfilled_is_an_error_with_the_reason(state: State) -> None:
    op = Op("lease.x", "dma", None, "0", state, "no rights", on_unsupported="fail")
    with pytest.raises(HostError, match=rf"^lease\.x: dma: {state} \(no rights\)$"):
        require([op])


@pytest.mark.parametrize("unmet", ["ignore", "warn"])
def test_what_may_go_unfulfilled_is_none(unmet: Any) -> None:
    require([Op("lease.x", "dma", None, "0", State.DENIED, on_unsupported=unmet)])
    require([Op("lease.x", "dma", "0", "0", State.NOOP, on_unsupported="fail")])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, "a wish is a knob and a value"),
        ({"knob": 7, "value": 1}, "a wish is a knob and a value"),
        ({"knob": "memory.swappiness"}, "a wish is a knob and a value"),
        ({"knob": "no.such", "value": 1}, "no such knob here: 'no.such'"),
        ({"knob": "\x1b[31m", "value": 1}, r"no such knob here: '\x1b[31m'"),
        ({"knob": "memory.swappiness", "value": "x"}, "memory.swappiness: not a number: 'x'"),
        ({"knob": "memory.swappiness", "value": ["x"]}, "memory.swappiness: not a number: "),
        (
            {"knob": "nic.rings", "value": {"rx": 512}, "interface": "../x"},
            "nic.rings: not the name of an interface: '../x'",
        ),
        (
            {"knob": "nic.rings", "value": {"rx": 512}, "interface": "-o"},
            "nic.rings: not the name of an interface: '-o'",
        ),
        (
            {"knob": "nic.rings", "value": {"rx": 512}, "interface": ["eth0"]},
            "nic.rings: not the name of an interface",
        ),
        (
            {"knob": "memory.swappiness", "value": 1, "on_unsupported": "shrug"},
            "memory.swappiness: not one of ignore, warn, fail: 'shrug'",
        ),
        ({"knob": "boot.isolcpus", "value": "1\n2"}, "boot.isolcpus: not the value of a kernel"),
    ],
)
def test_a_wish_that_cannot_be_is_told_in_one_line_once(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        wish_of(raw)
    line = str(caught.value)
    assert line.startswith(said)
    assert line.isprintable()
    assert line.count(str(raw.get("knob"))) <= 1
