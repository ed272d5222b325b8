"""How a run ends: its record judged from the disk, what follows from it written, all of it sealed.

The one who measured ends a run like this, and so does whoever seals what he left (sealing.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import report
from harness.errors import ExitCode
from harness.report import changes
from harness.report.junit import junit_xml
from harness.report.openmetrics import openmetrics
from harness.report.text import scorecard
from harness.run import chain, draft
from harness.run.artifacts import RunDir
from harness.run.judge import judge
from harness.run.raw import read_raw

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where the evidence lies and what it says."""

    dir: Path
    verdict: str
    exit_code: ExitCode
    summary: str


def end(directory: RunDir, record: Json, env: Mapping[str, Any]) -> RunOutcome:
    """Judge the record beside its raw files, and seal all of it as the next run of the chain."""
    out = directory.path.parent
    with chain.sealing(out) as link:
        record[chain.PREVIOUS] = link.as_json()
        since = changes.recorded(out, link.previous.id if link.previous else None, env)
        if since is not None:
            directory.write_json(changes.NAME, since)
        outcome = _judged(directory, record, env["fingerprint"]["sha256"])
        link.add(outcome.dir)
    return outcome


def _judged(directory: RunDir, record: Json, fingerprint: str) -> RunOutcome:
    """Write the raw record, judge it from the disk, write what follows from it, seal."""
    directory.write_json("run.json", record)
    raw = read_raw(directory.path)
    judged = judge(raw)
    record |= judged
    directory.rewrite_json("run.json", record)
    directory.write_text("junit.xml", junit_xml(record, fingerprint))
    directory.write_text("metrics.prom", openmetrics(record, raw.hlogs, fingerprint))
    report.write_report(directory.path)
    draft.remove(directory)
    final = directory.finish()
    verdict = judged["verdict"]
    was_cut_off = record["status"] == "incomplete"
    return RunOutcome(
        dir=final,
        verdict=verdict["state"],
        exit_code=ExitCode.INTERRUPTED if was_cut_off else ExitCode(verdict["exit_code"]),
        summary=scorecard(final),
    )


def utc(when: datetime) -> str:
    """A moment as run.json has it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
