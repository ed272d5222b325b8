"""Knobs on the machine that the tests run on: planned, written, proved, and put back to the byte.

What this machine lacks, or does not let us write, is skipped by its name. Values are such that
nobody else on the machine feels them for the moment that they stand.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.tuning import management, owner
from harness.tuning.apply import apply
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs import CATALOGUE, knob_of
from harness.tuning.knobs.base import Op, Proof, Scope, State, Wish, refusal
from harness.tuning.knobs.files import FileKnob
from harness.tuning.restore import restore
from harness.tuning.roles import find_roles
from harness.tuning.settings import FileSetting
from harness.tuning.verify import verify

from .real_host import bytes_of, real_settings

HOST = Host()
FILE_KNOBS = sorted(name for name, knob in CATALOGUE.items() if isinstance(knob, FileKnob))
# For a moment harmless, and none of them the default.
WISHES: Sequence[tuple[str, object]] = (
    ("irq.default-affinity", "0"),
    ("irq.workqueues", "0"),
    ("irq.workqueue-each", "0"),
    ("net.busy-read", 1),
    ("net.budget", 299),
    ("net.budget-usecs", 9000),
    ("net.backlog", 1001),
    ("net.packet-weight", 63),
    ("net.gro-batch", 7),
    ("net.stamp-early", "off"),
    ("net.freed-packets", 63),
    ("net.rmem-max", 4194305),
    ("net.rmem-default", 212993),
    ("net.wmem-max", 4194305),
    ("net.wmem-default", 212993),
    ("net.optmem-max", 131073),
    ("net.rps-flows", 256),
    ("net.udp-rmem-min", 4097),
    ("net.tcp-rmem", "4096 131073 33554432"),
    ("net.tcp-wmem", "4096 16385 4194304"),
    ("net.tcp-autocorking", "off"),
    ("net.tcp-slow-start-after-idle", "off"),
    ("net.tcp-metrics", "on"),
    ("net.tcp-unsent-limit", 1 << 30),
    ("kernel.rt-runtime", 960_000),
    ("kernel.timer-migration", "off"),
    ("kernel.watchdog", "off"),
    ("kernel.soft-watchdog", "off"),
    ("kernel.watchdog-cpus", "0"),
    ("kernel.watchdog-threshold", 11),
    ("kernel.hung-task", 121),
    ("kernel.autogroup", "off"),
    ("kernel.workqueue-scope", "numa"),
    ("kernel.rcu-normal", "on"),
    ("kernel.printk", "3 4 1 7"),
    ("kernel.perf-cpu-percent", 24),
    ("memory.thp-defrag", "defer+madvise"),
    ("memory.thp-shared", "advise"),
    ("memory.khugepaged-defrag", "off"),
    ("memory.ksm", 2),
    ("memory.demotion", "on"),
    ("memory.swappiness", 59),
    ("memory.compaction", 19),
    ("memory.compact-unevictable", "off"),
    ("memory.stat-interval", 2),
    ("memory.dirty-ratio", 21),
    ("memory.dirty-background-ratio", 11),
    ("memory.dirty-writeback", 501),
    ("memory.dirty-expire", 3001),
    ("memory.watermark-boost", 14_999),
    ("memory.watermark-scale", 11),
    ("memory.max-maps", 65_531),
    ("memory.swap-readahead", 2),
    ("memory.cache-pressure", 99),
    ("memory.hugepages-2m", 4),
    ("cpu.idle-governor", "menu"),
    ("cpu.halt-poll", 10_000),
    ("cpu.halt-poll-shrink", 3),
    ("cpu.resume-latency", "n/a"),
)


def here() -> Scope:
    return Scope(HOST, find_roles(HOST), management.read_protected(HOST))


def wish_of(name: str, value: object) -> Wish:
    return Wish(name, knob_of(name).parse(value))


def files_of(ops: Sequence[Op]) -> list[str]:
    return [op.target for op in ops if op.state is State.CHANGE]


@contextmanager
def applied(ops: Sequence[Op], folder: Path) -> Iterator[list[Op]]:
    """By the journal. Afterwards every file has the bytes it had, and by the journal alone."""
    before = {file: bytes_of(file) for file in files_of(ops)}
    journal = Journal.create(folder, owner=owner.myself(), title="test")
    try:
        yield apply(ops, HOST, journal)
    finally:
        done = restore(HOST, journal)
        journal.close()
    assert [item for item in done.items if item.state not in ("restored", "unchanged")] == []
    assert {file: bytes_of(file) for file in before} == before


@pytest.mark.parametrize(("name", "value"), WISHES, ids=[name for name, _ in WISHES])
def test_a_knob_is_planned_written_proved_and_put_back(
    tmp_path: Path, name: str, value: object
) -> None:
    wish = wish_of(name, value)
    with real_settings():
        ops = knob_of(name).plan(here(), wish)
        files = files_of(ops)
        if not files:
            pytest.skip(f"{name}: {ops[0].state}: {ops[0].why or ops[0].before}")
    with real_settings(*files):
        scope = here()
        with applied(knob_of(name).plan(scope, wish), tmp_path) as done:
            assert {op.state for op in done} <= {State.CHANGE, State.NOOP}
            assert [proof for proof in verify(scope, [wish]) if proof.holds is False] == []
            again = knob_of(name).plan(scope, wish)
            assert {op.state for op in again} == {State.NOOP}  # a second apply changes nothing


@pytest.mark.parametrize("name", FILE_KNOBS)
def test_what_is_read_can_be_written_and_leaves_every_byte(name: str) -> None:
    knob = CATALOGUE[name]
    assert isinstance(knob, FileKnob)
    scope = here()
    why = knob.available(scope, Wish(name, ""))
    if why is not None:
        pytest.skip(f"{name}: {why}")
    n_written = 0
    for path in knob.paths(scope):
        with real_settings():
            before = bytes_of(path)
            setting = knob.setting(path)
            try:
                setting.write(HOST, setting.read(HOST))
            except PermissionError:
                continue
            assert bytes_of(path) == before
            n_written += 1
    if not n_written:
        pytest.skip(f"{name}: this machine lets nobody write it")


@contextmanager
def naps(cpu: int) -> Iterator[None]:
    """A task that has that CPU sleep and wake up all the time."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-ISc",
            f"import os, time; os.sched_setaffinity(0, {{{cpu}}})\nwhile True: time.sleep(0.001)",
        ]
    )
    try:
        yield
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(("governor", "holds"), [("menu", True), ("haltpoll", False)])
def test_idle_states_that_a_governor_takes_all_the_same_are_found_out(
    tmp_path: Path, governor: str, holds: bool
) -> None:
    """The files hold what was written both times."""
    folder = "/sys/devices/system/cpu/cpuidle"
    if governor not in (HOST.read(f"{folder}/available_governors") + " ").split():
        pytest.skip(f"no idle governor {governor}")
    scope, name = here(), "cpu.idle-states"
    wish = wish_of(name, 0)
    files = files_of(knob_of(name).plan(scope, wish))
    if not files:
        pytest.skip("no idle state to switch off")
    with real_settings(f"{folder}/current_governor", *files):
        HOST.write(f"{folder}/current_governor", governor)
        with naps(scope.roles.hot[0]), applied(knob_of(name).plan(scope, wish), tmp_path) as done:
            assert {op.state for op in done} <= {State.CHANGE, State.NOOP}
            proofs = _told(lambda: knob_of(name).derived(scope, wish))
    assert {proof.holds for proof in proofs} == {holds}
    assert all(governor in proof.why for proof in proofs if not holds)


def _told(look: Callable[[], Sequence[Proof]]) -> Sequence[Proof]:
    """The first look that could tell: a task that naps has to get its CPU first."""
    for _ in range(20):
        proofs = look()
        if all(proof.holds is not None for proof in proofs):
            return proofs
    pytest.skip("the CPU had no naps")


def managed() -> str:
    """An interrupt that the kernel binds to its queue."""
    for path in HOST.glob("/proc/irq/[0-9]*/smp_affinity_list"):
        if not HOST.path(path).stat().st_mode & 0o222:
            return path
    pytest.skip("no interrupt here is managed by the kernel")


def test_a_managed_interrupt_is_denied_in_the_plan_and_says_why() -> None:
    path = managed()
    ops = knob_of("irq.affinity").plan(here(), wish_of("irq.affinity", "0"))
    (op,) = [op for op in ops if op.target == path]
    assert op.state is State.DENIED
    assert op.why.startswith("managed by the kernel")


def test_a_managed_interrupt_that_is_tried_all_the_same_is_denied_by_the_kernel(
    tmp_path: Path,
) -> None:
    path = managed()
    setting = FileSetting(path, "cpus")
    before = bytes_of(path)
    with real_settings():
        with pytest.raises(OSError, match="not permitted") as caught:
            setting.write(HOST, "0")
        assert caught.value.errno == errno.EPERM
        assert refusal(caught.value) is State.DENIED
        op = Op("irq.affinity", path, setting.read(HOST), "0", State.CHANGE, setting=setting)
        with applied([op], tmp_path) as (done,):
            assert done.state is State.DENIED
    assert bytes_of(path) == before


def test_other_interrupts_move_and_those_of_the_way_here_stay(tmp_path: Path) -> None:
    scope, wish = here(), wish_of("irq.affinity", "0")
    with real_settings():
        ops = knob_of("irq.affinity").plan(scope, wish)
        if not files_of(ops):
            pytest.skip("no interrupt here can be moved")
        with applied(ops, tmp_path) as done:
            assert {op.state for op in done} <= {State.CHANGE, State.NOOP, State.DENIED}
            assert all(op.why for op in done if op.state is State.DENIED)
            proofs = knob_of("irq.affinity").derived(scope, wish)
            assert any(proof.holds for proof in proofs)


def test_more_huge_pages_than_there_is_memory_are_shown_as_fewer(tmp_path: Path) -> None:
    """Asked of the proof alone: the host is not filled up for it."""
    name = "memory.hugepages-2m"
    if knob_of(name).available(here(), Wish(name, "1")) is not None:
        pytest.skip("no huge pages here")
    proofs = knob_of(name).derived(here(), Wish(name, str(1 << 24)))
    assert [proof.holds for proof in proofs] == [False]


def test_no_limit_for_real_time_tasks_is_denied_when_every_cpu_is_hot() -> None:
    every = tuple(HOST.cpus())
    scope = replace(here(), roles=replace(here().roles, hot=every))
    ops = knob_of("kernel.rt-runtime").plan(scope, wish_of("kernel.rt-runtime", -1))
    assert {op.state for op in ops} <= {State.DENIED, State.NOOP, State.UNSUPPORTED}
