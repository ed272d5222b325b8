"""Build every fuzz target with libFuzzer, run each for a while, and fail on any finding.

    run.py [--seconds 60] [--build build/fuzz] [TARGET ...]
    run.py --keep          afterwards: put what was learnt into tests/c/fuzz/corpus, cut small

Prints a line a target: inputs run, edges of the program reached, inputs kept. Targets whose name
ends in `_broken` have a defect built in and must find it. Exits 0 when all is as it should be, 1
after a finding (its input stays beside the build), 77 when something needed is missing here.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/c/fuzz/corpus"
SKIP = 77
MAX_INPUT = 4096  # FUZZ_MAX of fuzz.h
KEEP_BYTES = 7500  # of corpus a target: all of them stay below 100 kB
KEEP_FILES = 40
HOW_TO_GET = "on Debian, apt-get install clang libclang-rt-dev, or: make deps"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of one target came to."""

    target: str
    n_inputs: int
    n_edges: int
    n_kept: int
    finding: Path | None
    says: str

    @property
    def must_find(self) -> bool:
        return self.target.endswith("_broken")

    @property
    def is_good(self) -> bool:
        return (self.finding is not None) == self.must_find

    def row(self) -> str:
        if self.finding is None:
            end = "found nothing, but it is broken on purpose" if self.must_find else "clean"
        else:
            end = f"found what is broken: {self.says}" if self.must_find else f"FOUND {self.says}"
        return f"{self.target:20} {self.n_inputs:>12,} {self.n_edges:>7,} {self.n_kept:>7,}  {end}"


def missing() -> str | None:
    """A sentence about what fuzzing needs and this machine lacks; None when nothing."""
    for tool in ("clang", "cmake", "ninja"):
        if shutil.which(tool) is None:
            return (
                f"fuzz: {tool} is not installed: {HOW_TO_GET if tool == 'clang' else 'make test'}"
            )
    with tempfile.TemporaryDirectory() as where:
        source = Path(where) / "x.c"
        source.write_text("int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }\n")
        link = ["clang", "-fsanitize=fuzzer,address,undefined", str(source), "-o", f"{where}/x"]
        if subprocess.run(link, capture_output=True, check=False).returncode != 0:
            return f"fuzz: clang cannot link libFuzzer, its runtime is not installed: {HOW_TO_GET}"
    return None


def build(where: Path) -> None:
    for command in (
        ["cmake", "--preset", "fuzz", "-B", str(where)],
        ["cmake", "--build", str(where), "--target", "fuzzers"],
    ):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"fuzz: {' '.join(command)}: failed")


def corpus_of(target: str) -> str:
    return target.removesuffix("_broken")


def number(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def sentence(text: str) -> str:
    """The line of the output that says what went wrong."""
    marks = (
        r": not true: ",
        r": saw .*, wanted ",
        r"runtime error: ",
        r"ERROR: AddressSanitizer: ",
        r"ERROR: libFuzzer: (?!fuzz target exited)",
    )
    for mark in marks:
        found = re.search(rf"^.*{mark}.*$", text, re.MULTILINE)
        if found:
            return re.sub(r"^\S*/|^=+\d+=+ ?| on address .*", "", found.group(0).strip())[:160]
    return "a crash; see its log"


def run(target: str, where: Path, seconds: int) -> Outcome:
    programs, work = where / "tests/c", where / "fuzz" / target
    kept, findings = work / "corpus", work / "findings"
    for directory in (kept, findings):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    subprocess.run([programs / f"{target}_seeds", "--write", kept], check=True)
    command: list[str | Path] = [
        programs / target,
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT}",
        f"-artifact_prefix={findings}/",
        "-timeout=10",
        "-print_final_stats=1",
        kept,
    ]
    if (CORPUS / corpus_of(target)).is_dir():
        command.append(CORPUS / corpus_of(target))
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (work / "log").write_text(done.stderr)
    found = sorted(findings.iterdir())
    if done.returncode != 0 and not found:
        found = [work / "log"]
    return Outcome(
        target,
        number(r"stat::number_of_executed_units:\s*(\d+)", done.stderr),
        number(r" cov: (\d+)", done.stderr),
        number(r" corp: (\d+)", done.stderr),
        found[0] if found else None,
        sentence(done.stderr) if found else "",
    )


def keep(target: str, where: Path) -> int:
    """The inputs that reach most with the least bytes, into the shipped corpus; how many."""
    programs, kept = where / "tests/c", where / "fuzz" / target / "corpus"
    shipped = CORPUS / target
    regressions = sorted(shipped.glob("found-*")) if shipped.is_dir() else []
    with tempfile.TemporaryDirectory() as small:
        merge: list[str | Path] = [programs / target, "-merge=1", "-max_len=600", small, kept]
        subprocess.run(merge, capture_output=True, check=True)
        files = sorted(
            (p for p in Path(small).iterdir() if p.stat().st_size > 0),
            key=lambda p: (p.stat().st_size, p.name),
        )
        # From every size some: the short ones alone would never get past a header.
        files = files[:: max(1, len(files) // KEEP_FILES)]
        shipped.mkdir(parents=True, exist_ok=True)
        for old in shipped.iterdir():
            if old not in regressions:
                old.unlink()
        n_bytes = sum(p.stat().st_size for p in regressions)
        n = len(regressions)
        for file in files:
            if n_bytes + file.stat().st_size > KEEP_BYTES:
                break
            shutil.copyfile(file, shipped / file.name[:12])
            n_bytes += file.stat().st_size
            n += 1
    return n


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--build", type=Path, default=ROOT / "build/fuzz")
    parser.add_argument("--keep", action="store_true", help="update tests/c/fuzz/corpus")
    options = parser.parse_args(arguments)
    if options.seconds < 1:
        parser.error(f"--seconds: at least 1: {options.seconds}")
    lack = missing()
    if lack:
        print(lack)
        return SKIP
    where = options.build.resolve()
    build(where)
    known = sorted(p.name.removesuffix("_seeds") for p in (where / "tests/c").glob("fuzz_*_seeds"))
    strangers = [t for t in options.targets if t not in known]
    if strangers:
        parser.error(f"no target {strangers[0]!r}; there are {', '.join(known)}")
    print(f"{'target':20} {'inputs':>12} {'edges':>7} {'kept':>7}  {options.seconds} s each")
    outcomes = []
    for target in options.targets or known:
        outcomes.append(run(target, where, options.seconds))
        print(outcomes[-1].row(), flush=True)
        if options.keep and not outcomes[-1].must_find and outcomes[-1].is_good:
            print(f"{'':20} {keep(target, where)} inputs shipped")
    bad = [o for o in outcomes if not o.is_good]
    for o in bad:
        if o.finding is not None:
            print(f"\n{o.target}: again with: {where}/tests/c/{o.target} {o.finding}")
            print(f"then keep it: cp {o.finding} {CORPUS / o.target}/found-NAME")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
