"""The same seed is the same day in every build: plain, optimised, sanitized.

What differs between builds but not between runs of one (an uninitialised value, an order of
evaluation, a width) is seen by nothing else.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SKIPS = 77
BUILD = Path(__file__).parents[2] / "build"
FLAVOURS = ("dev", "release", "asan", "ubsan", "tsan", "cov")
# A rough day of a venue: its events, counters, what was injected and observed. And a whole engine's
# work on its own thread: the orders that it decided on, and its books.
DAYS = ("test_drill", "test_trial")


def day(program: Path, seed: int) -> str:
    """What a day of that seed came to: hashes and counts."""
    words = [program, "day", str(seed)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode == SKIPS:
        pytest.skip(done.stderr.strip())
    done.check_returncode()
    return done.stdout


def different(days: Mapping[str, str]) -> list[str]:
    """The flavours whose day is not that of the first."""
    first = next(iter(days.values()))
    return [name for name, seen in days.items() if seen != first]


def programs(test: str) -> dict[str, Path]:
    """The program of each flavour that is built, and built from the test as it is now."""
    source = (Path(__file__).parents[1] / "c" / f"{test}.c").stat().st_mtime
    built = {name: BUILD / name / "tests" / "c" / test for name in FLAVOURS}
    return {n: p for n, p in built.items() if p.exists() and p.stat().st_mtime > source}


@pytest.mark.parametrize("test", DAYS)
def test_the_same_seed_is_the_same_day_in_every_build(test: str) -> None:
    built = programs(test)
    if len(built) < 2:
        pytest.skip(f"only {', '.join(built) or 'none'} of {', '.join(FLAVOURS)} is built")
    days = {name: day(program, 11) for name, program in built.items()}
    assert all("holds 0" not in seen for seen in days.values()), days
    assert different(days) == [], days


@pytest.mark.parametrize("test", DAYS)
def test_another_day_is_told_apart(test: str) -> None:
    built = programs(test)
    if not built:
        pytest.skip(f"{test} is not built: cmake --workflow --preset dev")
    name, program = next(iter(built.items()))
    assert different({name: day(program, 11), "another": day(program, 12)}) == ["another"]
