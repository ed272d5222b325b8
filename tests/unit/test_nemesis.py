"""`redline exchange nemesis`: days drawn by seed hold, and one that breaks is made small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.exchange import drill as days
from engine.exchange.drill import Check, Outcome, Row
from harness.cli import main
from harness.config.drill import DrillConfig
from harness.config.loader import parse
from harness.exchange import nemesis
from harness.exchange.nemesis import MISCHIEF, Day, draw, smaller, text_of, try_days

N_DAYS = 40


def outcome_of(day: Day, *, holds: bool) -> Outcome:
    row = Row("GARBAGE", "runs of garbage", int("garbage" in day[MISCHIEF]), 1)
    return Outcome((row,), (Check("BOOKS", "books", holds, ""),), {}, 0, holds)


def garbage_and_resets_break(day: Day) -> Outcome:
    return outcome_of(day, holds=not {"garbage", "resets"} <= set(day[MISCHIEF]))


def test_the_days_of_some_seeds_hold_and_try_every_fault() -> None:
    *_, tried = try_days(range(1, 1 + N_DAYS))
    assert tried.broken is None
    assert tried.n_days == N_DAYS
    assert tried.untried == []


def test_a_seed_is_always_the_same_day_and_another_is_another() -> None:
    assert text_of(draw(7)) == text_of(draw(7))
    assert len({text_of(draw(seed)) for seed in range(100)}) == 100


def test_every_day_is_a_file_of_a_drill() -> None:
    for seed in range(300):
        assert parse(text_of(draw(seed)), DrillConfig, name="day").seed == seed


def test_a_day_that_breaks_loses_all_that_it_breaks_without() -> None:
    *_, tried = try_days(range(1, 100), garbage_and_resets_break)
    assert tried.broken is not None
    assert set(tried.broken[MISCHIEF]) == {"garbage", "resets"}
    assert tried.broken["desks"] == 1
    assert int(tried.broken["duration"].removesuffix("ms")) < 200
    assert tried.n_days == tried.broken["seed"]  # none is tried after it


def test_what_cannot_be_made_smaller_stays() -> None:
    day = draw(1)
    assert smaller(day, lambda other: outcome_of(other, holds=other != day)) == day


def test_a_broken_day_is_written_and_breaks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forgetful(config: days.Drill, mischief: object = None) -> Outcome:
        seen = days.drill(config, mischief)  # type: ignore[arg-type]
        rows = tuple(replace(row, observed=0) if row.name == "BUST" else row for row in seen.rows)
        return replace(seen, rows=rows, holds=all(r.injected == r.observed for r in rows))

    monkeypatch.setattr(nemesis, "drill", forgetful)
    out = tmp_path / "broken.yaml"
    assert main(["exchange", "nemesis", "--days", "20", "--out", str(out)]) == 1
    assert "BROKEN  the day of seed" in capsys.readouterr().out
    day = parse(out.read_text(), DrillConfig, name="day")
    assert day.mischief.busts is not None
    assert day.mischief.garbage is None
    assert main(["exchange", "drill", str(out)]) == 0  # by the real desks, who see busts


def test_a_fault_that_no_day_had_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange", "nemesis", "--days", "1"]) == 1
    assert "not tried: " in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nemesis, "drill", lambda *_: outcome_of({MISCHIEF: {}}, holds=False))
    assert main(["exchange", "nemesis", "--days", "1", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: is a directory\n"


def test_a_clock_that_is_behind_is_a_negative_number() -> None:
    outcome = days.drill(days.Drill(duration_ns=200_000_000), days.Mischief(skew_ns=-3_000_000))
    (skew,) = (row for row in outcome.rows if row.name == "SKEW")
    assert (skew.injected, skew.observed) == (-3_000_000, -3_000_000)


def test_a_message_that_waited_does_not_hide_that_the_clock_was_right() -> None:
    config = days.Drill(
        seed=67,
        n_desks=2,
        n_instruments=1,
        duration_ns=2_490_000_000,
        step_ns=200_000,
        actions_per_s=800,
    )
    wrong = days.Mischief(
        seed=67,
        halts=((162_000_000, 100_000_000),),
        silence_chance=400,
        silence_ns=5_000_000_000,
    )
    outcome = days.drill(config, wrong)
    assert outcome.holds, outcome.rows
