"""The same seed is the same day in every build: plain, optimised, sanitized.

What differs between builds but not between runs of one (an uninitialised value, an order of
evaluation, a width) is seen by nothing else.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "build"
FLAVOURS = ("dev", "release", "asan", "ubsan", "cov")


def day(program: Path, seed: int) -> str:
    """One rough day: hash of the venue's events, counters, what was injected and observed."""
    done = subprocess.run(
        [program, "day", str(seed)], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def different(days: Mapping[str, str]) -> list[str]:
    """The flavours whose day is not that of the first."""
    first = next(iter(days.values()))
    return [name for name, seen in days.items() if seen != first]


def programs() -> dict[str, Path]:
    """test_drill of each flavour that is built, and built from the test as it is now."""
    source = (Path(__file__).parents[1] / "c" / "test_drill.c").stat().st_mtime
    built = {name: BUILD / name / "tests" / "c" / "test_drill" for name in FLAVOURS}
    return {n: p for n, p in built.items() if p.exists() and p.stat().st_mtime > source}


def test_the_same_seed_is_the_same_day_in_every_build() -> None:
    built = programs()
    if len(built) < 2:
        pytest.skip(f"only {', '.join(built) or 'none'} of {', '.join(FLAVOURS)} is built")
    days = {name: day(program, 11) for name, program in built.items()}
    assert all("holds 1" in seen for seen in days.values()), days
    assert different(days) == [], days


def test_another_day_is_told_apart() -> None:
    built = programs()
    if not built:
        pytest.skip("test_drill is not built: cmake --workflow --preset dev")
    name, program = next(iter(built.items()))
    assert different({name: day(program, 11), "another": day(program, 12)}) == ["another"]
