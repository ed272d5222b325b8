"""A user's own engine under load, seen from outside: what it answered, by the rule, and how fast.

Each repeat is a process of its own on both sides. A trial in which the kernel had no room for what
the program should have read is made again: on a busy host that is the host's doing at first sight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.bench.foreign_faults import effects
from harness.bench.launch import Report, measure
from harness.bench.plan import ForeignPlan, TrialPlan
from harness.bench.program import resolve
from harness.bench.reports import histogram_of
from harness.config import units
from harness.config.black_box import BlackBox, Engine
from harness.config.scenario import Feed, Scenario, Trial
from harness.errors import RedlineError
from harness.measure import percentiles
from harness.measure.histogram import Histogram
from harness.run.session import Block, Measured, Session
from harness.run.trials import BOTH, plan_of

TRIES = 3
POINTS = ("wire", "service", "lateness")
_FAULTS = ("garbled", "incomplete", "insane", "repeated", "misnumbered", "bad_symbol", "unknown",
           "late")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """A trial of a program. `told` is what harness.bench.foreign says of its orders."""

    seconds: float
    histograms: Mapping[str, Histogram]
    saturated: Mapping[str, int]
    counters: Mapping[str, Mapping[str, int]]
    told: Mapping[str, Any]
    broken: str
    placement_ns: tuple[float, float]
    net: Mapping[str, Any]
    injected: Mapping[str, int] | None  # by the fault on its market data; None: there is none

    @classmethod
    def of(cls, report: Report) -> Seen:
        """The result of the measuring process."""
        before_ns, after_ns = report["placement_ns"]
        broken = (f"{name}: {a} and {b}" for name, a, b in report["identities"] if a != b)
        return cls(
            seconds=report["seconds"],
            histograms={name: histogram_of(h) for name, h in report["hists"].items()},
            saturated={name: h["saturated"] for name, h in report["hists"].items()},
            counters=report["counters"],
            told=report["foreign"],
            broken=next(broken, ""),
            placement_ns=(before_ns, after_ns),
            net=report["net"],
            injected=report["injected"],
        )

    @property
    def faults(self) -> str:
        """What was wrong with its messages; empty when all were understood."""
        n = self.counters["exchange"]
        found = [f"{n['orders_' + f]} {f}" for f in _FAULTS if n[f"orders_{f}"]]
        bad = [f"{n['requests_bad']} bad requests"] if n["requests_bad"] else []
        return ", ".join(found + bad)

    @property
    def lost(self) -> int:
        """Datagrams that no fault took: no room at the sender, or in the program's socket."""
        return int(self.told["dropped"]) + self.counters["generator"]["frames_unsent"]

    @property
    def sent(self) -> int:
        return self.counters["generator"]["frames_sent"]

    @property
    def planned(self) -> int:
        return self.counters["generator"]["frames_planned"]

    @property
    def lateness_p999_ns(self) -> float:
        return percentiles.table(self.histograms["lateness"], 1.0)["p99.9"] or 0.0

    def series(self, trial: Trial) -> dict[str, Any]:
        """The trial as a line of series.jsonl."""
        return {
            "kind": "program",
            "phase": trial.id,
            "rate_per_s": trial.rate_per_s,
            "seconds": self.seconds,
            "planned": self.planned,
            "sent": self.sent,
            "percentiles_ns": percentiles.table(self.histograms["wire"], 1.0),
            "lateness_p999_ns": self.lateness_p999_ns,
            "program": dict(self.told),
            "counters": {name: self.counters[name] for name in ("generator", "exchange")},
            "net": dict(self.net),
            "injected": self.injected,
            "broken": self.broken,
        }


def require(scenario: Scenario, captured: Feed | None) -> None:
    """RedlineError when the program of a scenario is not there, or when a capture stands in for its
    stream: a capture ends, and a stop is tried while messages come. Before anything is measured.
    """
    if scenario.engine is None:
        return
    resolve(scenario.engine.command)
    if captured == "itch":
        raise RedlineError(
            "--input: a program is sent the synthetic stream alone, which goes on after its stop"
        )


def black_box(phase: BlackBox, session: Session) -> None:
    """All trials of the phase: what was measured, and what the program promised by taking part."""
    engine = session.scenario.engine
    assert engine is not None  # the scenario was checked
    for trial in phase.trials:
        seen = []
        for i in range(1, trial.repeats + 1):
            session.progress.note(f"{trial.id} {i}/{trial.repeats}")
            one = _one(session, trial, engine, i)
            name = f"black_box.{trial.id}.r{i}"
            judge(session, name, one, engine)
            if trial.impairment is not None:
                n = effects(one.injected or {})
                session.judged(
                    f"{name}.effect",
                    "the fault had an effect",
                    ok=n > 0,
                    seen=f"{n} packets met it",
                    wanted="> 0",
                )
            seen.append(one)
        _record(session, trial, engine, seen)


def _one(session: Session, trial: Trial, engine: Engine, i: int) -> Seen:
    for attempt in range(1, TRIES + 1):
        again = f".{attempt}" if attempt > 1 else ""
        output = session.dir.file(f"{trial.id}.r{i}{again}.out")
        seen = Seen.of(measure(_plan(session, trial, engine, str(output))))
        session.series(seen.series(trial))
        if not seen.lost or seen.told["ended"]:
            break
    return seen


def _plan(session: Session, trial: Trial, engine: Engine, output: str) -> TrialPlan:
    told = ForeignPlan(
        command=engine.command,
        has_reference=engine.rule == "reference",
        connect_ns=engine.connect_ns,
        stop_signal=engine.stop.signal,
        stop_within_ns=engine.stop.within_ns,
        output=output,
    )
    plan = replace(plan_of(session, trial), foreign=told)
    return plan if session.faults_enabled else replace(plan, impairment=None)


def judge(session: Session, name: str, seen: Seen, engine: Engine) -> None:
    """The checks of one trial; a reason says what was seen first."""
    told = seen.told
    within = units.format_duration(engine.stop.within_ns)
    lost = f"; {seen.lost} datagrams found no room in its socket or before" if seen.lost else ""
    for what, promise, value, wanted in (
        ("alive", "the program ran to the end of the trial", told["ended"] or "ran", "ran"),
        ("talks", "the program sent orders", _talks(told), "orders"),
        ("understood", "every message of it was understood", seen.faults or "all", "all"),
        ("conservation", "everything counted adds up", seen.broken or "agrees", "agrees"),
        (
            "stopped",
            f"no order answers a message sent more than {within} after the stop",
            _counted(told, "after_stop", ""),
            "none",
        ),
    ):
        session.check(f"{name}.{what}", promise, value, wanted)
    if engine.rule == "own":
        return
    for what, promise, key in (
        ("complete", "every order that the rule calls for came", "missing"),
        ("only", "no order came that the rule does not call for", "unwanted"),
        ("right", "price, quantity, side and symbol are those of the rule", "wrong"),
    ):
        session.check(f"{name}.{what}", promise, _counted(told, key, lost), "none")


def _talks(told: Mapping[str, Any]) -> str:
    return "orders" if told["valid"] else "silence: not one valid order"


def _counted(told: Mapping[str, Any], key: str, lost: str) -> str:
    n = told[key]
    if not n:
        return "none"
    of = f" of {told['wanted']}" if key in ("missing", "wrong") else ""
    return f"{n}{of} {key.replace('_', ' ')}, the first: {told['first_' + key]}{lost}"


def _record(session: Session, trial: Trial, engine: Engine, seen: Sequence[Seen]) -> None:
    """What was seen on the wire; of its inside there is nothing."""
    wire = trial.measures.wire
    if wire is None:
        return
    facts = {
        "loss": sum(one.told["missing"] for one in seen),
        "planned": sum(one.planned for one in seen),
        "sent": sum(one.sent for one in seen),
        "lateness_p999_ns": max(one.lateness_p999_ns for one in seen),
        "placement_min_ns": min(ns for one in seen for ns in one.placement_ns),
        "placement_max_ns": max(ns for one in seen for ns in one.placement_ns),
        "program": engine.command[0],
        "program_sha256": seen[-1].told["sha256"],
    }
    where = "namespaces" if session.lines else "loopback"
    for point in POINTS:
        session.histograms(
            Measured(
                wire if point == "wire" else wire.removesuffix("wire") + point,
                unit="ns",
                kind="latency",
                regime=f"{session.regime(trial.feed)} over udp and tcp on {where}",
                points=point,
                load=trial.load,
                facts=facts | {"saturated": sum(one.saturated[point] for one in seen)},
                roles=BOTH,
            ),
            [[Block(one.histograms[point], one.seconds)] for one in seen],
        )
