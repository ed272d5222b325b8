"""What shall go wrong, as a file: read exactly, refused in one line, replayed from histograms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.exchange.drill import Drill, drill
from engine.exchange.mischief import Mischief
from harness.config.drill import DrillConfig
from harness.config.loader import ConfigError, load, parse
from harness.config.mischief import MischiefConfig
from harness.measure.histogram import Histogram
from harness.measure.hlog import HlogWriter

ROUGH = Path(__file__).parents[2] / "scenarios" / "exchange" / "rough-day.yaml"
MS = 1_000_000


def mischief(text: str, beside: Path | None = None) -> Mischief:
    return parse(text, MischiefConfig, name="m.yaml").engine(7, beside)


def test_nothing_that_is_left_out_goes_wrong() -> None:
    assert mischief("{}") == Mischief(seed=7)


def test_every_word_reaches_the_engine() -> None:
    found = load(ROUGH, DrillConfig).mischief.engine(1)
    assert found.request_ns == (200_000, 300_000, 500_000, MS, 4 * MS)
    assert (found.slow_chance, found.slow_ns) == (20_000, 20 * MS)
    assert (found.late_fill_chance, found.late_fill_ns) == (30_000, 80 * MS)
    assert (found.duplicate_fill_chance, found.swap_chance) == (30_000, 30_000)
    assert (found.bust_chance, found.bust_after_ns) == (20_000, 150 * MS)
    assert (found.reject_burst_chance, found.reject_burst) == (2_000, 5)
    assert found.halts == ((2_000 * MS, 200 * MS), (6_000 * MS, 50 * MS))
    assert (found.garbage_chance, found.garbage_bytes) == (2_000, 40)
    assert (found.reset_chance, found.silence_chance) == (500, 200)
    assert (found.silence_ns, found.skew_ns, found.drift_per_mega) == (5_000 * MS, 3 * MS, 20)


def test_a_histogram_is_replayed_by_its_quantiles(tmp_path: Path) -> None:
    path = tmp_path / "answers.hlog"
    with HlogWriter(path, "ns") as log:
        log.append("answer", 0.0, 1.0, Histogram.from_values(range(1_000, 101_000, 100)))
    found = mischief("latency: {answer: {histogram: answers.hlog}}", tmp_path / "m.yaml").answer_ns
    assert len(found) == 1000
    assert list(found) == sorted(found)
    assert found[500] == pytest.approx(51_000, rel=0.01)
    assert found[990] == pytest.approx(100_000, rel=0.02)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resets: 5", "m.yaml:1: resets: no unit: 5"),
        ("late_fills: {chance: 3%}", "m.yaml:1: late_fills.by: is missing"),
        ("late_fills: {chance: 101%, by: 1ms}", "m.yaml:1: late_fills.chance:"),
        ("garbage: {chance: 1%, bytes: 100}", "m.yaml:1: garbage.bytes:"),
        ("resest: 1%", "m.yaml:1: resest: unknown key"),
        ("halts: [{at: 1s}]", "m.yaml:1: halts.0.for: is missing"),
        ("clock: {drift: 5000}", "m.yaml:1: clock.drift:"),
        ("latency: {answer: fast}", "m.yaml:1: latency.answer: not a duration: 'fast'"),
        ("latency: {answer: {sample: []}}", "m.yaml:1: latency.answer"),
        ("latency: {answer: {histogram: none.hlog}}", "none.hlog: no such file"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        mischief(text)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_the_rough_day_holds_and_is_the_same_again() -> None:
    config = load(ROUGH, DrillConfig)
    wanted = replace(config.engine(), duration_ns=1_000 * MS)
    first, second = (drill(wanted, config.mischief.engine(1)) for _ in range(2))
    assert first == second
    assert first.holds
    assert {row.name for row in first.rows if row.injected} >= {"LATE", "DUPLICATE", "BUST"}
    assert all(row.injected == row.observed for row in first.rows)


def test_another_seed_is_another_day() -> None:
    assert drill(Drill(seed=1)).hash != drill(Drill(seed=2)).hash


def test_faults_that_nobody_could_tell_apart_are_refused() -> None:
    with pytest.raises(OSError, match="slower than the venue's latency"):
        drill(Drill(), Mischief(answer_ns=(5 * MS,), slow_chance=1000, slow_ns=5 * MS))


@pytest.mark.parametrize(
    "wrong",
    [
        Mischief(slow_chance=1 << 33),
        Mischief(reset_chance=1_000_001),
        Mischief(n_waiting=-1),
        Mischief(answer_ns=()),
        Mischief(halts=((1, 1),) * 17),
    ],
)
def test_the_extension_checks_every_number(wrong: Mischief) -> None:
    with pytest.raises((ValueError, OSError)):
        drill(Drill(), wrong)
