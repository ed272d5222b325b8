"""The bench as tests see it: scenarios performed as `redline run` does it, and their verdicts.

Every run leaves a normal run directory, is chained, and is added to the history beside it. A test
answers for a run, or for rows of it, by require(); a run that nobody answered for is held to its
own verdict when the test ends, so an inconclusive run never hides behind a test that passed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import ExitCode, HostError, RedlineError
from harness.testing.hardware import Hardware
from harness.testing.options import Options
from harness.testing.outcomes import Unjudgeable

if TYPE_CHECKING:
    from harness.config.scenario import Scenario

CANNOT_TELL = ("UNJUDGEABLE", "MISSING", "WAIVED")  # of a row
INCONCLUSIVE = "INCONCLUSIVE"  # of a run
MAX_REASONS = 4


@dataclass(slots=True)
class Run:
    """A finished run. `record` is its run.json."""

    dir: Path
    record: Mapping[str, Any]
    fingerprint: str
    summary: str
    baseline: tuple[Path, ...] = ()
    is_answered_for: bool = False

    @property
    def verdict(self) -> str:
        """READY, NOT READY or INCONCLUSIVE."""
        return str(self.record["verdict"]["state"])

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(self.record["verdict"]["reasons"])

    def row(self, name: str) -> Row:
        """A row or gate of the matrix. RedlineError, with those there are, for another."""
        rows = {row["id"]: row for row in self.record["verdict"]["gates"]}
        rows |= {r["id"]: r for group in self.record["score"]["groups"] for r in group["rows"]}
        if name not in rows:
            raise RedlineError(f"no row {name!r} in the matrix; there are {', '.join(rows)}")
        return Row(self, name, rows[name]["state"], rows[name]["reason"], rows[name]["value"])

    def metric(self, name: str) -> Mapping[str, Any]:
        """A metric as run.json holds it. RedlineError, with those there are, for another."""
        metrics: dict[str, Mapping[str, Any]] = {one["id"]: one for one in self.record["metrics"]}
        if name not in metrics:
            raise RedlineError(f"no metric {name!r} in the run; there are {', '.join(metrics)}")
        return metrics[name]

    def require(self) -> None:
        """End the test unless the run is READY, and no worse than the baseline if there is one."""
        self.is_answered_for = True
        if self.verdict == INCONCLUSIVE:
            raise Unjudgeable(self._said())
        if self.verdict != "READY":
            pytest.fail(self._said(), pytrace=False)
        self.require_no_worse()

    def require_checks(self) -> None:
        """End the test unless every check of the run holds: what is right, on any machine."""
        self.is_answered_for = True
        checks = self.record["checks"]
        broken = [check for check in checks if not check["ok"]]
        if broken:
            text = "; ".join(f"{c['promise']}: saw {c['seen']}" for c in broken[:MAX_REASONS])
            pytest.fail(f"{self.dir}: {text}", pytrace=False)
        if not checks:
            raise Unjudgeable(f"{self.dir}: nothing was checked in this run")

    def require_no_worse(self) -> None:
        """End the test when a figure is worse than in the baseline, or nobody can tell."""
        if not self.baseline:
            return
        from harness.history.compare import Outcome, compare
        from harness.history.entry import read_entry

        try:
            found = compare([read_entry(path) for path in self.baseline], [read_entry(self.dir)])
        except RedlineError as error:
            raise Unjudgeable(f"{self.dir}: --baseline: {error}") from None
        worse = [row for row in found.rows if row.outcome is Outcome.WORSE]
        if worse:
            text = "; ".join(f"{row.key.split('|')[0]} {row.reason}" for row in worse)
            pytest.fail(f"{self.dir}: worse than the baseline: {text}", pytrace=False)
        if all(row.outcome is Outcome.CANNOT_DECIDE for row in found.rows):
            raise Unjudgeable(f"{self.dir}: --baseline: nothing could be decided")

    def _said(self) -> str:
        return f"{self.dir}: {self.verdict}: {'; '.join(self.reasons[:MAX_REASONS])}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a run, judged. The state is that of the scorecard."""

    run: Run
    id: str
    state: str
    reason: str
    value: float | None

    def require(self) -> None:
        """End the test unless the row is PASS; the test has then answered for the run."""
        self.run.is_answered_for = True
        said = f"{self.run.dir}: {self.id}: {self.state}: {self.reason}"
        if self.state in CANNOT_TELL:
            raise Unjudgeable(said)
        if self.state != "PASS":  # a state nobody has heard of is a failure too
            pytest.fail(said, pytrace=False)


@dataclass(slots=True)
class Bench:
    """This machine with a scenario on it. `runs` are those of the session, in their order."""

    options: Options
    hardware: Hardware
    runs: list[Run] = field(default_factory=list)

    def run(
        self,
        scenario: str | Path | None = None,
        *,
        rate: str | None = None,
        duration: str | None = None,
        hours: float | None = None,
        metric: str | None = None,
    ) -> Run:
        """Perform a scenario (by default the one of --scenario) with the options of `redline run`.

        With `metric` only the phases that yield it, and those that show what the bench itself
        costs. RedlineError for mistakes; a host that cannot do it ends the test as Unjudgeable.
        """
        from harness.commands.common import option
        from harness.commands.run import remember
        from harness.config import scenario as config
        from harness.config import units
        from harness.run.progress import Lines
        from harness.run.runner import run as perform

        path = config.find_scenario(str(scenario or self.options.scenario))
        chosen = config.load_scenario(path)
        if metric is not None:
            chosen = only(chosen, metric)
        chosen = chosen.with_overrides(
            rate_per_s=option("rate", rate, units.positive(units.parse_rate)),
            duration_ns=option("duration", duration, units.positive(units.parse_duration)),
            hours=hours,
        )
        self.hardware.take()
        try:
            outcome = perform(
                chosen,
                scenario_path=path,
                out=self.options.run_dir,
                progress=Lines(),
                tuning=self.hardware.tuning,
            )
        except HostError as error:
            raise Unjudgeable(str(error)) from None
        remember(outcome.dir, None)
        if outcome.exit_code is ExitCode.INTERRUPTED:
            raise KeyboardInterrupt(f"{outcome.dir}: INCOMPLETE")
        env = json.loads((outcome.dir / "env.json").read_text())
        done = Run(
            outcome.dir,
            json.loads((outcome.dir / "run.json").read_text()),
            env["fingerprint"]["sha256"],
            outcome.summary,
            self.options.baseline,
        )
        self.runs.append(done)
        return done


def only(scenario: Scenario, metric: str) -> Scenario:
    """The scenario reduced to a metric, the clock and the null bench. RedlineError for no such."""
    if metric not in scenario.metric_ids():
        known = ", ".join(sorted(scenario.metric_ids()))
        raise RedlineError(f"no phase of {scenario.name} measures {metric!r}; they measure {known}")
    phases = tuple(
        phase
        for phase in scenario.phases
        if metric in phase.metric_ids() or phase.phase in ("clock", "null_bench")
    )
    return scenario.model_copy(update={"phases": phases})


def unqualified() -> list[str]:
    """Why this host, as it is, is not one to sign off on; nothing when it is."""
    from harness.bench.cpus import choose_here
    from harness.qualify import Level, State, qualify
    from harness.tuning.facts import collect

    facts = collect()
    try:
        cpus = choose_here(facts).by_role()
    except ValueError as error:
        return [str(error)]
    found = qualify(facts, None, cpus)
    # Its noise was not listened to: a run does that, and says what it heard.
    return [
        f"{row.title}: {row.observed}"
        for row in found.rows
        if row.level is Level.MUST and row.state is State.MISS
    ]
