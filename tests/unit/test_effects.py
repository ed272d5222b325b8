"""Effects: what is counted on trees that change meanwhile, and what is made of measurements."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HostError
from harness.measure.noise import floor_records
from harness.tuning.effects import EFFECTS, child, children, clocks, fifo, idle, interrupts, pages
from harness.tuning.effects import rtt as round_trips
from harness.tuning.effects.proofs import cpus_of, whole_number
from harness.tuning.gaps import gaps
from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Roles, Scope, Value, Wish

ROLES = Roles(hot=(1,), irq=(0,), housekeeping=(0,))
CPU = "/sys/devices/system/cpu"
NET = "/sys/class/net/eth2"
TABLE = """\
           CPU0       CPU1
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 38:        {:>3}        {:>3}  PCI-MSIX-0000:00:03.0   1-edge      eth2-rx-0
 39:         10          0  PCI-MSIX-0000:00:03.0   2-edge      eth2-tx-0
LOC:        500        {:>3}   Local timer interrupts
ERR:          0
"""


class Files:
    """A recorded host whose files change while somebody looks."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = root
        self.host = Host(root)
        for name, text in {f"{CPU}/online": "0-1", **files}.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def scope(self, roles: Roles = ROLES) -> Scope:
        return Scope(self.host, roles)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """What happens while an effect sleeps; no time passes."""

    def install(change: Callable[[], None]) -> None:
        monkeypatch.setattr(time, "sleep", lambda seconds: change())

    return install


def wish(value: Value, interface: str = "") -> Wish:
    return Wish("some.knob", value, interface)


def state(cpu: int, number: int, name: str, usage: int, **files: int) -> dict[str, str]:
    folder = f"{CPU}/cpu{cpu}/cpuidle/state{number}"
    values = {"name": name, "usage": usage, "latency": 0, "disable": 0} | files
    return {f"{folder}/{key}": str(value) for key, value in values.items()}


IDLE = (
    state(1, 0, "POLL", 5) | state(1, 1, "C1", 100, latency=2) | state(1, 2, "C6", 700, latency=133)
)


def test_entries_into_idle_states_are_what_was_added(tmp_path: Path, meanwhile) -> None:
    files = Files(tmp_path, IDLE)
    meanwhile(lambda: files.write(f"{CPU}/cpu1/cpuidle/state2/usage", "712"))
    found = idle.idle_entries(files.host, 1, 0.1)
    assert found == {"state0 POLL": 0, "state1 C1": 0, "state2 C6": 12}


@pytest.mark.parametrize(
    ("entered", "value", "disabled", "holds"),
    [
        (1, "10", 0, True),  # C1 is allowed
        (2, "10", 0, False),
        (1, "1", 0, False),
        (2, "deep", 1, False),  # entered, though it is disabled
        (1, "deep", 1, True),
        (2, "1000", 0, None),  # nothing is ruled out
    ],
)
def test_idle_states_hold_when_none_that_is_ruled_out_was_entered(
    tmp_path: Path, meanwhile, entered: int, value: str, disabled: int, holds: bool | None
) -> None:
    files = Files(tmp_path, IDLE)
    files.write(f"{CPU}/cpu1/cpuidle/state2/disable", str(disabled))
    meanwhile(lambda: files.write(f"{CPU}/cpu1/cpuidle/state{entered}/usage", "9999"))
    found = EFFECTS["idle-states"](files.scope(), wish(value))
    assert found.holds is holds
    assert found.level == "effect"
    assert ("state" in found.seen) is (holds is False)


def test_a_host_without_idle_states_has_none_to_enter(tmp_path: Path) -> None:
    files = Files(tmp_path, {})
    assert EFFECTS["idle-states"](files.scope(), wish("0")).holds is None
    with pytest.raises(OSError, match="no idle states"):
        idle.idle_entries(files.host, 1, 0.1)


def irq_files(root: Path) -> Files:
    files = Files(root, {"/proc/interrupts": TABLE.format(5, 7, 500)})
    for number in (38, 39):
        files.write(f"{NET}/device/msi_irqs/{number}", "msix")
        files.write(f"/proc/irq/{number}/smp_affinity_list", "0")
    for way in ("rx", "tx"):
        files.write(f"{NET}/statistics/{way}_packets", "100")
    return files


def test_device_interrupts_are_the_numbered_lines(tmp_path: Path) -> None:
    found = interrupts.device_interrupts(irq_files(tmp_path).host, 1)
    assert found == {"24 ACPI:Ged": 0, "38 eth2-rx-0": 7, "39 eth2-tx-0": 0}


@pytest.mark.parametrize(
    ("cpu0", "cpu1", "interface", "holds"),
    [
        (9, 7, "", True),
        (9, 8, "", False),
        (5, 7, "", None),  # none came
        (9, 7, "eth2", True),
        (5, 9, "eth2", False),
    ],
)
def test_a_device_interrupt_on_a_hot_cpu_is_seen(
    tmp_path: Path, meanwhile, cpu0: int, cpu1: int, interface: str, holds: bool | None
) -> None:
    files = irq_files(tmp_path)
    meanwhile(lambda: files.write("/proc/interrupts", TABLE.format(cpu0, cpu1, 500)))
    found = EFFECTS["irq-count"](files.scope(), wish("", interface))
    assert found.holds is holds
    assert ("38 eth2-rx-0" in found.seen) is (holds is False)


@pytest.mark.parametrize(("value", "holds"), [("1", True), ("spread 1", True), ("0", False)])
def test_a_card_whose_cpus_are_listed_has_its_interrupts_there_alone(
    tmp_path: Path, meanwhile, value: str, holds: bool
) -> None:
    files = irq_files(tmp_path)
    meanwhile(lambda: files.write("/proc/interrupts", TABLE.format(5, 9, 500)))
    assert EFFECTS["irq-count"](files.scope(), wish(value, "eth2")).holds is holds


def test_a_cpu_that_takes_interrupts_by_its_role_may_have_them(tmp_path: Path, meanwhile) -> None:
    files = irq_files(tmp_path)
    meanwhile(lambda: files.write("/proc/interrupts", TABLE.format(5, 9, 500)))
    both = Roles(hot=(1,), irq=(1,), housekeeping=(0,))
    assert EFFECTS["irq-count"](files.scope(both), wish("")).holds is True


@pytest.mark.parametrize(
    ("irqs", "packets", "value", "holds"),
    [
        (20, 20, {"rx-usecs": "0", "adaptive-rx": "off"}, True),
        (3, 20, {"rx-usecs": "0"}, False),
        (3, 90_000, {"rx-usecs": "0"}, None),  # so many share one
        (0, 0, {"rx-usecs": "0"}, None),
        (3, 20, {"rx-usecs": "50"}, None),
        (3, 20, {"rx-usecs": "0", "adaptive-rx": "on"}, None),
        (3, 20, "off", None),
    ],
)
def test_coalescing_is_told_by_interrupts_a_packet(
    tmp_path: Path, meanwhile, irqs: int, packets: int, value: Value, holds: bool | None
) -> None:
    files = irq_files(tmp_path)

    def traffic() -> None:
        files.write("/proc/interrupts", TABLE.format(5 + irqs, 7, 500))
        files.write(f"{NET}/statistics/rx_packets", str(100 + packets))

    meanwhile(traffic)
    assert EFFECTS["coalescing"](files.scope(), wish(value, "eth2")).holds is holds


@pytest.mark.parametrize("name", ["../eth2", "", ".", "a b", "eth9", "-x", "e" * 16, "a\x1b"])
def test_an_interface_that_is_none_has_no_interrupts(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=r"interface|no interrupts of its own") as raised:
        interrupts.interrupts_per_packet(irq_files(tmp_path).host, name, 0.0)
    assert "\x1b" not in str(raised.value)


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_no_table_of_interrupts_breaks_the_counting(text: str) -> None:
    class Tree:
        def text(self, name: str) -> str:
            return "     CPU0   CPU1\n" + text

    host = Host(Path("/nonexistent"))
    host.tree = Tree()  # type: ignore[assignment]
    assert all(n >= 0 for n in interrupts.device_interrupts(host, 1).values())


# --- what is made of measurements ---


def here(monkeypatch: pytest.MonkeyPatch, files: Files, roles: Roles = ROLES) -> Scope:
    """A tree that passes for this machine: measurements are made up, none is made."""
    monkeypatch.setattr(Host, "is_this_machine", property(lambda self: True))
    return files.scope(roles)


@pytest.mark.parametrize(
    ("blocking", "value", "holds"),
    [(12_000, "0", True), (65_000, "0", False), (65_000, "2000", None), (12_000, "n/a", True)],
)
def test_a_blocking_round_trip_is_judged_by_a_spinning_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blocking: int, value: str, holds: bool | None
) -> None:
    monkeypatch.setattr(round_trips, "blocking_rtt_ns", lambda cpus, n: [blocking] * n)
    monkeypatch.setattr(round_trips, "spinning_rtt_ns", lambda cpus, n: [8_000] * n)
    found = EFFECTS["blocking-rtt"](here(monkeypatch, Files(tmp_path, {})), wish(value))
    assert found.holds is holds


def test_a_host_with_one_cpu_has_no_round_trips(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = Roles((0,), (0,), (0,))
    found = EFFECTS["blocking-rtt"](here(monkeypatch, Files(tmp_path, {}), one), wish("0"))
    assert (found.holds, found.why) == (None, "needs two CPUs")


@pytest.mark.parametrize(
    ("gap_ms", "value", "holds"),
    [
        (50, "950000", True),
        (8, "950000", None),  # nobody needed the time
        (8, "-1", True),
        (50, "-1", False),
        (8, "999999", None),  # a hole too small to be told
        (8, "a lot", None),
    ],
)
def test_the_hole_of_real_time_is_judged_by_what_the_setting_leaves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gap_ms: int, value: str, holds: bool | None
) -> None:
    monkeypatch.setattr(fifo, "fifo_longest_gap_ns", lambda cpu: gap_ms * 1_000_000)
    files = Files(tmp_path, {fifo.PERIOD_US: "1000000"})
    assert EFFECTS["fifo-gap"](here(monkeypatch, files), wish(value)).holds is holds


def test_a_real_time_probe_never_takes_the_only_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "cpus", lambda self: [0])
    monkeypatch.setattr(fifo, "numbers", lambda *a, **k: pytest.fail("a probe was started"))
    with pytest.raises(OSError, match="the only CPU"):
        fifo.fifo_longest_gap_ns(0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 60.0, float("nan")])
def test_a_real_time_probe_is_short(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(fifo, "numbers", lambda *a, **k: pytest.fail("a probe was started"))
    with pytest.raises(ValueError, match="up to 5 s"):
        fifo.fifo_longest_gap_ns(1, seconds)


@pytest.mark.parametrize(("ticks", "holds"), [(250, False), (1, True)])
def test_a_tick_that_still_comes_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, meanwhile, ticks: int, holds: bool
) -> None:
    @contextmanager
    def at_work(kind: str, cpus: list[int], seconds: float) -> Iterator[None]:
        assert (kind, list(cpus)) == ("spin", [1])
        yield

    files = irq_files(tmp_path)
    clock = iter([10.0, 11.0])
    monkeypatch.setattr(interrupts, "at_work", at_work)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    meanwhile(lambda: files.write("/proc/interrupts", TABLE.format(5, 7, 500 + ticks)))
    found = EFFECTS["timer-ticks"](here(monkeypatch, files), wish("1"))
    assert found.holds is holds
    assert found.seen == f"{ticks} ticks/s (CPU 1)"


@pytest.mark.parametrize(("read_ns", "holds"), [(60.0, True), (900.0, False)])
def test_a_clock_that_is_a_call_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read_ns: float, holds: bool
) -> None:
    took = {"coarse": 50.0, "read": read_ns, "call": 500.0}
    monkeypatch.setattr(clocks, "clock_read_ns", lambda: took)
    scope = here(monkeypatch, Files(tmp_path, {}))
    assert EFFECTS["clock-read"](scope, wish("tsc")).holds is holds


@pytest.mark.parametrize(("ratio", "holds"), [(1.02, True), (2.4, False)])
def test_a_cpu_that_is_slow_after_a_rest_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ratio: float, holds: bool
) -> None:
    monkeypatch.setattr(clocks, "spin_up", lambda cpu: ratio)
    scope = here(monkeypatch, Files(tmp_path, {}))
    assert EFFECTS["spin-up"](scope, wish("performance")).holds is holds


SMALL, LARGE = pages.N_PAGES, 9


@pytest.mark.parametrize(
    ("plain", "advised", "value", "holds"),
    [
        (SMALL, SMALL, "never", True),
        (SMALL, LARGE, "never", False),
        (LARGE, LARGE, "never", False),
        (SMALL, LARGE, "madvise", True),
        (LARGE, LARGE, "madvise", False),
        (SMALL, SMALL, "madvise", None),
        (LARGE, LARGE, "always", True),
        (SMALL, SMALL, "always", None),
        (SMALL, SMALL, "0", None),
    ],
)
def test_pages_are_told_by_the_faults_that_touching_them_takes(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    plain: int,
    advised: int,
    value: str,
    holds: bool | None,
) -> None:
    monkeypatch.setattr(pages, "page_faults", lambda *, advised=False: (plain, found)[advised])
    found = advised
    scope = here(monkeypatch, Files(tmp_path, {}))
    assert EFFECTS["page-faults"](scope, wish(value)).holds is holds


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        ("16", [2 << 20]),
        ("0", []),
        ("2048=16 1048576=1", [2 << 20, 1 << 30]),
        ({"2048": "16"}, [2 << 20]),
        ("2048=0", []),
        ("3000=5", []),
        ("", []),
    ],
)
def test_huge_pages_are_asked_for_by_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: Value, sizes: list[int]
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(pages, "huge_page_bytes", lambda size: asked.append(size) or size)
    found = EFFECTS["huge-pages"](here(monkeypatch, Files(tmp_path, {})), wish(value))
    assert asked == sizes
    assert found.holds is (True if sizes else None)


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_on_a_recorded_host_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, meanwhile, name: str
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("something was started"))
    meanwhile(lambda: None)
    found = EFFECTS[name](irq_files(tmp_path).scope(), wish("0"))
    assert isinstance(found, Proof)
    assert (found.level, found.target, found.holds) == ("effect", name, None)
    assert found.why
    json.dumps(found.as_json())


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("-1", -1), (" 7 ", 7), ("1.5", None), ("", None), ("9" * 40, None), ("٣", None)],
)
def test_a_wish_is_a_number_or_it_is_not(value: str, number: int | None) -> None:
    assert whole_number(wish(value)) == number


@pytest.mark.parametrize(
    ("value", "cpus"),
    [("0-1", [0, 1]), ("managed_irq,domain,1", [1]), ("64", [1]), ("x", [1]), ({"a": "0"}, [1])],
)
def test_a_wish_names_its_cpus_or_means_the_hot_ones(
    tmp_path: Path, value: Value, cpus: list[int]
) -> None:
    assert list(cpus_of(Files(tmp_path, {}).scope(), wish(value))) == cpus


# --- children ---


@pytest.mark.parametrize(
    ("said", "message"), [("errno 1", "not permitted"), ("", "without a result")]
)
def test_what_a_child_was_refused_is_an_error_here(said: str, message: str) -> None:
    with pytest.raises(OSError, match=message):
        children._checked(said.encode())


def test_a_child_that_says_anything_but_ready_is_not_begun_with() -> None:
    with pytest.raises(OSError, match="without a result"):
        children._checked(b"hello", ready=True)


def test_the_text_of_a_child_needs_nothing_of_ours() -> None:
    compile(children.source(), child.__file__, "exec")
    assert "harness" not in children.source()


def test_effects_cost_a_far_host_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import harness.tuning.effects, harness.tuning.gaps; "
        "print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'engine', 'pydantic')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_callers_keep_their_threads_cpus_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (
        os.sched_getaffinity(0),
        resource.getrlimit(resource.RLIMIT_CPU),
        threading.active_count(),
    )
    children.numbers("spin-up", min(os.sched_getaffinity(0)), seconds=1.0)
    after = (
        os.sched_getaffinity(0),
        resource.getrlimit(resource.RLIMIT_CPU),
        threading.active_count(),
    )
    assert before == after


# --- gaps of hosts without an engine ---

GOOD = {"cpu": 2, "seconds": 1.0, "threshold_ns": 1000, "gaps_ns": [5000, 7000], "instrument": "x"}


def test_gaps_of_another_host_become_a_floor_that_names_its_instrument() -> None:
    (record,) = floor_records([GOOD])
    assert (record["cpu"], record["role"], record["n_gaps"]) == (2, "hot", 2)
    assert (record["lost_ns"], record["max_ns"], record["instrument"]) == (12_000, 7000, "x")


@pytest.mark.parametrize(
    "change",
    [
        {"cpu": -1},
        {"cpu": "x"},
        {"cpu": None},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"seconds": 1e300},
        {"threshold_ns": -5},
        {"gaps_ns": "5000"},
        {"gaps_ns": [-1]},
        {"gaps_ns": [float("inf")]},
        {"gaps_ns": [[1]]},
        {"gaps_ns": [2e9]},
        {"gaps_ns": ["\x1b[2J"]},
    ],
    ids=repr,
)
def test_gaps_that_no_clock_can_have_shown_are_one_line(change: dict[str, object]) -> None:
    with pytest.raises(HostError, match=r"^not a record of gaps: ") as raised:
        floor_records([GOOD | change])
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize(("cpus", "seconds"), [([], 1.0), ([0, 0], 1.0), ([0], 0.0), ([0], 1e9)])
def test_a_look_without_cpus_or_time_is_refused(cpus: list[int], seconds: float) -> None:
    with pytest.raises(ValueError, match="a look takes"):
        gaps(cpus, seconds)
