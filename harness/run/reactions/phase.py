"""The phase of reactions: each case once, and each expectation a check of the run."""

from __future__ import annotations

from harness.config.reactions import Case, Reactions, names_of, shown
from harness.config.scenario import Scenario
from harness.errors import HostError
from harness.run.reactions import Observed, react, why_not
from harness.run.reactions import hostile as hostile
from harness.run.reactions import kill_switch as kill_switch
from harness.run.reactions import logs as logs
from harness.run.reactions import machine as machine
from harness.run.reactions import market as market
from harness.run.reactions import overload as overload
from harness.run.reactions import peers as peers
from harness.run.reactions import venue as venue
from harness.run.session import Session

PREFIX = "reactions"


def require(scenario: Scenario) -> None:
    """HostError that names the first thing that a case needs and this machine has not."""
    for phase in scenario.phases:
        for case in phase.cases if isinstance(phase, Reactions) else ():
            lacking = why_not(case.fault)
            if lacking is not None:
                raise HostError(f"{case.id}: {lacking}")


def reactions(phase: Reactions, session: Session) -> None:
    """All cases in the order of the file; a case that fails stops no other."""
    for case in phase.cases:
        session.progress.note(f"{case.id}: {case.fault.kind}")
        observed = react(case.fault, case, session)
        missing = set(names_of(case.fault)) - set(observed.all())
        if missing:
            raise TypeError(f"{case.fault.kind}: observed no {', '.join(sorted(missing))}")
        session.series(
            {
                "kind": "reaction",
                "case": case.id,
                "fault": case.fault.kind,
                "faults_enabled": session.faults_enabled,
                "observed": observed.all(),
            }
        )
        _hold(case, observed, session)


def _hold(case: Case, observed: Observed, session: Session) -> None:
    """The effect first: an expectation that holds without one says nothing."""
    session.judged(
        f"{PREFIX}.{case.id}.effect",
        f"{case.id}: the fault had an effect",
        ok=observed.effects > 0,
        seen=f"{observed.effects} of {observed.injected} injected",
        wanted="> 0",
    )
    values = observed.all()
    for one in case.expect:
        bound, seen = one.is_, values[one.observed]
        other = bound.name
        wanted = bound.text if other is None else f"{bound.text} ({shown(other, values[other])})"
        session.judged(
            f"{PREFIX}.{case.id}.{one.observed}",
            f"{case.id}: {one.observed} {bound.text}",
            ok=bound.holds(seen, one.observed, values),
            seen=shown(one.observed, seen),
            wanted=wanted,
            timed=one.observed in case.fault.timed,
        )
