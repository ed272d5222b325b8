"""`make perf`: what our operations cost, beside a floor and beside what others install.

Every heat (perf/heats.py) runs its programs forth and back, a fresh worker process a round, and
prints a block; at the end stands every target with its verdict. Figures of a busy machine say so:
the quiet share is that of the chunks in which the core ran at full speed. Exits with 0 unless an
answer was wrong: a slow machine is no failure of the program.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perf import exchange, exchange_table, heats, inputs, programs, table
from perf.exchange_run import Found
from perf.heats import Heat
from perf.programs import Bench, ProgramError, Worker
from perf.sample import Sample, palindrome
from perf.table import Judged, Result

from engine import clock as engine_clock

BUILT = inputs.ROOT / "build/perf"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make perf", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument(
        "--only",
        default="",
        metavar="PREFIX",
        help="operations that begin so, or `orders`: all its, or `exchange`: that alone",
    )
    parser.add_argument("--input", default="", metavar="NAME", help="that input alone")
    parser.add_argument("--made", action="store_true", help="made inputs, captures or not")
    parser.add_argument("--rounds", type=int, default=2, help="forth and back so many times")
    parser.add_argument(
        "--seconds", type=float, default=0.2, help="of single operations, each pass"
    )
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--built", type=Path, default=BUILT, help="where the compiled peers are")
    parser.add_argument(
        "--benches", type=Path, default=exchange.BENCHES, help="where the built tests/c are"
    )
    options = parser.parse_args(argv)
    chosen = choose([h for h in heats.HEATS if options.input in ("", h.input)], options.only)
    with_exchange = options.input == "" and options.only in ("", exchange.EXCHANGE)
    if not chosen and not with_exchange:
        parser.error(f"nothing begins with {options.only!r} and reads {options.input!r}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    began = time.monotonic()
    results: list[Result] = []
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory(prefix="redline-perf-") as scratch:
        bench = Bench(
            cpu=options.cpu,
            tsc_hz=engine_clock.calibrate(200_000_000).tsc_hz,
            seconds=options.seconds,
            built=options.built,
            scratch=Path(scratch),
            made=options.made,
        )
        if chosen:
            print(preamble(bench, chosen))
        for heat in chosen:
            results.append(run(bench, heat, options.rounds))
            print(f"\n{table.render(results[-1])}", flush=True)
        if with_exchange:
            found = exchange.run_all(bench, options.benches, options.rounds)
            print(f"\n{exchange_table.NOTE}\n\n{exchange_table.render(found)}")
    judged = table.judge(results, heats.TARGETS)
    goals = exchange_table.judge(found)
    print("\ntargets")
    print("\n".join([*(j.line for j in judged), *(g.line for g in goals)]))
    print(f"\n{time.monotonic() - began:.0f} s")
    if options.json:
        everything = as_json(bench, results, judged)
        if with_exchange:
            everything["exchange"] = exchange_table.as_json(found, goals)
        options.json.write_text(json.dumps(everything, indent=1) + "\n")
    wrong = any(r.disagreement(p) for r in results for p in r.passes)
    return int(wrong or exchange_table.is_wrong(found))


def choose(all_heats: Sequence[Heat], prefix: str) -> list[Heat]:
    """The heats with the operations that begin so, and what those are compared with; by the name of
    the input that the order side has, all of its.
    """
    chosen = []
    for heat in all_heats:
        every = (*heat.ours, *heat.peers)
        is_all = heat.input == prefix == inputs.ORDERS
        wanted = {name for name in every if is_all or name.startswith(prefix)}
        if not wanted:
            continue
        beside = wanted | {heats.FLOORS.get(n, "") for n in wanted}
        beside |= {heats.RIVALS.get(n, "") for n in wanted}
        beside |= {peer for peer, ours in heats.RIVALS.items() if ours in wanted}
        beside |= {t.against for t in heats.TARGETS if t.operation in wanted}
        beside |= {heats.SAME_ANSWER.get(n, "") for n in wanted}
        chosen.append(
            Heat(
                heat.input,
                heat.regime,
                tuple(n for n in heat.ours if n in beside),
                tuple(n for n in heat.peers if n in beside),
            )
        )
    return chosen


def preamble(bench: Bench, chosen: Sequence[Heat]) -> str:
    """What the figures below mean, and what is not what it could be."""
    lines = [
        f"CPU {bench.cpu}, {bench.tsc_hz / 1e6:.3f} MHz counter; ns an operation. fastest, mean: of"
        " nine replays in chunks of a thousand",
        "(fastest: each chunk's fastest), or mean: the middle batch. chain: the middle batch of"
        " operations that each",
        "wait for the one before. p50 ...: single operations between fences, which are in it;"
        " pair: what the fences take",
        "around nothing. n: of single operations.",
    ]
    for name in dict.fromkeys(h.input for h in chosen):
        if note := inputs.get(name, bench.made).note:
            lines.append(f"{name}: {note}")
    return "\n".join(lines)


def run(bench: Bench, heat: Heat, n_rounds: int) -> Result:
    """Every program of a heat, two passes a round."""
    absent = {
        name: why
        for name in (*heat.ours, *heat.peers)
        if programs.is_separate(name) and (why := programs.missing(name, bench.built))
    }
    passes: dict[str, list[Sample]] = {}
    names = [n for n in (*heat.ours, *heat.peers) if n not in absent]
    for _ in range(n_rounds):
        with programs.worker() as worker:
            for name in palindrome(names):
                if name in absent:
                    continue
                try:
                    passes.setdefault(name, []).append(one_pass(bench, worker, heat, name))
                except ProgramError as error:
                    absent[name] = str(error)
                    passes.pop(name, None)
    return Result(heat, passes, absent)


def one_pass(bench: Bench, worker: Worker, heat: Heat, name: str) -> Sample:
    if programs.is_separate(name):
        return programs.measure_peer(bench, name, heat)
    return worker.measure(bench, name, heat)


def as_json(bench: Bench, results: Sequence[Result], judged: Sequence[Judged]) -> dict[str, Any]:
    """All that was printed, and the spread between the passes, for a program to read."""
    return {
        "tsc_hz": bench.tsc_hz,
        "heats": [
            {
                "input": r.heat.input,
                "note": inputs.get(r.heat.input, bench.made).note,
                "regime": r.heat.regime,
                "absent": dict(r.absent),
                "programs": {name: program_json(r, name) for name in r.passes},
            }
            for r in results
        ],
        "targets": [
            {
                "target": j.target.text,
                "input": j.input,
                "regime": j.target.regime,
                "verdict": j.verdict.state,
                "reason": j.verdict.reason,
            }
            for j in judged
        ],
    }


def program_json(result: Result, name: str) -> dict[str, Any]:
    f = result.figures(name)
    assert f is not None
    other = heats.RIVALS.get(name) or heats.FLOORS.get(name, "")
    return {
        "fastest_ns": f.fastest_ns,
        "mean_ns": f.mean_ns,
        "fastest_spread_ns": f.spread_ns,
        "chain_ns": f.chain_ns,
        "percentiles_ns": dict(f.percentiles),
        "pair_ns": f.pair_ns,
        "burst_percentiles_ns": None if f.per_burst is None else dict(f.per_burst),
        "n": f.n,
        "n_passes": len(result.passes[name]),
        "quiet_share": f.quiet_share,
        "answer": f.answer,
        "wrong": result.disagreement(name),
        "lost": f.n_lost,
        "refused": f.n_refused,
        "allocations": f.n_allocs,
        "page_faults": f.n_faults,
        "beside": other,
        "times": result.times(name, other) if other else None,
        "about": f.about,
    }


if __name__ == "__main__":
    sys.exit(main())
