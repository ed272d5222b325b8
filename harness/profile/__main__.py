"""`make profile`: instructions per component and message, counted, and held against a baseline.

Counts do not depend on the clock or on who else works here: the same build counts the same. With
`--of` a profile of another kind is taken: the heap at its peak, cycles, the harness's own Python.
Exits with 0 when nothing shifted, with 1 for a shift, an allocation after warm-up or a control that
was missed, with 3 when a tool or a PMU is not there, with 75 without a baseline of this compiler.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from harness.config.instructions import Component, Instructions, Key
from harness.config.samples import Samples
from harness.errors import ExitCode, RedlineError
from harness.profile import compare, control, count, cycles, heap, python, stacks
from harness.profile.compare import Shift, State

TREE = Path(__file__).resolve().parents[2]
BASELINES = TREE / "reports/profile"
OUT = TREE / "build/profile"
INSTRUCTIONS = "instructions"
SAMPLED: Mapping[str, Callable[[Path], Samples]] = {
    "heap": lambda tree: heap.heap(count.built(tree).trial),
    "cycles": lambda tree: cycles.cycles(count.built(tree).trial),
    "python": python.python,
}
_BAD = (State.SHIFTED, State.OTHER_WORK, State.GONE)


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.of != INSTRUCTIONS and (options.only or options.write_baseline):
        parser.error(f"--of={options.of}: --only and --write-baseline are of instructions")
    try:
        return _profile(options) if options.of == INSTRUCTIONS else _sampled(options)
    except RedlineError as error:
        print(f"profile: {error}", file=sys.stderr)
        return error.exit_code


def _profile(options: argparse.Namespace) -> int:
    tree = count.built(TREE)
    every = count.components(tree)
    names = [name for name in every if name.startswith(options.only)]
    if not names:
        print(f"profile: --only: nothing begins so: {options.only!r}", file=sys.stderr)
        return ExitCode.USAGE
    planted = control.control(tree)
    found = Instructions(
        schema_="redline.instructions/1",
        key=count.key_of(tree),
        control=planted.planted,
        control_found=planted.found,
        components=count.counted(tree, names),
    )
    out = options.out or OUT / "profile.json"
    write(out, found)
    before = compare.baseline_of(found.key, options.baseline)
    known = [] if before is None else [one.component for one in before.components]
    asked = [*names, *(n for n in known if n not in every and n.startswith(options.only))]
    shifts = compare.compare(
        [] if before is None else before.components, found.components, options.limit_pct, asked
    )
    print("\n".join(table(shifts, found)))
    print(f"wrote {out}")
    if not found.control_found:
        return _blind(found.control)
    if any(one.n_allocs for one in found.components):
        return ExitCode.FAIL
    if options.write_baseline:
        path = options.baseline / file_name(found.key)
        write(path, _merged(before, found, every))
        print(f"wrote {path}")
        return ExitCode.READY
    if before is None:
        why = "no baseline of this compiler: make profile ARGS=--write-baseline"
        print(f"profile: {why}", file=sys.stderr)
        return ExitCode.INCONCLUSIVE
    return ExitCode.FAIL if any(one.state in _BAD for one in shifts) else ExitCode.READY


def _sampled(options: argparse.Namespace) -> int:
    """A profile that is looked at, not compared."""
    found = SAMPLED[options.of](TREE)
    out = options.out or OUT / f"{options.of}.json"
    write(out, found)
    print("\n".join(stacks.table(found)))
    print(f"wrote {out}")
    return ExitCode.READY if found.control_found else _blind(found.control)


def _blind(planted: str) -> int:
    print(f"profile: not seen: {planted}", file=sys.stderr)
    return ExitCode.FAIL


def table(shifts: Sequence[Shift], found: Instructions) -> list[str]:
    """For people: a line a component, instructions per operation."""
    allocs = {one.component: one.n_allocs for one in found.components}
    lines = [f"{'component':18} {'baseline':>10} {'now':>10} {'shift':>9}  state"]
    for one in shifts:
        before, now = (_figure(value, "{:.1f}") for value in (one.before, one.now))
        note = f"; {n} ALLOCATIONS" if (n := allocs.get(one.component)) else ""
        where = f"  {one.where}" if one.where else ""
        shift = _figure(one.pct, "{:+.2f} %")
        lines.append(
            f"{one.component:18} {before:>10} {now:>10} {shift:>9}  {one.state}{where}{note}"
        )
    seen = "seen" if found.control_found else "NOT SEEN"
    return [*lines, f"instructions per operation; control {seen}: {found.control}"]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _merged(before: Instructions | None, found: Instructions, every: list[str]) -> Instructions:
    """New counts in place of the old ones; those that were not asked for stay."""
    known: dict[str, Component] = {}
    for one in (*(before.components if before else ()), *found.components):
        known[one.component] = one
    return found.model_copy(update={"components": [known[n] for n in every if n in known]})


def file_name(key: Key) -> str:
    """One file a key."""
    digest = hashlib.sha256(key.model_dump_json().encode()).hexdigest()
    return f"instructions-{digest[:12]}.json"


def write(path: Path, what: BaseModel) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(what.model_dump(), indent=1) + "\n")
    part.replace(path)


def _limit(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1000:
        raise ValueError(text)
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    kinds = (INSTRUCTIONS, *SAMPLED)
    parser.add_argument("--of", choices=kinds, default=INSTRUCTIONS, help="what is profiled")
    parser.add_argument("--only", default="", metavar="PREFIX", help="components that begin so")
    parser.add_argument("--limit-pct", type=_limit, default=1.0, help="a shift of more is told")
    parser.add_argument("--baseline", type=Path, default=BASELINES, metavar="DIR")
    parser.add_argument(
        "--write-baseline", action="store_true", help="these counts are the new one"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"instead of one in {OUT.name}/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
