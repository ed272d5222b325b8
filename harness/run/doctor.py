"""What this machine can and cannot do for a measurement, and why that matters.

A pure function of the facts, so every row is tested on machines that nobody here has. The rows are
in doctor_rows.py, those of the network in backend_rows.py; here is what they amount to: whether a
run is possible at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import ExitCode, HostError
from harness.run.backend_rows import backend_rows
from harness.run.doctor_rows import Row, State, rows
from harness.tuning.facts import Facts, collect

SCHEMA = "redline.doctor/1"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All rows and what they amount to."""

    rows: tuple[Row, ...]

    @property
    def stoppers(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.stops_run)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.HOST_NOT_FIT if self.stoppers else ExitCode.READY

    @property
    def summary(self) -> str:
        """One sentence: whether a run is possible, or why not."""
        if self.stoppers:
            reasons = "; ".join(f"{row.title}: {row.seen}" for row in self.stoppers)
            return f"no run is possible here: {reasons}"
        n = sum(row.state is not State.OK for row in self.rows)
        if n == 0:
            return "a run is possible, and nothing seen here limits what it can show"
        return f"a run is possible; {n} of {len(self.rows)} rows limit what it can show"

    def require(self) -> None:
        """HostError when no run is possible."""
        if self.stoppers:
            raise HostError(self.summary)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "exit_code": int(self.exit_code),
            "summary": self.summary,
            "rows": [asdict(row) for row in self.rows],
        }


def diagnose(root: Path = Path("/"), *, cpus: int = 2, engine: str | None = None) -> Diagnosis:
    """The machine below `root`, for a run that takes `cpus` CPUs.

    `engine` is a sentence that says why the compiled engine cannot be loaded, None when it can.
    """
    return examine(collect(root), cpus=cpus, engine=engine)


def examine(facts: Facts, *, cpus: int = 2, engine: str | None = None) -> Diagnosis:
    """What follows from facts, wherever they come from."""
    return Diagnosis((*rows(facts, cpus=cpus, engine=engine), *backend_rows(facts)))
