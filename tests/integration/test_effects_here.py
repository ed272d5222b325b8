"""Effects on this machine: what is measured exists, counts add up, and nothing is left behind.

How long anything takes is asked in tests/perf/test_effects.py.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from harness.tuning import effects
from harness.tuning.effects import children, fifo, pages
from harness.tuning.gaps import gaps
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles, Scope, Wish
from integration.real_host import real_settings

ROOT = Path(__file__).parents[2]
CPUS = sorted(os.sched_getaffinity(0))
THP = "/sys/kernel/mm/transparent_hugepage/enabled"
HUGE = "/proc/sys/vm/nr_hugepages"

ENDED_BY_KERNEL = (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL)  # whichever is first

needs_two = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")


def scope() -> Scope:
    return Scope(Host(), Roles(tuple(CPUS[1:]), tuple(CPUS[:1]), tuple(CPUS[:1])))


def wish(value: str) -> Wish:
    return Wish("some.knob", value)


def needs_fifo() -> None:
    try:
        with children.child("fifo-gap", CPUS[-1], 0.0, seconds=0.0):
            pass
    except OSError as error:
        pytest.skip(f"needs real-time priority: {(error.strerror or '').lower()}")


@needs_two
def test_round_trips_are_as_many_as_asked_for() -> None:
    pair = (CPUS[0], CPUS[1])
    assert len(effects.blocking_rtt_ns(pair, 30)) == 30
    assert min(effects.spinning_rtt_ns(pair, 50)) > 0


def test_round_trips_take_two_cpus() -> None:
    with pytest.raises(ValueError, match="two CPUs"):
        effects.blocking_rtt_ns((0, 0), 10)


def test_a_cpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(OSError, match="Invalid argument") as raised:
        effects.ticks_per_s(4000, 0.01)
    assert raised.value.errno == errno.EINVAL


def test_a_cpu_that_has_naps_enters_idle_states() -> None:
    try:
        found = effects.idle_entries(Host(), CPUS[-1], 0.1)
    except OSError as error:
        pytest.skip(f"needs cpuidle: {error.strerror or error}")
    assert all(n >= 0 for n in found.values())


def test_a_busy_cpu_has_ticks() -> None:
    assert effects.ticks_per_s(CPUS[-1], 0.2) > 0


def test_reading_the_clock_is_between_reading_memory_and_a_call() -> None:
    took = effects.clock_read_ns()
    assert took["coarse"] < took["call"]
    assert took["read"] > 0


def test_gaps_are_longer_than_their_threshold_and_shorter_than_the_look() -> None:
    (found,) = gaps(CPUS[-1:], 0.2)
    assert all(gap > found["threshold_ns"] for gap in found["gaps_ns"])
    assert sum(found["gaps_ns"]) <= found["seconds"] * 1e9


@pytest.mark.parametrize("value", ["never", "always"])
def test_faults_follow_the_setting_of_huge_pages(value: str) -> None:
    with real_settings(THP):
        Host().write(THP, value)
        n_faults = effects.page_faults()
        holds = effects.EFFECTS["page-faults"](scope(), wish(value)).holds
    if value == "never":
        assert n_faults >= pages.N_PAGES
        assert holds
    else:
        assert holds is (True if n_faults < pages.N_PAGES else None)  # memory may be in pieces


def test_a_reserved_huge_page_is_had_and_none_without() -> None:
    with real_settings(HUGE):
        reserved = int(Host().read(HUGE))
        Host().write(HUGE, str(reserved + 2))
        if int(Host().read(HUGE)) < reserved + 1:
            pytest.skip("needs a free huge page: memory is in pieces")
        assert effects.huge_page_bytes() == pages.HUGE
        assert effects.EFFECTS["huge-pages"](scope(), wish("2")).holds


@pytest.mark.parametrize("size", [0, -4096, 3 << 20, 8192, 1 << 40])
def test_a_size_that_no_page_has_is_refused(size: int) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        effects.huge_page_bytes(size)


# --- children end, whatever happens ---


def test_a_child_that_forgets_its_time_is_ended_by_the_kernel() -> None:
    with (
        pytest.raises(OSError, match="without a result"),
        children.child("spin", CPUS[-1], 60.0, seconds=0.0) as started,
    ):
        children.rest(started, 30)
    assert started.returncode in ENDED_BY_KERNEL


def test_a_real_time_child_that_forgets_its_time_is_ended_by_the_kernel() -> None:
    needs_fifo()
    with (
        pytest.raises(OSError, match="without a result"),
        children.child("fifo-gap", CPUS[-1], 60.0, seconds=0.0) as started,
    ):
        children.rest(started, 30)
    assert started.returncode in ENDED_BY_KERNEL


def test_a_child_dies_with_who_started_it() -> None:
    code = (
        "import os, signal; from harness.tuning.effects import children\n"
        f"with children.child('spin', {CPUS[-1]}, 50.0, seconds=50.0) as started:\n"
        "    print(started.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    stat = Path(f"/proc/{int(done.stdout)}/stat")
    for _ in range(500):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] in "ZX":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.01)
    pytest.fail("the child outlived who started it")


def test_a_far_end_of_round_trips_dies_with_its_near_end() -> None:
    if len(CPUS) < 2:
        pytest.skip("needs two CPUs")
    with children.child("round-trips", CPUS[0], CPUS[1], 10_000, 1000, 0, seconds=20.0) as started:
        listed = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
        assert len(listed) == 1
    far = Path(f"/proc/{listed[0]}")
    for _ in range(500):
        if not far.exists() or "\nState:\tZ" in (far / "status").read_text():
            return
        time.sleep(0.01)
    pytest.fail("the far end outlived the near one")


@needs_two
def test_two_real_time_probes_never_run_at_once() -> None:
    needs_fifo()
    with fifo._alone(), pytest.raises(OSError, match="another real-time probe") as raised:
        effects.fifo_longest_gap_ns(CPUS[-1], 0.1)
    assert raised.value.errno == errno.EBUSY
    assert effects.fifo_longest_gap_ns(CPUS[-1], 0.05) < 60e9


def test_effects_are_measured_from_within_a_zip(tmp_path: Path) -> None:
    package = tmp_path / "far.zip"
    with zipfile.ZipFile(package, "w") as parcel:
        for path in (ROOT / "harness/__init__.py", ROOT / "harness/errors.py"):
            parcel.write(path, path.relative_to(ROOT))
        for path in sorted((ROOT / "harness/tuning").rglob("*.py")):
            parcel.write(path, path.relative_to(ROOT))
    code = (
        f"import sys; sys.path.insert(0, {str(package)!r})\n"
        "from harness.tuning import effects\n"
        "assert '.zip' in effects.__file__, effects.__file__\n"
        f"print(effects.ticks_per_s({CPUS[-1]}, 0.05) >= 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout.strip(), done.stderr) == ("True", "")
