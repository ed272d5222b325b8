"""Who held the heap when it was largest: one whole trial under valgrind's DHAT.

Rings and arenas are mappings of known sizes and no part of the heap; what is left is what was
asked of malloc, and a hot path asks for nothing.

Source of the format: "DHAT: a dynamic heap analysis tool", Valgrind manual; dh_view.js.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.config.samples import Samples
from harness.profile.planted import planted_program
from harness.profile.stacks import NO_FRAME, Stacks, samples
from harness.quality.found import Control
from harness.quality.program import Absent, run, version

N_FRAMES = 20_000
N_PLANTED = 1 << 20
_FRAME = re.compile(r"0x[0-9A-F]+: (.+) \((?:in )?([^()]*)\)")
_PLANTED = f"""\
#include <stdlib.h>
__attribute__((noinline)) void *planted(void) {{ return malloc({N_PLANTED}); }}
int main(void) {{ free(planted()); return 0; }}
"""


def heap(program: Path) -> Samples:
    """The bytes held at the peak of a trial, by who asked for them; Absent without valgrind."""
    return samples(
        what="heap",
        unit="bytes",
        of=f"a trial of {N_FRAMES:,} frames, when it held most",
        tool=version(["valgrind"]),
        control=control(),
        stacks=held([str(program), str(N_FRAMES)]),
    )


def control(n_wanted: int = N_PLANTED) -> Control:
    """A program that holds so many bytes in one function: they must be seen there, to the byte."""
    with planted_program(_PLANTED) as program:
        found = held([str(program)])
    at_plant = sum(n for frames, n in found.items() if frames[-1] == "planted")
    return Control(f"{n_wanted:,} bytes held by a function of its own", at_plant == n_wanted)


def held(command: Sequence[str]) -> Stacks:
    """Bytes at the peak of a program, by stack. Absent when valgrind or the program fails."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "dhat.json"
        tool = ["nice", "valgrind", "--quiet", "--tool=dhat", "--fair-sched=yes"]
        done = run([*tool, f"--dhat-out-file={out}", *command], cwd=Path(scratch), timeout_s=600)
        if done.status != 0 or not out.is_file():
            run(["valgrind", "--version"], cwd=Path(scratch))  # Absent names it
            last = (done.said.splitlines() or ["nothing"])[-1]
            raise Absent(f"valgrind --tool=dhat ended with {done.status}: {last}")
        return read(json.loads(out.read_text(errors="replace")))


def read(profile: Mapping[str, Any]) -> Stacks:
    """Bytes at the peak by stack, outermost frame first. Absent when this is not the format."""
    stacks: Stacks = Counter()
    try:
        if profile["dhatFileVersion"] != 2 or profile["mode"] != "heap":
            raise ValueError("another version or mode")
        names = [_name(frame) for frame in profile["ftbl"]]
        for point in profile["pps"]:
            frames = [name for at in reversed(point["fs"]) if (name := names[at])]
            if point["gb"]:
                stacks[tuple(frames) or (NO_FRAME,)] += point["gb"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Absent(f"dhat: not its format: {error}") from None
    return stacks


def _name(frame: str) -> str:
    """A function; '' for the root, for valgrind's own allocators and for our wrappers of them."""
    named = _FRAME.fullmatch(frame)
    if named is None:
        return "" if frame == "[root]" else frame
    function, where = named.groups()
    is_allocator = "vgpreload" in where or function.startswith("__wrap_")
    return "" if is_allocator else function
