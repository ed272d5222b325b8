"""Recomputes a run from its raw files and names everything that does not agree.

Sums first: a file that is not the one that was sealed is named as such. Then the schema, the files
that the run refers to, every audit log, record by record, the qualification of the host, and every
figure, verdict and score, through the same judgement that the run itself used. Numbers may differ
in the last bits between numerical libraries, text may not.

Returns a list of problems, each starting with the file it is about; an empty list is a verified
run. RunDirError only for what is no finished run at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine import EngineError
from engine.trade.audit import replay_log
from harness.errors import RedlineError
from harness.qualify.recorded import KEY, qualification_of
from harness.run import artifacts, chain
from harness.run.artifacts import RUN, SUMS, RunDirError
from harness.run.judge import judge
from harness.run.raw import ENV, JUDGED_KEYS, MATRIX, NOISE, Raw, read_raw
from harness.run.schema import violations

REQUIRED = (RUN, ENV, NOISE, "scenario.yaml", MATRIX)
_TOLERANCE = 1e-9  # of a figure: what another order of summation may change


def verify(path: Path) -> list[str]:
    """Every problem of a finished run directory, by file, and of its place among its neighbours."""
    problems = own_problems(path)
    return problems or list(_chain(path))


def own_problems(path: Path) -> list[str]:
    """Every problem of a finished run directory by itself, wherever it lies."""
    artifacts.open_run(path)
    problems = list(_sums(path))
    present = {str(p.relative_to(path)) for p in artifacts.files_of(path)}
    problems += [f"{name}: missing" for name in REQUIRED if name not in present]
    if problems:
        # A changed file makes every figure below it suspect; which one is already said.
        return list(dict.fromkeys(problems))
    try:
        run = artifacts.read_json(path / RUN)
    except RunDirError as error:
        return [str(error)]
    problems = [f"{RUN}: {fault}" for fault in violations(run)]
    if problems:
        return problems
    problems = [*_references(path, run), *_logs(path)]
    try:
        raw = read_raw(path)
        problems += _host(raw)
        computed = judge(raw)
    except RedlineError as error:
        return [*problems, *str(error).splitlines()]
    except (KeyError, TypeError, ValueError) as error:
        # Sealed, but not by us: a raw file lacks what a judgement reads.
        return [*problems, f"{RUN}: cannot be judged again: {type(error).__name__}: {error}"]
    for key in JUDGED_KEYS:
        problems += [f"{RUN}: {fault}" for fault in _differences(run[key], computed[key], key)]
    return problems


def verify_all(out: Path) -> list[str]:
    """Every problem of every run of a directory, by run, and those of the chain between them."""
    problems = [f"{run.name}/{one}" for run in chain.runs_in(out) for one in own_problems(run)]
    try:
        return [*problems, *chain.problems_in(out)]
    except RunDirError as error:
        return [*problems, str(error)]


def is_of_runs(path: Path) -> bool:
    """Whether a directory holds runs instead of being one."""
    return (
        path.is_dir()
        and not (path / RUN).exists()
        and bool((path / chain.CHAIN).exists() or chain.runs_in(path))
    )


def _chain(path: Path) -> Iterator[str]:
    try:
        yield from chain.problems_of(path)
    except RunDirError as error:
        yield str(error)


def _sums(path: Path) -> Iterator[str]:
    """Files that are not the sealed ones: changed, missing, or never listed."""
    try:
        sums = artifacts.read_sums(path)
    except RunDirError as error:
        yield str(error)
        return
    present = {str(p.relative_to(path)): p for p in artifacts.files_of(path)}
    for name, wanted in sums.items():
        found = present.get(name)
        if found is None:
            yield f"{name}: missing, {SUMS} lists it"
        elif found.is_symlink() or not found.is_file():
            yield f"{name}: not a plain file"
        elif (seen := artifacts.sha256_of(found)) != wanted:
            yield f"{name}: changed: sha256 {seen[:16]}..., {SUMS} says {wanted[:16]}..."
    for name in sorted(present.keys() - sums.keys()):
        yield f"{name}: not listed in {SUMS}"


def _references(path: Path, run: Mapping[str, Any]) -> Iterator[str]:
    """What run.json says about itself and other files."""
    if run["id"] != path.resolve().name:
        yield f"{RUN}: id {run['id']!r}, the directory is called {path.resolve().name!r}"
    scenario = run["scenario"]
    file = path / scenario["file"]
    if not file.is_file():
        yield f"{scenario['file']}: missing, {RUN} names it as the scenario"
    elif artifacts.sha256_of(file) != scenario["sha256"]:
        yield f"{scenario['file']}: not the scenario whose sha256 {RUN} states"
    if run["status"] == "complete" and run["ended_utc"] < run["started_utc"]:
        yield f"{RUN}: ended {run['ended_utc']}, before it started {run['started_utc']}"


def _logs(path: Path) -> Iterator[str]:
    """Audit logs: each record proven, and all of them together a history that can have been."""
    for log in sorted(p for p in path.glob("*.audit") if p.is_dir()):
        try:
            found = replay_log(log)
        except EngineError as error:
            yield f"{log.name}: {error.strerror}"
            continue
        verdict = found.verdict
        if verdict.fault:
            place = f"{log.name}/{verdict.segment:08}.audit"
            yield f"{place}: byte {verdict.offset}, record {verdict.record}: {verdict.text}"
        elif found.contradiction is not None:
            number, what = found.contradiction
            yield f"{log.name}: record {number}: {what}"


def _host(raw: Raw) -> Iterator[str]:
    """Where the recorded qualification is not the one that the recorded facts lead to."""
    if KEY not in raw.env:
        yield f"{ENV}: {KEY}: missing"
        return
    computed = qualification_of(raw.env, raw.noise).as_json()
    for fault in _differences(raw.env[KEY], computed, KEY):
        yield f"{ENV}: {fault}"


def _differences(stored: Any, computed: Any, where: str) -> Iterator[str]:
    """Where two JSON values differ, deepest place first named."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in sorted(stored.keys() | computed.keys()):
            if key not in stored or key not in computed:
                side = "only recomputed" if key not in stored else "not recomputed"
                yield f"{where}.{key}: {side}"
            else:
                yield from _differences(stored[key], computed[key], f"{where}.{key}")
    elif isinstance(stored, list) and isinstance(computed, list):
        if len(stored) != len(computed):
            yield f"{where}: {len(stored)} entries, recomputed {len(computed)}"
        for i, (one, other) in enumerate(zip(stored, computed, strict=False)):
            yield from _differences(one, other, f"{where}[{_name(one, i)}]")
    elif not _equal(stored, computed):
        yield f"{where}: {stored!r}, recomputed {computed!r}"


def _equal(stored: Any, computed: Any) -> bool:
    numbers = (int, float)
    if isinstance(stored, bool) or isinstance(computed, bool):
        return stored is computed
    if isinstance(stored, numbers) and isinstance(computed, numbers):
        return math.isclose(stored, computed, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return type(stored) is type(computed) and stored == computed


def _name(entry: Any, index: int) -> str:
    """An entry by its id where it has one: people look for names, not numbers."""
    return str(entry["id"]) if isinstance(entry, Mapping) and "id" in entry else str(index)


def summary(path: Path, problems: Sequence[str]) -> str:
    """One line for the end of `redline verify`."""
    if not problems and is_of_runs(path):
        n = len(chain.read(path))
        return f"{path}: verified, {n} run{'s' if n > 1 else ''} in one chain, none missing"
    if not problems:
        return f"{path}: verified, every file, figure, verdict and score as sealed"
    return f"{path}: NOT verified, {len(problems)} problem{'s' if len(problems) > 1 else ''}"
