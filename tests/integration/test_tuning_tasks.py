"""Tasks of this machine: moved off CPUs, into a cpuset, and back; and leases that end with a guard.

Only tasks that the test has started are ever moved.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from guarded import Say, child, comes_true, end_guard, guard_pid, is_gone, until_killed

from harness.tuning import hold, tasks
from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.knobs import cpusets, knob_of
from harness.tuning.knobs import tasks as task_knobs
from harness.tuning.knobs.base import Roles, Scope, State, Wish
from harness.tuning.lease_kinds import DmaLatencyLease, TimestampingLease
from harness.tuning.settings.cpusets import CpusetSetting, MemberSetting
from harness.tuning.settings.tasks import SchedulingSetting
from harness.tuning.state import state_dir

from .conftest import needs_two_cpus
from .real_host import real_settings

pytestmark = pytest.mark.usefixtures("alone")

SHIELD = Path("/sys/fs/cgroup/cpuset/redline")
ROOT = SHIELD.parent
DMA_LATENCY = Path("/dev/cpu_dma_latency")

Kin = list[subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path))
    yield state_dir()
    end_guard(state_dir())


@pytest.fixture
def here() -> Scope:
    needs_two_cpus()
    return Scope(Host(), Roles(hot=(1,), irq=(0,), housekeeping=(0,)))


@pytest.fixture
def kin(here: Scope, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kin]:
    """Some tasks of ours, one of them bound to CPU 1 by itself; the only ones that are moved."""
    with real_settings(), ExitStack() as stack:
        started = [stack.enter_context(sleeper()) for _ in range(3)]
        os.sched_setaffinity(started[1].pid, {1})
        mine = {one.pid for one in started}

        def others(scope: Scope) -> list[tasks.Task]:
            return [one for one in tasks.tasks(scope.host) if one.pid in mine]

        monkeypatch.setattr(task_knobs, "others", others)
        monkeypatch.setattr(cpusets, "others", others)
        yield started


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cpus_of(kin: Kin) -> list[set[int]]:
    return [os.sched_getaffinity(one.pid) for one in kin]


def group_of(pid: int) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line.split(":")[2] for line in lines if ":cpuset:" in line)


@pytest.fixture
def shield(kin: Kin) -> Iterator[Path]:
    """The directory of the shield, which is not there, and is not there afterwards."""
    if not (ROOT / "cpuset.cpus").exists():
        pytest.skip("needs cpusets of cgroup v1 at /sys/fs/cgroup/cpuset")
    if SHIELD.exists():
        pytest.skip(f"needs {SHIELD} for itself: it is there already")
    yield SHIELD
    CpusetSetting(str(SHIELD)).write(Host(), "absent")


def test_tasks_leave_the_hot_cpus_and_come_back(here: Scope, kin: Kin) -> None:
    before = cpus_of(kin)
    with hold.tuned(here, [Wish("task.affinity", "0")], title="x"):
        assert cpus_of(kin) == [{0}] * 3
    assert cpus_of(kin) == before


def test_a_second_plan_moves_nobody_and_the_proof_holds(here: Scope, kin: Kin) -> None:
    wish = Wish("task.affinity", "0")
    knob = knob_of(wish.knob)
    assert [proof.holds for proof in knob.derived(here, wish)] == [False]
    with hold.tuned(here, [wish], title="x"):
        assert [op.state for op in knob.plan(here, wish)] == [State.NOOP]
        assert [proof.holds for proof in knob.derived(here, wish)] == [True]


def test_what_a_moved_task_started_gets_its_cpus_back_too(here: Scope, kin: Kin) -> None:
    with ExitStack() as stack:
        with hold.tuned(here, [Wish("task.affinity", "0")], title="x"):
            time.sleep(0.03)  # a start is told in ticks of 10 ms
            heir = stack.enter_context(stranger_on({0}))
            assert os.sched_getaffinity(heir) == {0}
        assert os.sched_getaffinity(heir) == os.sched_getaffinity(kin[0].pid)


def test_what_was_narrow_before_stays_so(here: Scope, kin: Kin) -> None:
    with stranger_on({0}) as narrow:
        time.sleep(0.03)
        with hold.tuned(here, [Wish("task.affinity", "0")], title="x"):
            pass
        assert os.sched_getaffinity(narrow) == {0}


@contextmanager
def stranger_on(cpus: set[int]) -> Iterator[int]:
    """A task that nobody of ours is the parent of."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        command = ["/bin/sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"]
        pid = int(subprocess.run(command, capture_output=True, check=True).stdout)
    finally:
        os.sched_setaffinity(0, ours)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        assert comes_true(lambda: is_gone(pid))


def test_a_task_that_ends_meanwhile_is_gone_and_stops_nothing(here: Scope, kin: Kin) -> None:
    before = cpus_of(kin)
    with hold.tuned(here, [Wish("task.affinity", "0")], title="x") as held:
        kin[2].kill()
        kin[2].wait()
    assert held.restored is not None
    assert sorted(item.state for item in held.restored.items) == ["gone", "restored", "restored"]
    assert cpus_of(kin[:2]) == before[:2]


def test_a_kernel_thread_that_is_bound_is_named_and_left(here: Scope) -> None:
    host = Host()
    bound = [one for one in tasks.tasks(host) if one.is_bound]
    if not bound:
        pytest.skip("needs kernel threads in sight: a container shows none")
    (op,) = task_knobs.bound_ops(Wish("task.affinity", "0", on_unsupported="fail"), bound)
    assert (op.state, op.on_unsupported) == (State.DENIED, "warn")
    assert op.why.startswith(f"bound by the kernel: {bound[0].comm}")


def test_whoever_measures_is_never_moved() -> None:
    with sleeper() as process:
        moved = {one.pid for one in task_knobs.others(Scope(Host(), Roles((1,), (0,), (0,))))}
        assert not moved & {os.getpid(), os.getppid(), process.pid}


def test_a_shield_takes_tasks_in_and_leaves_no_trace(here: Scope, kin: Kin, shield: Path) -> None:
    before = cpus_of(kin), [group_of(one.pid) for one in kin]
    with hold.tuned(here, [Wish("task.cpuset", "1")], title="x"):
        assert cpus_of(kin) == [{0}] * 3
        assert [group_of(one.pid) for one in kin] == ["/redline"] * 3
        assert (shield / "cpuset.cpus").read_text() == "0\n"
    assert (cpus_of(kin), [group_of(one.pid) for one in kin]) == before
    assert not shield.exists()


def test_who_was_started_in_the_shield_leaves_it_too(here: Scope, kin: Kin, shield: Path) -> None:
    with ExitStack() as stack:
        with hold.tuned(here, [Wish("task.cpuset", "1")], title="x"):
            late = stack.enter_context(sleeper())
            (shield / "tasks").write_text(str(late.pid))
            assert cpus_of([late]) == [{0}]
        assert group_of(late.pid) == "/"
        assert cpus_of([late]) == cpus_of(kin[:1])
    assert not shield.exists()


def test_killed_within_a_shield_the_guard_takes_it_away(
    here: Scope, kin: Kin, shield: Path
) -> None:
    before = cpus_of(kin)
    with child(lambda say: shielded(here, say)) as owner:
        assert owner.heard() == "held"
        guard = guard_pid(state_dir())
        owner.kill(signal.SIGKILL)
        assert comes_true(lambda: is_gone(guard))
    assert cpus_of(kin) == before
    assert not shield.exists()
    assert Journal.open(state_dir()) is None


@pytest.mark.usefixtures("shield")
def test_a_task_goes_back_with_the_cpus_that_no_kernel_remembers(kin: Kin) -> None:
    host = Host()
    setting = MemberSetting(f"{tasks.task(host, kin[0].pid).target} in {ROOT}")
    setting.write(host, "0 /")
    assert setting.read(host) == "0 /"


def shielded(scope: Scope, say: Say) -> None:
    with hold.tuned(scope, [Wish("task.cpuset", "1")], title="x"):
        say("held")
        until_killed()


def test_scheduling_is_set_and_put_back(here: Scope) -> None:
    with sleeper() as process:
        host = Host()
        setting = SchedulingSetting(tasks.task(host, process.pid).target)
        assert setting.read(host) == "other"
        try:
            setting.write(host, "fifo 1")  # of a task that sleeps
        except PermissionError:
            pytest.skip("needs CAP_SYS_NICE and a cgroup with real-time")
        assert setting.read(host) == "fifo 1"
        setting.write(host, "other")
        assert setting.read(host) == "other"


def needs_latency_lease() -> DmaLatencyLease:
    lease = DmaLatencyLease("77")
    if not os.access(DMA_LATENCY, os.W_OK):
        pytest.skip(f"needs {DMA_LATENCY}, writable")
    now = lease.now(Host())
    if now is None or int(now) <= 77:
        pytest.skip(f"needs nobody else to hold {DMA_LATENCY}")
    return lease


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_lease_ends_with_its_guard_however_that_ends(here: Scope, end: int) -> None:
    lease = needs_latency_lease()
    with real_settings():
        before = lease.now(Host())
        with child(lambda say: leased(here, say)) as owner:
            assert owner.heard() == "77 noop"
            os.kill(guard_pid(state_dir()), end)
            assert comes_true(lambda: lease.now(Host()) == before)


def test_a_lease_ends_with_its_owner(here: Scope) -> None:
    lease = needs_latency_lease()
    with real_settings():
        before = lease.now(Host())
        with child(lambda say: leased(here, say)) as owner:
            assert owner.heard() == "77 noop"
            assert lease.now(Host()) == "77"
            owner.kill(signal.SIGKILL)
            assert comes_true(lambda: lease.now(Host()) == before)


def leased(scope: Scope, say: Callable[[str], None]) -> None:
    wish = Wish("lease.cpu-dma-latency", "77")
    with hold.tuned(scope, [wish], title="x"):
        (op,) = knob_of(wish.knob).plan(scope, wish)
        say(f"{DmaLatencyLease('77').now(scope.host)} {op.state}")
        until_killed()


def test_a_lease_that_no_kernel_tells_of_is_known_by_its_guard(here: Scope) -> None:
    wish = Wish("lease.timestamping", "on")
    knob = knob_of(wish.knob)
    assert [op.state for op in knob.plan(here, wish)] == [State.CHANGE]
    with hold.tuned(here, [wish], title="x"):
        assert [op.state for op in knob.plan(here, wish)] == [State.NOOP]
    assert [op.state for op in knob.plan(here, wish)] == [State.CHANGE]


def test_a_lease_is_a_descriptor_and_nothing_else() -> None:
    fd = TimestampingLease("on").take()
    try:
        assert os.get_inheritable(fd) is False
    finally:
        os.close(fd)
