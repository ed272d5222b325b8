"""The main job: measure what a scenario declares, judge it, and leave a run directory behind.

The order is the argument: what the host is, what it takes away, what the bench costs, what the
parts cost, what the whole does, and then once more what the host takes away. Nothing is judged
before everything is on the disk.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import engine
from harness.bench.cpus import Cpus, choose_here
from harness.bench.lines import lines_of, require_rights
from harness.config.loader import project_data
from harness.config.matrix import load_matrix
from harness.config.scenario import Clock, Feed, Scenario, Soak
from harness.errors import HostError
from harness.measure import provenance
from harness.qualify.recorded import stamped
from harness.run.artifacts import RunDir, sha256_of
from harness.run.black_box import require as require_program
from harness.run.doctor import examine
from harness.run.draft import Draft
from harness.run.ending import RunOutcome, end, utc
from harness.run.keeper import kept
from harness.run.papers import Papers
from harness.run.phases import calibrate, noise_floor, perform, recalibrate
from harness.run.progress import Progress
from harness.run.reactions.phase import require as require_reactions
from harness.run.session import Measured, Session
from harness.traffic.captures import stream_of
from harness.traffic.inputs import InputFile, open_input
from harness.tuning.facts import collect, latency_limit

DEFAULT_WINDOW_NS = 200_000_000  # of the calibration, for scenarios that do not score the clock
FEED_OF_KIND: dict[str, Feed] = {
    "itch": "itch",
    "dbn": "itch",
    "pcap": "itch",
    "pcapng": "itch",
    "fix": "fix",
}


class Interrupted(KeyboardInterrupt):
    """The run was cut off; `where` holds what was written until then."""

    def __init__(self, where: Path) -> None:
        super().__init__(
            f"interrupted; what was measured until then is in {where}, it is no result"
        )
        self.where = where


def run(
    scenario: Scenario,
    *,
    scenario_path: Path,
    out: Path,
    progress: Progress,
    input_path: Path | None = None,
    tuning: Mapping[str, Any] | None = None,
    papers: Mapping[str, Path] | None = None,
    command: list[str] | None = None,
    faults_enabled: bool = True,
) -> RunOutcome:
    """Perform a scenario. RedlineError for what the user or the host must change.

    A capture named by `input_path` replaces the synthetic stream of its own protocol. `tuning` is
    what a profile has changed on this machine, for the record; `papers` are the files of waivers,
    delivery, quality and signers (harness/run/papers.py), by these names. Without
    `faults_enabled` the cases of reactions are performed with nothing injected. An interrupt
    raises Interrupted and leaves a `.partial` directory, except in a soak, which ends as
    INCOMPLETE. A host that refuses before anything of the scenario was measured leaves none.
    """
    facts = collect()
    examine(facts, cpus=scenario.requires.cpus).require()
    cpus = choose_here(facts)
    require_rights(scenario.bench, scenario.ports())
    require_reactions(scenario)
    capture = open_input(input_path) if input_path else None
    if capture:
        stream_of(capture)  # its damage is told before anything is measured
    require_program(scenario, FEED_OF_KIND[capture.kind] if capture else None)
    matrix_path = project_data(scenario.matrix, beside=scenario_path)
    matrix = load_matrix(matrix_path)  # its faults are told before anything is measured
    said = Papers.read(matrix, **(papers or {}))
    directory = RunDir.create(out)
    session = Session(scenario, directory, cpus, progress, matrix, faults_enabled=faults_enabled)
    if capture and input_path:
        session.input_path = str(input_path)
        session.input_feed = FEED_OF_KIND[capture.kind]
    directory.write_text("scenario.yaml", scenario.to_yaml())
    directory.write_bytes("matrix.yaml", matrix_path.read_bytes())
    said.write(directory)
    started, t0 = datetime.now(UTC), time.monotonic()
    record: dict[str, Any] = {
        "schema": "redline.run/1",
        "id": directory.id,
        "started_utc": utc(started),
        "command": command or sys.argv,
        "build": _build(),
        "scenario": {
            "name": scenario.name,
            "file": "scenario.yaml",
            "sha256": sha256_of(directory.file("scenario.yaml")),
        }
        | ({} if faults_enabled else {"faults": "off"}),
        "input": _input(session, capture),
        "measurements": said.measurements(int(started.timestamp())),
    }
    held = None if tuning is None else {"schema": "redline.tuning/1"} | dict(tuning)
    read_env = functools.partial(_env, scenario_path, cpus, held)
    is_soak = any(isinstance(phase, Soak) for phase in scenario.phases)
    status = "complete"
    with _stop_on_sigterm(), contextlib.ExitStack() as stack:
        try:
            if is_soak:
                session.draft = Draft(directory, record, read_env(), held)
                stack.enter_context(kept(directory, cpus.by_role().values()))
            with lines_of(scenario.bench) as session.lines:
                _measure(session)
        except KeyboardInterrupt:
            if not is_soak:
                raise Interrupted(directory.path) from None
            status = "incomplete"
        except HostError:
            if not session.measurements:
                directory.discard()
            raise
        env = stamped(read_env(), session.noise, before=facts, seconds=time.monotonic() - t0)
        if held:
            directory.write_json("tuning.json", held)
        directory.write_json("env.json", env)
        directory.write_json("noise.json", session.noise)
        record |= {
            "status": status,
            "ended_utc": utc(datetime.now(UTC)),
            "input": _input(session, capture),
            "measurements": [*session.measurements, *record["measurements"]],
            "checks": session.checks,
        }
        return end(directory, record, env)


def _env(scenario_path: Path, cpus: Cpus, tuning: Mapping[str, Any] | None) -> dict[str, Any]:
    """The host and the program as they are now, while the tuning is held."""
    profile = tuning["profile"] if tuning else None
    env = provenance.collect(scenario_path=scenario_path, cpus=cpus.by_role(), profile=profile)
    env["facts"]["cpu.dma_latency_us"] = latency_limit().as_json()
    return env


def _measure(session: Session) -> None:
    scenario, progress = session.scenario, session.progress
    window_ns = next(
        (p.window_ns for p in scenario.phases if isinstance(p, Clock)), DEFAULT_WINDOW_NS
    )
    noise_s = scenario.noise.duration_ns / 1e9
    calibrate(session, window_ns)
    progress.phase("noise floor before", noise_s)
    noise_floor(session, "before")
    session.keep()
    for phase in scenario.phases:
        progress.phase(phase.phase.replace("_", " "), phase.measured_ns() / 1e9)
        perform(phase, session)
        session.keep()
    progress.phase("noise floor after", noise_s)
    noise_floor(session, "after")
    recalibrate(session, window_ns)
    for metric, worst in session.hot_path.items():
        session.figure(
            Measured(
                metric,
                unit="count",
                kind="scalar",
                regime="scored trials",
                points="engine thread, measured window",
                load="as the trials",
                facts={"value": worst},
            )
        )


def _build() -> dict[str, str]:
    return {
        "version": engine.VERSION,
        "build_type": engine.BUILD_TYPE,
        "march": engine.MARCH,
        "compiler": engine.COMPILER,
        "core_sha256": sha256_of(engine.core_file()),
    }


def _input(session: Session, capture: InputFile | None) -> dict[str, Any]:
    made = session.scenario.input
    common = {"answer": session.answer}
    if capture is not None:
        return common | {
            "kind": capture.kind,
            "name": Path(str(session.input_path)).name,
            "sha256": capture.sha256,
            "n_messages": (session.answer or {}).get("messages", 0),
            "seed": None,
            "description": capture.description,
        }
    text = made.model_dump_json()
    return common | {
        "kind": "synthetic",
        "name": f"seed {made.seed}",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "n_messages": made.messages,
        "seed": made.seed,
        "description": (
            f"seeded stream of {made.messages:,} operations on {made.instruments} instruments with "
            f"about {made.orders:,} live orders, calibrated on real captures"
        ),
    }


@contextlib.contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    """SIGTERM as an interrupt: a killed run puts its processes away before it leaves."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
