"""Starting the programs of a heat: ours in a worker, each other program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from perf import heats, inputs
from perf.sample import Sample

HERE = Path(__file__).resolve().parent
PEER_TIMEOUT_S = 120

# Program -> what starts it: one that peers/CMakeLists.txt builds, or a Python script of peers/.
COMPILED: Mapping[str, tuple[str, ...]] = {
    "quickfix.parse": ("quickfix_parse",),
    "quickfix.validate": ("quickfix_validate",),
    "quickfix.encode": ("quickfix_encode",),
    "std.map.book": ("map_book",),
    "naive.fills": ("naive_fills",),
    "audit.burst": ("log_bursts", "audit"),
    "ring.burst": ("log_bursts", "ring"),
    "write.burst": ("log_bursts", "write"),
    "empty.burst": ("log_bursts", "empty"),
    "spdlog.block": ("spdlog_bursts", "block"),
    "spdlog.overrun": ("spdlog_bursts", "overrun"),
}
SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "simplefix.parse": ("simplefix_peer.py", "parse"),
    "simplefix.encode": ("simplefix_peer.py", "encode"),
    "python.split": ("python_split.py",),
}
HOW_TO_GET: Mapping[str, str] = {
    "quickfix": "apt-get install libquickfix-dev",
    "simplefix": "pip install -e '.[dev]'",
    "spdlog": "apt-get install libspdlog-dev",
}
OR_ELSE = "a C++ compiler"


class ProgramError(Exception):
    """A program did not do its work: a sentence."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where, how long and on what everything is measured; `made`: never on captures."""

    cpu: int
    tsc_hz: int
    seconds: float
    built: Path
    scratch: Path
    made: bool

    @property
    def ns_per_tick(self) -> float:
        return 1e9 / self.tsc_hz


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker process."""

    process: subprocess.Popen[str]

    def measure(self, bench: Bench, operation: str, heat: heats.Heat) -> Sample:
        order = {
            "operation": operation,
            "input": heat.input,
            "regime": heat.regime,
            "cpu": bench.cpu,
            "tsc_hz": bench.tsc_hz,
            "seconds": bench.seconds,
            "made": bench.made,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise ProgramError(f"{operation}: the worker died")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise ProgramError(f"{operation}: {found['error']}")
        return Sample.of_component(found, bench.ns_per_tick)


@contextmanager
def worker() -> Iterator[Worker]:
    """A fresh worker; it ends with its input."""
    env = os.environ | {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(
        [sys.executable, "-m", "perf.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        try:
            yield Worker(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def is_separate(name: str) -> bool:
    """Whether it is a program of its own, not an operation that a worker measures."""
    return name in COMPILED or name in SCRIPTS


def command(peer: str, built: Path) -> list[str] | None:
    """What starts a program of its own, None when it is not there."""
    if peer in COMPILED:
        name, *arguments = COMPILED[peer]
        program = built / name
        return [str(program), *arguments] if program.is_file() else None
    script, *arguments = SCRIPTS[peer]
    if peer.startswith("simplefix") and find_spec("simplefix") is None:
        return None
    return [sys.executable, str(HERE / "peers" / script), *arguments]


def missing(peer: str, built: Path) -> str:
    """Why a program does not run here and how to get it; "" when it does."""
    if command(peer, built) is None:
        return f"not installed: {HOW_TO_GET.get(peer.split('.')[0], OR_ELSE)}"
    if peer.startswith("quickfix") and inputs.dictionary_path(heats.DEFAULT_DICTIONARY) is None:
        return f"fix/dictionaries/{heats.DEFAULT_DICTIONARY}.xml is not there"
    return ""


def measure_peer(bench: Bench, peer: str, heat: heats.Heat) -> Sample:
    """One pass of a program of its own over the input of a heat. ProgramError when it fails."""
    prefix = bench.scratch / heat.input
    if not prefix.with_suffix(".recs").exists():
        inputs.write(inputs.get(heat.input, bench.made), prefix)
    words = command(peer, bench.built)
    assert words is not None
    return measure_peer_on(bench, peer, words, prefix)


def measure_peer_on(bench: Bench, peer: str, words: Sequence[str], prefix: Path) -> Sample:
    """One pass of what `words` start over the input at a prefix. ProgramError when it fails."""
    arguments = [str(prefix), str(bench.cpu), str(bench.tsc_hz), str(bench.seconds)]
    rules = inputs.dictionary_path(heats.DEFAULT_DICTIONARY)
    done = subprocess.run(
        [*words, *arguments],
        capture_output=True,
        text=True,
        timeout=PEER_TIMEOUT_S,
        env=os.environ | {"REDLINE_FIX44": str(rules), "PYTHONPATH": str(HERE.parent)},
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ProgramError(f"{peer}: {said[-1] if said else f'code {done.returncode}'}")
    return Sample.of_peer(json.loads(done.stdout), bench.ns_per_tick)
