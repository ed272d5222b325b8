"""Engines with a fault put in on purpose, against what must catch it."""

from __future__ import annotations

import shutil

import pytest
import seeded_builds

from harness.commands.gate import setting_of
from harness.regression import abba, gate
from harness.regression.abba import Side, Subject
from harness.regression.builds import Build, BuildError
from harness.regression.gate import State
from harness.regression.measured import Setting, asker, canary_on

PARSE = Subject("fix.parse", "stream")
needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="no C compiler: seeded builds cannot be made"
)
pytestmark = [needs_compiler, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def sound() -> Build:
    return seeded_builds.build()


@pytest.fixture(scope="module")
def setting() -> Setting:
    return setting_of("30ms")


def compared(base: Build, head: Build, setting: Setting, pairs: int) -> list[gate.Finding]:
    sides = {Side.BASE: base, Side.HEAD: head}
    blocks = abba.compare(
        asker(sides, setting), canary_on(setting.cpu), [PARSE], pairs=pairs, seed=1
    )
    return gate.decide(blocks, [PARSE])


def test_a_fault_changes_what_is_loaded(sound):
    assert seeded_builds.build(seeded_builds.TEN_PERCENT).core_sha256 != sound.core_sha256


def test_a_crawling_parser_is_beyond_its_target_in_its_fastest_batch(setting):
    ask = asker({Side.HEAD: seeded_builds.build(seeded_builds.CRAWLING)}, setting)
    assert ask(Side.HEAD, [PARSE]).readings[PARSE].value_ns > 500.0


def test_a_wrong_parser_is_called_wrong_however_fast_it_is(sound, setting):
    wrong = seeded_builds.build(seeded_builds.WRONG_ANSWER)
    (found,) = compared(sound, wrong, setting, pairs=1)
    assert found.state is State.WRONG


def test_a_parser_that_allocates_is_counted(setting):
    from harness.bench.launch import measure
    from harness.bench.plan import ComponentPlan

    seen = measure(
        ComponentPlan("fix.parse", "stream", setting.cpu, 30_000_000, setting.streams["fix"],
                      is_replayed=False, warmup_max_ns=200_000_000),
        engine=seeded_builds.build(seeded_builds.ALLOCATION).site,
    )  # fmt: skip
    assert seen["facts"]["allocs"] > 0


def test_a_source_that_does_not_compile_is_told_in_a_line():
    with pytest.raises(BuildError, match=r"broken: does not build: .*error") as told:
        seeded_builds.build(seeded_builds.BROKEN)
    assert "\n" not in str(told.value)


@pytest.mark.perf
def test_a_parser_ten_percent_slower_is_confirmed_within_six_pairs(sound):
    slow = seeded_builds.build(seeded_builds.TEN_PERCENT)
    (found,) = compared(sound, slow, setting_of("200ms"), pairs=6)
    assert found.state is State.CONFIRMED, found.reason


@pytest.mark.perf
@pytest.mark.timeout(3600)
def test_forty_comparisons_of_a_build_with_itself_give_at_most_one_alarm(sound):
    setting = setting_of("100ms")
    found = [compared(sound, sound, setting, pairs=6)[0] for _ in range(40)]
    alarms = [one.reason for one in found if one.state is State.CONFIRMED]
    assert len(alarms) <= 1, alarms
