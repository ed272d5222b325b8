"""Whether a host is as a profile wants it, and how well that is known.

Reading back what was written proves little: a kernel rounds, waits, or looks elsewhere. So every
wish is proved at the levels it has, up to the one asked for, and the report says which was reached.
What a host refuses does not hold, and is no drift either: proofs say so, at every level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from harness.errors import HostError
from harness.tuning.effects import EFFECTS
from harness.tuning.knobs import knob_of
from harness.tuning.knobs.base import Level, Op, Proof, Scope, State, Wish, reason
from harness.tuning.tree import Absent

LEVELS: Sequence[Level] = ("readback", "derived", "effect")


def verify(scope: Scope, wishes: Iterable[Wish], level: Level = "derived") -> list[Proof]:
    """A proof a setting and level, by wish. At level effect this measures, some 0.1 s a knob.

    HostError for an effect on a recorded host: there is nothing to measure.
    """
    depth = LEVELS.index(level)
    if level == "effect" and not scope.host.is_this_machine:
        raise HostError("a recorded host has no effects to measure; verify it at level derived")
    proofs: list[Proof] = []
    measured: set[tuple[str, str]] = set()
    for wish in wishes:
        knob = knob_of(wish.knob)
        ops = knob.plan(scope, wish)
        denied = {_place(op.target): op for op in ops if op.state is State.DENIED}
        proofs += [_readback(op) for op in ops]
        if depth >= LEVELS.index("derived") and _is_there(ops):
            proofs += [_explained(proof, denied) for proof in _derived(scope, wish)]
        is_new = (knob.effect, wish.interface) not in measured
        if depth >= LEVELS.index("effect") and knob.effect and is_new and _can_hold(ops):
            measured.add((knob.effect, wish.interface))
            proofs.append(_effect(scope, wish, knob.effect))
    return proofs


def fails(proofs: Iterable[Proof]) -> bool:
    """Whether something does not hold that this host lets one change."""
    return any(proof.holds is False and not proof.refused for proof in proofs)


def reached(proofs: Iterable[Proof]) -> dict[str, Level | None]:
    """By knob the highest level at which it was shown to hold; None: it does not, or cannot."""
    by_knob: dict[str, list[Proof]] = {}
    for proof in proofs:
        by_knob.setdefault(proof.knob, []).append(proof)
    return {knob: _highest(mine) for knob, mine in by_knob.items()}


def _highest(proofs: Sequence[Proof]) -> Level | None:
    if any(proof.holds is False for proof in proofs):
        return None
    shown = [LEVELS.index(proof.level) for proof in proofs if proof.holds]
    return LEVELS[max(shown)] if shown else None


def _is_there(ops: Sequence[Op]) -> bool:
    return any(op.state is not State.UNSUPPORTED for op in ops)


def _can_hold(ops: Sequence[Op]) -> bool:
    return any(op.state not in (State.UNSUPPORTED, State.DENIED) for op in ops)


def _readback(op: Op) -> Proof:
    holds = {State.NOOP: True, State.UNSUPPORTED: None}.get(op.state, False)
    seen = "" if op.before is None else op.before
    return Proof(
        op.knob, "readback", op.target, holds, seen, op.want, op.why, refused=_is_refused(op)
    )


def _is_refused(op: Op) -> bool:
    """A refusal that a profile does not put up with is a fault like any other."""
    return op.state is State.DENIED and op.on_unsupported != "fail"


def _place(target: str) -> str:
    """What a kernel makes of a file it shows beside it: /proc/irq/36."""
    return str(PurePosixPath(target).parent) if target.startswith("/") else target


def _explained(proof: Proof, denied: Mapping[str, Op]) -> Proof:
    """The same, with the reason when it is about a setting that is refused."""
    op = denied.get(_place(proof.target))
    if op is None or proof.holds is not False:
        return proof
    return replace(proof, why=op.why or proof.why, refused=_is_refused(op))


def _derived(scope: Scope, wish: Wish) -> Sequence[Proof]:
    try:
        return knob_of(wish.knob).derived(scope, wish)
    except (OSError, Absent) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        return [Proof(wish.knob, "derived", wish.knob, None, "", "", why)]


def _effect(scope: Scope, wish: Wish, name: str) -> Proof:
    try:
        return EFFECTS[name](scope, wish)
    except OSError as error:
        return Proof(wish.knob, "effect", name, None, "", "", reason(error))
