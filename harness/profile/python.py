"""Where the harness spends its time: one short run of the main job under py-spy."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.config.samples import Samples
from harness.profile.stacks import NO_FRAME, Stacks, folded, samples
from harness.quality.found import Control
from harness.quality.program import Absent, run, version

SCENARIO = "smoke"
_PER_S = 200  # samples
_IMPORTING = "(<frozen importlib"  # five frames a module that tell nothing
_PLANTED = """\
def spin(n):
    while n: n -= 1
def planted(): spin(20_000_000)
def beside(): spin(2_000_000)
planted(); beside()
"""


def python(tree: Path) -> Samples:
    """Samples of the runner's own process by stack; what it starts is profiled as C."""
    with TemporaryDirectory() as scratch:
        words = ["-m", "harness.cli", "run", SCENARIO, "--out", scratch]
        stacks = taken([sys.executable, *words], tree)
    return samples(
        what="python",
        unit="samples",
        of=f"redline run {SCENARIO}, {_PER_S} a second",
        tool=version(["py-spy"]),
        control=control(),
        stacks=stacks,
    )


def control(least_share: float = 0.8) -> Control:
    """A function that takes ten parts of eleven must be seen to take at least four of five."""
    found = taken([sys.executable, "-c", _PLANTED], Path.cwd())
    in_plant = sum(n for frames, n in found.items() if any("planted" in f for f in frames))
    share = in_plant / max(found.total() - found[NO_FRAME,], 1)
    return Control("a function that takes ten parts of eleven", share >= least_share)


def taken(command: Sequence[str], cwd: Path) -> Stacks:
    """Samples by stack of a Python program. Absent when py-spy fails; how it ends is its own."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "folded"
        how = ["--rate", str(_PER_S), "--format", "raw", "--function", "--output", str(out)]
        done = run(["py-spy", "record", *how, "--", *command], cwd=cwd)
        try:
            found = folded(out.read_text(errors="replace"))
        except (OSError, ValueError):
            last = (done.said.splitlines() or ["nothing"])[-1]
            raise Absent(f"py-spy ended with {done.status}: {last}") from None
    if not found:
        raise Absent("py-spy: no sample was taken")
    return without(found, _IMPORTING)


def without(found: Stacks, part: str) -> Stacks:
    """The same weights without the frames whose names hold `part`: their callers have them."""
    kept: Stacks = Counter()
    for frames, weight in found.items():
        kept[tuple(f for f in frames if part not in f) or (NO_FRAME,)] += weight
    return kept
