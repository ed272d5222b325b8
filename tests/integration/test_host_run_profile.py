"""`redline run --profile`: measured while tuned, written down, and this machine as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import needs_two_cpus, redline, the_run
from .real_host import bytes_of, real_settings

SWAPPINESS, STAT = "/proc/sys/vm/swappiness", "/proc/sys/vm/stat_interval"
FILES = (SWAPPINESS, STAT)

TINY = """\
name: tiny
why: What takes least, for tests of what is around a run.
bench: {kind: shm, ring: 4MiB}
input: {kind: synthetic, seed: 11, instruments: 8, orders: 2000, messages: 20000}
strategy: {imbalance: 30%, every: 1, lot: 10, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 20ms}
phases:
  - {phase: clock, window: 20ms}
  - phase: null_bench
    trials:
      - {id: null.itch, feed: itch, rate: 50k/s, warmup: 20ms, duration: 100ms,
         measures: {wire: null.wire}}
matrix: reports/matrix/week1.yaml
"""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.usefixtures("alone"),
]


@dataclass(frozen=True)
class Tuned:
    """A finished run, and how this machine was before and after it."""

    dir: Path
    wanted: dict[str, str]
    before: dict[str, bytes]
    after: dict[str, bytes]

    def json(self, name: str) -> Any:
        return json.loads((self.dir / name).read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With a state of its own for whatever is held in these tests."""
    folder = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDLINE_STATE", str(folder / "state"))
        yield folder


def profile(folder: Path, more: str = "") -> dict[str, str]:
    """Two settings that nobody else feels, neither as it stands."""
    wanted = {
        SWAPPINESS: "41" if bytes_of(SWAPPINESS) != b"41\n" else "42",
        STAT: "7" if bytes_of(STAT) != b"7\n" else "8",
    }
    (folder / "mine.yaml").write_text(
        "why: for a test\n"
        f"knobs: {{memory.swappiness: {wanted[SWAPPINESS]}, memory.stat-interval: {wanted[STAT]}}}"
        f"\n{more}"
    )
    return wanted


def now() -> dict[str, bytes]:
    return {file: bytes_of(file) for file in FILES}


@pytest.fixture(scope="module")
def tuned(folder: Path) -> Tuned:
    needs_two_cpus()
    (folder / "tiny.yaml").write_text(TINY)
    with real_settings(*FILES):
        before, wanted = now(), profile(folder)
        out = folder / "runs"
        words = ("run", folder / "tiny.yaml", "--profile", folder / "mine.yaml", "--out", out)
        done = redline(*words)
        after = now()
    assert done.returncode in (0, 1, 75), done.stderr
    found = the_run(out)
    return Tuned(found, wanted, before, after)


def test_everything_is_put_back(tuned: Tuned) -> None:
    assert tuned.after == tuned.before


def test_what_was_changed_is_in_the_run(tuned: Tuned) -> None:
    tuning = tuned.json("tuning.json")
    assert tuning["schema"] == "redline.tuning/1"
    done = {op["target"]: (op["before"], op["want"], op["state"]) for op in tuning["ops"]}
    assert done == {
        file: (tuned.before[file].decode().strip(), tuned.wanted[file], "change") for file in FILES
    }
    assert set(tuning["roles"]) == {"hot", "irq", "housekeeping"}


def test_it_was_measured_while_it_held(tuned: Tuned) -> None:
    facts = tuned.json("env.json")["facts"]
    assert facts["memory.swappiness"]["value"] == int(tuned.wanted[SWAPPINESS])
    assert facts["memory.stat_interval"]["value"] == int(tuned.wanted[STAT])
    assert facts["run.profile"]["value"].endswith("mine.yaml")


def test_the_run_verifies(tuned: Tuned) -> None:
    done = redline("verify", tuned.dir)
    assert done.returncode == 0, done.stdout


def test_it_is_another_environment_than_the_machine_as_it_is(tuned: Tuned) -> None:
    with real_settings():
        done = redline("host", "diff", tuned.dir, "local", "--json")
    differing = {one["name"] for one in json.loads(done.stdout)["differences"]}
    assert {"memory.swappiness", "memory.stat_interval"} <= differing


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("no-such", 2, "no profile 'no-such'"),
        ("mine.yaml", 3, "boot.redline_no_such: redline_no_such=1: reboot"),
    ],
)
def test_a_machine_that_cannot_be_so_is_not_measured(
    folder: Path, name: str, code: int, said: str
) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    with real_settings(*FILES):
        before = now()
        profile(
            folder,
            "require: {cmdline: {redline_no_such: 1}}\n"
            "on_unsupported: {boot.redline_no_such: fail}\n",
        )
        chosen = folder / name if name.endswith(".yaml") else name
        out = folder / "none"
        done = redline("run", folder / "tiny.yaml", "--profile", chosen, "--out", out)
        assert now() == before
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not out.exists()
