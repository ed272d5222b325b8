"""Two sides are compared within one environment, by ranks; what n cannot say is not claimed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_dirs import build

from harness.cli import main
from harness.errors import RedlineError
from harness.history.compare import Comparison, Outcome, Unlike, compare
from harness.history.entry import Entry, Metric

FACTS = {"cpu.model": {"value": "one", "source": "x", "reason": None}}


def metric(values: Sequence[float], name: str = "fix.parse", lower: bool = True) -> Metric:
    return Metric(
        key=f"{name}|stream|pair|one thread",
        id=name,
        unit="ns",
        statistic="p99",
        value=float(np.median(values)),
        p50=None,
        state="PASS",
        reason="",
        n=1000,
        values=tuple(values) if len(values) > 1 else (),
        lower_is_better=lower,
    )


def entry(*metrics: Metric, run_id: str = "20260101T000000Z-000001", **changes: Any) -> Entry:
    return replace(
        Entry(
            run_id,
            "2026-01-01T00:00:00Z",
            "week1",
            "complete",
            "READY",
            True,
            "f" * 64,
            {},
            "0" * 64,
            metrics,
            FACTS,
        ),
        **changes,
    )


def draws(seed: int, n: int, scale: float = 1.0) -> list[float]:
    return list(scale * 100 * (1 + 0.01 * np.random.default_rng(seed).standard_normal(n)))


def only_row(found: Comparison) -> Any:
    (row,) = found.rows
    return row


@pytest.mark.parametrize(
    ("scale", "lower", "outcome"),
    [
        (1.10, True, Outcome.WORSE),
        (0.90, True, Outcome.BETTER),
        (1.10, False, Outcome.BETTER),
        (0.90, False, Outcome.WORSE),
        (1.00, True, Outcome.SAME),
        (1.01, True, Outcome.SAME),
    ],
)
def test_a_shift_has_a_direction_that_the_metric_gives_it(
    scale: float, lower: bool, outcome: Outcome
) -> None:
    a, b = entry(metric(draws(1, 10), lower=lower)), entry(metric(draws(2, 10, scale), lower=lower))
    assert only_row(compare([a], [b])).outcome is outcome


def test_what_shows_no_difference_says_what_it_could_have_seen() -> None:
    row = only_row(compare([entry(metric(draws(1, 8)))], [entry(metric(draws(2, 8)))]))
    assert 0.005 < row.could_see < 0.05
    assert "would be found four times in five" in row.reason


@pytest.mark.parametrize("n", [1, 3, 4])
def test_too_few_values_cannot_decide(n: int) -> None:
    row = only_row(compare([entry(metric(draws(1, n)))], [entry(metric(draws(2, n, 2.0)))]))
    assert row.outcome is Outcome.CANNOT_DECIDE
    assert "5 and 5 can decide" in row.reason


def test_runs_of_a_side_count_together() -> None:
    a = [entry(metric(draws(i, 3)), run_id=f"20260101T00000{i}Z-000001") for i in range(2)]
    b = [entry(metric(draws(9 + i, 3, 1.2)), run_id=f"20260102T00000{i}Z-000001") for i in range(2)]
    assert only_row(compare(a, b)).outcome is Outcome.WORSE


def test_many_metrics_at_once_are_corrected_for() -> None:
    """One p just below 1 % is a difference alone, and none among twenty."""
    near = [100.0, 101, 102, 103, 104]
    far = [105.0, 106, 107, 108, 109]
    others_a = [metric(draws(i, 5), f"m{i}") for i in range(20)]
    others_b = [metric(draws(50 + i, 5), f"m{i}") for i in range(20)]
    alone = compare([entry(metric(near))], [entry(metric(far))])
    among = compare([entry(metric(near), *others_a)], [entry(metric(far), *others_b)])
    assert only_row(alone).outcome is Outcome.WORSE
    assert next(r for r in among.rows if r.key.startswith("fix")).outcome is Outcome.SAME


def test_equal_sides_are_seldom_called_different() -> None:
    alarms = sum(
        only_row(
            compare([entry(metric(draws(2 * i, 8)))], [entry(metric(draws(2 * i + 1, 8)))])
        ).outcome
        is not Outcome.SAME
        for i in range(60)
    )
    assert alarms <= 1


def test_two_modes_are_shown_as_modes() -> None:
    two = [*draws(1, 7), *draws(2, 3, 1.5)]
    row = only_row(compare([entry(metric(draws(3, 10)))], [entry(metric(two))]))
    assert [mode.n for mode in row.modes_b] == [7, 3]
    assert row.modes_a == ()


def test_another_environment_is_refused_and_its_fields_are_named() -> None:
    other = {"cpu.model": {"value": "two", "source": "x", "reason": None}}
    a, b = entry(metric(draws(1, 8))), entry(metric(draws(2, 8)), facts=other)
    with pytest.raises(
        Unlike, match=r"differ in hardware \(cpu.model: one / two\); --allow hardware"
    ):
        compare([a], [b])
    found = compare([a], [b], ["hardware"])
    assert [one.name for one in found.differences] == ["cpu.model"]
    with pytest.raises(Unlike):
        compare([a], [b], ["kernel"])


def test_runs_of_one_side_must_be_alike_too() -> None:
    other = {"cpu.model": {"value": "two", "source": "x", "reason": None}}
    a = entry(metric(draws(1, 8)))
    with pytest.raises(Unlike):
        compare([a, replace(a, facts=other)], [a])


def test_a_part_that_does_not_exist_is_one_line() -> None:
    a = entry(metric(draws(1, 8)))
    with pytest.raises(RedlineError, match="no part 'moon'; there are hardware"):
        compare([a], [a], ["moon"])


def test_what_one_side_alone_has_is_said() -> None:
    a, b = entry(metric([1.0, 2.0], "x")), entry(metric([1.0, 2.0], "y"))
    assert [key.split("|")[0] for key in compare([a], [b]).only] == ["x", "y"]


def test_the_command_compares_run_directories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = build(tmp_path / "a", "good", blocks=5), build(tmp_path / "b", "failing", blocks=5)
    code = main(["compare", str(a), str(b)])
    out = capsys.readouterr().out
    assert out.splitlines()[2] == "environment: the same"
    assert "e2e.wire p99, itch synthetic stream" in out
    assert code == 1
    assert main(["compare", str(a), str(b), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["schema"] == "redline.compare/1"


def test_a_run_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2
    assert "not a run directory" in capsys.readouterr().err
