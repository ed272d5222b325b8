"""What a profile would change on a host: every setting with its value before and after.

The order is the one in which it is safe to write: what would undo a change is stopped first, cards
are set while nothing rests on them, and what costs power comes last. Undoing goes the other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.errors import HostError, printable
from harness.tuning.ethtool import interface_name
from harness.tuning.knobs import ORDER, knob_of
from harness.tuning.knobs.base import Op, Scope, State, Wish

# States that keep a wish from being fulfilled, by what `on_unsupported` decides about them.
UNMET = (State.UNSUPPORTED, State.DENIED, State.INEFFECTIVE, State.REBOOT, State.FAILED)
MAX_SHOWN = 60  # characters of what somebody sent


def plan(scope: Scope, wishes: Iterable[Wish]) -> list[Op]:
    """Every operation, in the order of apply.py; writes nothing."""
    ordered = sorted(wishes, key=lambda wish: ORDER.index(knob_of(wish.knob).family))
    return [op for wish in ordered for op in knob_of(wish.knob).plan(scope, wish)]


def changing(scope: Scope, wishes: Iterable[Wish]) -> list[str]:
    """The knobs that would change something here, in the order of apply.py."""
    ops = plan(scope, wishes)
    return list(dict.fromkeys(op.knob for op in ops if op.state is State.CHANGE))


def drift(ops: Iterable[Op]) -> list[Op]:
    """What does not stand as it was asked for, and could."""
    return [op for op in ops if op.state in (State.CHANGE, State.INEFFECTIVE, State.REBOOT)]


def require(ops: Sequence[Op]) -> None:
    """HostError, a line each, for wishes that may not go unfulfilled and do."""
    faults = [
        f"{op.knob}: {op.target}: {op.state}{f' ({op.why})' if op.why else ''}"
        for op in ops
        if op.on_unsupported == "fail" and op.state in UNMET
    ]
    if faults:
        raise HostError("\n".join(faults))


def wish_of(raw: Mapping[str, Any]) -> Wish:
    """A wish from JSON. ValueError, with the knob's name, for what no profile can ask."""
    knob = raw.get("knob")
    if not isinstance(knob, str) or "value" not in raw:
        raise ValueError("a wish is a knob and a value")
    shown = printable(knob[:MAX_SHOWN])
    try:
        found = knob_of(knob)
    except KeyError:
        raise ValueError(f"no such knob here: '{shown}'") from None
    unmet = raw.get("on_unsupported", "warn")
    if unmet not in ("ignore", "warn", "fail"):
        raise ValueError(f"{shown}: not one of ignore, warn, fail: {str(unmet)[:MAX_SHOWN]!r}")
    interface = raw.get("interface", "")
    if not isinstance(interface, str):
        raise ValueError(f"{shown}: not the name of an interface")
    try:
        if interface:
            interface_name(interface)
        value = found.parse(raw["value"])
    except ValueError as error:
        raise ValueError(f"{shown}: {str(error).removeprefix(f'{knob}: ')}") from None
    return Wish(knob, value, interface, unmet)
