"""Nights in a row: what counts, what is suspect, and what is set apart with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_compare import entry, metric

from harness.cli import main
from harness.errors import RedlineError
from harness.history.entry import Entry, Metric
from harness.history.store import Store
from harness.history.suspicion import suspicion
from harness.history.trend import Series, series_of


def nights(values: list[float], *more: Metric) -> list[Entry]:
    return [
        entry(
            replace(metric([value]), value=value, p50=value / 2),
            *more,
            run_id=f"202601{i // 24 + 1:02}T{i % 24:02}0000Z-{i:06x}",
            started_utc=f"2026-01-{i // 24 + 1:02}T{i % 24:02}:00:00Z",
            sums_sha256=f"{i:064x}",
        )
        for i, value in enumerate(values)
    ]


def quiet(n: int) -> list[float]:
    return list(100 * (1 + 0.005 * np.random.default_rng(n).standard_normal(n)))


def only(entries: list[Entry], statistic: str = "value") -> Series:
    (series,) = series_of(entries, "fix.parse", statistic)
    return series


def test_a_slow_night_is_suspect_and_the_quiet_ones_are_not() -> None:
    runs = nights([*quiet(20), 112.0])
    assert only(runs).suspects == (runs[-1].id,)
    assert only(runs[:-1]).suspects == ()


def test_a_step_is_said_with_its_first_night_and_size() -> None:
    runs = nights([*quiet(25), *(1.1 * value for value in quiet(8))])
    ((first, step),) = only(runs).steps
    assert abs([run.id for run in runs].index(first) - 25) <= 2
    assert step.shift == pytest.approx(0.1, abs=0.02)


def test_unjudged_and_incomplete_nights_stand_apart() -> None:
    runs = nights(quiet(10))
    noisy = replace(runs[3].metrics[0], state="UNJUDGEABLE", reason="host noise", value=900.0)
    runs[3] = replace(runs[3], metrics=(noisy,))
    runs[5] = replace(runs[5], status="incomplete")
    series = only(runs)
    assert {night.run_id: night.void for night in series.nights if night.void} == {
        runs[3].id: "UNJUDGEABLE: host noise",
        runs[5].id: "the run was cut off",
    }
    assert series.suspects == ()


def test_the_median_can_be_followed_where_the_tail_cannot_be_judged() -> None:
    runs = nights(quiet(10))
    noisy = replace(runs[3].metrics[0], state="UNJUDGEABLE")
    runs[3] = replace(runs[3], metrics=(noisy,))
    assert len(only(runs, "p50").judged) == 10
    assert only(runs, "p50").statistic == "p50"


def test_a_night_whose_canary_moved_says_nothing_of_the_code() -> None:
    still, moved = (replace(metric([1.0], "canary.cpu"), value=v, state=None) for v in (50.0, 56.0))
    runs = nights([*quiet(20), 130.0], still)
    runs[-1] = replace(runs[-1], metrics=(runs[-1].metrics[0], moved))
    series = only(runs)
    assert series.nights[-1].void == "canary.cpu took +12.0% of its usual time"
    assert series.suspects == ()


def test_environments_are_series_of_their_own() -> None:
    runs = nights(quiet(6)) + [replace(run, fingerprint="a" * 64) for run in nights(quiet(6))]
    assert len(series_of(runs, "fix.parse")) == 2


def of_revision(run: Entry, revision: str | None, changes: str = "clean") -> Entry:
    facts = {"source.revision": revision, "source.changes_sha256": changes}
    plain = {name: {"value": v, "source": "git", "reason": None} for name, v in facts.items()}
    return replace(run, facts={**run.facts, **plain})


def test_a_suspect_night_names_the_revisions_to_measure_again() -> None:
    runs = [of_revision(run, f"rev{i}") for i, run in enumerate(nights([*quiet(20), 112.0]))]
    found = suspicion(runs, "fix.parse")
    assert found is not None
    assert (found.base, found.head) == ("rev19", "rev20")
    assert suspicion(runs[:-1], "fix.parse") is None


def test_a_second_slow_night_is_still_compared_with_the_last_good_one() -> None:
    values = [*quiet(20), 112.0, 113.0]
    runs = [of_revision(run, f"rev{i}") for i, run in enumerate(nights(values))]
    found = suspicion(runs, "fix.parse")
    assert found is not None
    assert (found.base, found.head) == ("rev19", "rev21")


@pytest.mark.parametrize(
    ("revision", "changes", "says"),
    [(None, "clean", "not run from a checkout"), ("abc", "f" * 64, "run from a changed tree")],
)
def test_a_night_that_nobody_can_build_again_is_one_line(
    revision: str | None, changes: str, says: str
) -> None:
    runs = [of_revision(run, revision, changes) for run in nights([*quiet(20), 112.0])]
    with pytest.raises(RedlineError, match=says):
        suspicion(runs, "fix.parse")


def test_the_gate_measures_nothing_while_nothing_is_suspect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "h.db"
    with Store.open(where) as store:
        for run in nights(quiet(20)):
            store.add(run)
    assert main(["gate", "--history", str(where)]) == 0
    assert capsys.readouterr().out == "nothing is suspect\n"


@pytest.mark.parametrize(
    "words", [[], ["--base", "a"], ["--history", "x.db", "--base", "a", "--head", "b"]]
)
def test_a_gate_without_two_builds_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", *words]) == 2
    assert "--base and --head" in capsys.readouterr().err


def test_the_command_shows_a_suspect_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "h.db"
    with Store.open(where) as store:
        for run in nights([*quiet(20), 112.0]):
            store.add(run)
    assert main(["trend", "fix.parse", "--history", str(where)]) == 1
    out = capsys.readouterr().out
    assert "suspect: 20260101T200000Z-000014: 112 ns" in out
    assert main(["trend", "nothing", "--history", str(where)]) == 0
    assert "no figure of nothing" in capsys.readouterr().out
