"""Mutation run: would the C tests notice a wrong operator? make mutants ARGS="--only=risk --n=40".

Exit codes: 0 enough mutants were killed, 1 too few, 2 usage or nothing to measure with.
"""

import argparse
import random
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from mutation.bench import BUILDS, ROOT, Bench, BenchError
from mutation.mutants import Mutant, mutants

WANTED_PERCENT = 90
DATA = Path(__file__).parent
# The C files of a component, and the programs of tests/c that keep its promises.
COMPONENTS = {
    "parser": (("csrc/market/fix/parse.c", "csrc/market/fix/parse_scalar.c",
                "csrc/market/fix/value.c", "csrc/market/codec/itch.c"),
               ("test_fix", "test_fix_value", "test_fix_paths", "test_fix_stream", "test_itch*",
                "test_fix_order")),
    "book": (("csrc/market/book/*.c",), ("test_book*", "test_match_book")),
    "risk": (("csrc/trade/risk/*.c",), ("test_risk*", "test_limits*")),
    "kill": (("csrc/trade/kill/*.c",), ("test_kill*", "test_latch*", "test_drain")),
    "audit": (("csrc/trade/audit/*.c",), ("test_audit*", "test_sha256")),
}  # fmt: skip
# These need programs of the build beside them, or run for seconds.
SLOW = frozenset({"test_kill_tool", "test_kill_trial", "test_book_capture"})
HAS_ITS_OWN = re.compile(r'#include "[^"]+[.]c"')  # a seeded copy of the product


@dataclass(frozen=True)
class Outcome:
    source: str
    mutant: Mutant
    fate: str  # killed, survived, equivalent, stillborn
    by: str

    def line(self) -> str:
        """As printed: where, what became what, who noticed."""
        change = f"`{self.mutant.was}` -> `{self.mutant.now}`"
        if self.mutant.nth > 1:
            change += f" (number {self.mutant.nth})"
        where = f"{self.source}:{self.mutant.line}"
        return f"{where}: {self.fate}: {change} in `{self.mutant.source}` {self.by}".rstrip()


Key = tuple[str, str, str, str, int]


def key_of(source: str, mutant: Mutant) -> Key:
    """What a reason belongs to: file, line's text, change, and which of the same in the line."""
    return source, mutant.source, mutant.was, mutant.now, mutant.nth


def declared(path: Path = DATA / "equivalents.yaml") -> dict[Key, str]:
    """Mutants that no test can kill, each with its reason."""
    rows = yaml.safe_load(path.read_text()) or []
    return {
        (r["file"], r["source"], str(r["was"]), str(r["now"]), r.get("nth", 1)): r["reason"]
        for r in rows
    }


def judge(source: str, tests: tuple[str, ...], chosen: list[Mutant]) -> list[Outcome]:
    """Each mutant's fate. Tests that fail on the unchanged file prove nothing: BenchError."""
    with tempfile.TemporaryDirectory() as scratch:
        benches = [Bench(build, source, tests, Path(scratch)) for build in ("dev", "asan")]
        return _judge(*benches, chosen)


def _judge(bench: Bench, sanitized: Bench, chosen: list[Mutant]) -> list[Outcome]:
    """What survives is asked again where a byte out of bounds is seen, which takes its time."""
    source, known, outcomes = bench.source, declared(), []
    text = (ROOT / source).read_text()
    plain = bench.prepare(text)
    is_sanitized_ready = False
    for mutant in chosen:
        made = bench.object_of(mutant.of(text))
        key = key_of(source, mutant)
        if made is None:
            fate, by = "stillborn", "(does not compile)"
        elif made == plain:
            fate, by = "equivalent", "(the same object code)"
        elif (killer := bench.killer()) is not None:
            fate, by = "killed", f"by {killer}"
        elif key in known:
            fate, by = "equivalent", f"({known[key]})"
        else:
            if not is_sanitized_ready:
                sanitized.prepare(text)
                is_sanitized_ready = True
            sanitized.object_of(mutant.of(text))
            killer = sanitized.killer()
            fate, by = ("killed", f"by {killer}, sanitized") if killer else ("survived", "")
        outcomes.append(Outcome(source, mutant, fate, by))
        print(outcomes[-1].line(), flush=True)
    return outcomes


def _component(name: str, n: int, seed: int) -> list[Outcome]:
    sources, globs = COMPONENTS[name]
    files = sorted(str(p.relative_to(ROOT)) for g in sources for p in ROOT.glob(g))
    tests = tuple(dict.fromkeys(
        p.stem for g in globs for p in sorted((ROOT / "tests/c").glob(f"{g}.c"))
        if p.stem not in SLOW and not HAS_ITS_OWN.search(p.read_text())
        and (BUILDS / "dev/tests/c" / p.stem).exists()
    ))  # fmt: skip
    if not files or not tests:
        raise BenchError(
            f"{name}: no file or no test of it is built: cmake --workflow --preset dev"
        )
    every = [(f, m) for f in files for m in mutants((ROOT / f).read_text())]
    chosen = random.Random(f"{seed} {name}").sample(every, min(n, len(every)))
    return [
        o for f in files if (own := [m for g, m in chosen if g == f]) for o in judge(f, tests, own)
    ]


def main() -> int:
    ask = argparse.ArgumentParser(
        prog="make mutants", description="mutants of C, and who kills them"
    )
    ask.add_argument(
        "--only", choices=COMPONENTS, action="append", help="a component; all when none"
    )
    ask.add_argument("--n", type=int, default=40, help="mutants of each component")
    ask.add_argument("--seed", type=int, default=1, help="which ones")
    args = ask.parse_args()
    is_enough = True
    try:
        for name in args.only or COMPONENTS:
            fates = [o.fate for o in _component(name, args.n, args.seed)]
            killed, judged = fates.count("killed"), fates.count("killed") + fates.count("survived")
            enough = judged > 0 and 100 * killed >= WANTED_PERCENT * judged
            is_enough = is_enough and enough
            verdict = "enough" if enough else f"less than {WANTED_PERCENT} %"
            print(f"{name}: {killed} of {judged} killed, {fates.count('equivalent')} equivalent,"
                  f" {fates.count('stillborn')} do not compile, seed {args.seed}:"
                  f" {verdict}", flush=True)  # fmt: skip
    except BenchError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main())
