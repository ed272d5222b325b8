"""Where cycles go: one whole trial under perf, on a host that has a PMU.

Many guests have none; then it is said, and nothing else stands in for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.config.samples import Samples
from harness.profile.planted import planted_program
from harness.profile.stacks import Stacks, samples
from harness.quality.found import Control
from harness.quality.program import Absent, must, run, version

N_FRAMES = 2_000_000  # seconds
EVENT = "cycles"
_PER_S = 2000  # samples
_AT = re.compile(r"\s+[0-9a-f]+ (.+)")
_PLANTED = """\
static volatile unsigned long n;
__attribute__((noinline)) void planted(void) { for (long i = 0; i < 300000000; i++) n++; }
__attribute__((noinline)) void beside(void) { for (long i = 0; i < 30000000; i++) n++; }
int main(void) { planted(); beside(); return 0; }
"""


def cycles(program: Path, event: str = EVENT) -> Samples:
    """Samples of a trial by stack. Absent without perf or a PMU."""
    needs(event)
    return samples(
        what="cycles",
        unit=f"samples of {event}",
        of=f"a trial of {N_FRAMES:,} frames",
        tool=version(["perf"]),
        control=control(event),
        stacks=taken([str(program), str(N_FRAMES)], event),
    )


def needs(event: str) -> None:
    """Absent, with what perf said, where the event cannot be counted."""
    done = run(["perf", "stat", "-e", event, "true"], cwd=Path.cwd())
    if done.status != 0 or "<not " in done.said:
        why = next((line.strip() for line in done.said.splitlines() if "<not " in line), "")
        raise Absent(f"perf: no PMU that counts here: {why or f'ended with {done.status}'}")


def control(event: str, least_share: float = 0.8) -> Control:
    """A function that takes ten parts of eleven must be seen to take at least four of five."""
    with planted_program(_PLANTED) as program:
        found = taken([str(program)], event)
    in_plant = sum(n for frames, n in found.items() if "planted" in frames)
    share = in_plant / max(found.total(), 1)
    return Control("a function that takes ten parts of eleven", share >= least_share)


def taken(command: Sequence[str], event: str) -> Stacks:
    """Samples by stack. Absent when perf or the program fails."""
    with TemporaryDirectory() as scratch:
        out = str(Path(scratch) / "perf.data")
        how = ["-e", event, "-F", str(_PER_S), "--call-graph", "dwarf,8192", "-o", out]
        must(["perf", "record", "--quiet", *how, "--", *command], cwd=Path(scratch))
        script = ["perf", "script", "-i", out, "-F", "ip,sym"]
        done = run(script, cwd=Path(scratch), with_errors=False)
        if done.status != 0:
            raise Absent(f"perf script ended with {done.status}")
    return read(done.said)


def read(script: str) -> Stacks:
    """What `perf script -F ip,sym` prints: innermost frame first, a blank line behind each."""
    stacks: Stacks = Counter()
    frames: list[str] = []
    for line in [*script.splitlines(), ""]:
        if at := _AT.fullmatch(line):
            frames.append(at[1])
        elif frames:
            stacks[tuple(reversed(frames))] += 1
            frames = []
    return stacks
