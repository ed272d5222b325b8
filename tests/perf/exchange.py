"""The exchange in `make perf`: which programs are run, beside what, and what they should reach.

They are the benches of tests/c, built for release, which make their own orders and check the state
that these leave behind (tests/c/bench_report.h). Each runs forth and back, a fresh process a pass.
Lines of one process are neighbours in time: a ratio is that of a process, and the middle one of all
is shown.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from perf import inputs
from perf.exchange_run import Found, ReadError, Run, read
from perf.programs import OR_ELSE, PEER_TIMEOUT_S, Bench, ProgramError, measure_peer_on
from perf.sample import Sample, palindrome

from engine.market import STREAM_REC

EXCHANGE = "exchange"
BENCHES = inputs.ROOT / "build/release/tests/c"
SKIPPED = 77  # as in tests/c: it cannot run here
REQUEST_BYTES = 32  # struct compact of tests/c/bench_match.c


@dataclass(frozen=True, slots=True)
class Program:
    """A bench: `name` is that of the block, `file` that of the program. `n_cpus` 2: it pins itself;
    else it is held to one. `floors`: what each row is divided by. `is_cpu_time`: others at work do
    not count.
    """

    name: str
    file: str
    regime: str
    floors: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    n_cpus: int = 1
    is_cpu_time: bool = False


PROGRAMS: tuple[Program, ...] = (
    Program(
        "matching",
        "bench_match",
        "one core, about 1,000 live orders, 82 % moves, 9 % new, 6 % cancels, 3 % IOC; chunks of"
        " 1,000. ahead: the next four requests are known. floor: their book updates alone",
        {"match": "floor", "ahead": "floor"},
    ),
    Program(
        "FIX session",
        "bench_session",
        "one core, orders in and reports out in order, memory store; chunks of 5,000",
        dict.fromkeys(
            (
                *("in", "in, dictionary", "out"),
                *("in and a report out", "in and a report out, dictionary"),
            ),
            "parse (the floor)",
        ),
    ),
    Program(
        "FIX gateway",
        "bench_fix_gateway",
        "one core, from the bytes of a message to the body of its answer; chunks of 500",
        {"bytes in to body out": "floor: parse, encode"},
    ),
    Program(
        "market data",
        "bench_md",
        "one core, ns an event of the venue, the processor's time and not the wall's; ITCH on two"
        " lines, FIX to four subscribers",
        dict.fromkeys(("a counter", "ITCH, two lines", "FIX", "ITCH and FIX"), "nobody listens"),
        is_cpu_time=True,
    ),
    Program(
        "FIX over TCP",
        "bench_fix_loopback",
        "loopback, one session, a report for every order (two, when it trades); client and exchange"
        " on a core each",
        dict.fromkeys(
            (
                *(f"resting orders, window {n}" for n in (16, 64, 256, 1024)),
                "crossing pairs, window 256",
            ),
            "floor: tcp, an answer of that size",
        ),
        arguments=("1",),
        n_cpus=2,
    ),
    Program(
        "OUCH over shm",
        "bench_ouch",
        "one member, an answer for every message; client and exchange on a core each",
        {
            "orders": "reflected",
            "mix": "reflected",
            "orders, one at a time": "reflected, one at a time",
            "mix, one at a time": "reflected, one at a time",
        },
        arguments=("1",),
        n_cpus=2,
    ),
)

# A peer, which gets the requests of `same id`, and whose books must be those of that.
PLAIN = "plain matcher"
PLAIN_FILE = "plain_match"
PLAIN_AS = ("matching", "same id", "match")


@dataclass(frozen=True, slots=True)
class Goal:
    """How many operations a second a row should reach, by the mean of the middle run."""

    program: str
    input: str
    row: str
    per_s: float
    is_more: bool = False  # more than that, not as many

    @property
    def op(self) -> str:
        return ">" if self.is_more else ">="

    @property
    def text(self) -> str:
        scale, unit = (1e6, "M/s") if self.per_s >= 1e6 else (1e3, "k/s")
        row = f"{self.input}: {self.row}" if self.input else self.row
        return f"{self.program}, {row} {self.op} {self.per_s / scale:g} {unit}"


GOALS: tuple[Goal, ...] = (
    # The best public engine does 11.5 M/s on a simpler mix.
    Goal("matching", "same id", "match", 20e6),
    Goal("matching", "renamed", "match", 20e6),
    Goal("FIX over TCP", "", "resting orders, window 256", 300e3),
    Goal("FIX over TCP", "", "crossing pairs, window 256", 300e3),
    Goal("OUCH over shm", "", "orders", 1e6, is_more=True),
    Goal("OUCH over shm", "", "mix", 1e6, is_more=True),
)


# ---- running ------------------------------------------------------------------------------------


def run_all(
    bench: Bench, built: Path, n_rounds: int, programs: Sequence[Program] = PROGRAMS
) -> dict[str, Found]:
    """Every program, two passes a round, and the peer beside the matching."""
    runs: dict[str, list[Run]] = {}
    plain: list[Sample] = []
    why: dict[str, str] = {}
    wrong: dict[str, str] = {}
    by_name = {p.name: p for p in programs}
    names = [n for p in programs for n in ((p.name, PLAIN) if p.name == PLAIN_AS[0] else (p.name,))]
    for name in palindrome(names) * n_rounds:
        if name in why or name in wrong:
            continue
        try:
            if name == PLAIN:
                plain.append(run_plain(bench, built))
            else:
                runs.setdefault(name, []).append(run_one(bench, built, by_name[name]))
        except ProgramError as error:
            why[name] = str(error)
        except ReadError as error:
            wrong[name] = str(error)
    return {
        name: Found(
            runs=tuple(runs.get(name, ())),
            peer=tuple(plain) if name == PLAIN else (),
            absent=why.get(name, ""),
            failed=wrong.get(name, ""),
        )
        for name in names
    }


def run_one(bench: Bench, built: Path, program: Program) -> Run:
    """One pass of a bench. ProgramError: it could not run. ReadError: it ran and is not right."""
    words = [str(built / program.file), "--json", *program.arguments]
    allowed = sorted(os.sched_getaffinity(0))
    cpus = {bench.cpu} if program.n_cpus == 1 else set(allowed[: program.n_cpus])
    if not Path(words[0]).is_file():
        raise ProgramError("not built: make perf builds it with build/release")
    busy, own, began = _busy_s(cpus), _own_s(), time.monotonic()
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            # The program itself is held to the CPU; one that needs two chooses its own.
            preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if program.n_cpus == 1 else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ReadError(f"did not end in {PEER_TIMEOUT_S} s") from None
    took = time.monotonic() - began
    others = (_busy_s(cpus) - busy) - (_own_s() - own)
    said = [line for line in done.stderr.splitlines() if line.strip()] or [""]
    if done.returncode == SKIPPED:
        raise ProgramError(said[-1] or "it cannot run here")
    if done.returncode != 0:
        raise ReadError(said[-1] or f"ended with {done.returncode}")
    share = others / took / len(cpus)
    taken = 0.0 if program.is_cpu_time else min(max(share, 0.0), 1.0)
    return read(done.stdout, taken)


def run_plain(bench: Bench, built: Path, arguments: Sequence[str] = ()) -> Sample:
    """One pass of the peer, over requests that are made the first time."""
    program, maker = bench.built / PLAIN_FILE, built / "bench_match"
    prefix = bench.scratch / "requests"
    if not program.is_file():
        raise ProgramError(f"not installed: {OR_ELSE}")
    if not prefix.with_suffix(".recs").exists():
        if not maker.is_file():
            raise ProgramError("its requests come from bench_match, which is not built")
        words = [str(maker), "--requests", str(prefix.with_suffix(".bytes")), *arguments]
        subprocess.run(words, check=True, capture_output=True, timeout=PEER_TIMEOUT_S)
        n = prefix.with_suffix(".bytes").stat().st_size // REQUEST_BYTES
        recs = np.zeros(n, dtype=STREAM_REC)
        recs["offset"] = np.arange(n) * REQUEST_BYTES
        recs["n_bytes"] = REQUEST_BYTES
        recs["n_messages"] = 1
        prefix.with_suffix(".recs").write_bytes(recs.tobytes())
    return measure_peer_on(bench, PLAIN, [str(program)], prefix)


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_s(cpus: set[int]) -> float:
    try:
        text = Path("/proc/stat").read_text()
    except OSError:
        return 0.0
    return busy_s(text, cpus, os.sysconf("SC_CLK_TCK"))


def busy_s(stat: str, cpus: set[int], ticks_per_s: int) -> float:
    """Seconds in which these CPUs were not idle, steal included: of the text of /proc/stat."""
    ticks = 0
    for line in stat.splitlines():
        name, *counts = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _, _, *rest = map(int, counts)
            ticks += user + nice + system + sum(rest[:3])  # irq, softirq, steal
    return ticks / ticks_per_s
