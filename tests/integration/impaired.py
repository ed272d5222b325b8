"""What tests of impairments share: a clock, CPUs, entries of a file."""

from __future__ import annotations

import functools

from engine import clock
from harness.bench.cpus import choose_here
from harness.config.impair import Direction, Impairment
from harness.config.loader import parse
from harness.tuning import facts

KEY: tuple[str, Direction] = ("market", "to-engine")


@functools.cache
def the_clock() -> clock.Clock:
    return clock.calibrate(5_000_000)


@functools.cache
def cpus() -> tuple[int, int]:
    two = choose_here(facts.collect())
    return two.rig, two.engine


def config(entry: str, seed: int = 1) -> Impairment:
    text = f"seed: {seed}\ntable: 512\nimpair:\n  - {{{entry}}}\n"
    return parse(text, Impairment, name="i.yaml")
