"""How a measurement becomes a proof, and what a wish asks for, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from harness.tuning.knobs.base import Proof, Scope, Wish, value_text
from harness.tuning.tree import Absent, cpu_list

Key = TypeVar("Key")


def proof(wish: Wish, name: str, holds: bool | None, seen: str, wanted: str) -> Proof:
    """What was seen against what is wanted; `name` is that of the effect."""
    return Proof(wish.knob, "effect", name, holds, seen, wanted)


def unknown(wish: Wish, name: str, why: str, seen: str = "") -> Proof:
    """It cannot be told here, and why."""
    return Proof(wish.knob, "effect", name, None, seen, "", why)


def whole_number(wish: Wish) -> int | None:
    """The wish's value when it is one whole number."""
    text = value_text(wish.value).strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) < 19 else None


def cpus_of(scope: Scope, wish: Wish) -> Sequence[int]:
    """The CPUs that the wish lists, as far as they are online; else the hot ones."""
    online = set(scope.host.cpus())
    if isinstance(wish.value, str) and wish.value.strip():
        try:
            listed = cpu_list(wish.value.rpartition(",domain,")[2] or wish.value)
        except Absent:
            listed = []
        chosen = [cpu for cpu in listed if cpu in online]
        if chosen:
            return chosen
    return [cpu for cpu in scope.roles.hot if cpu in online] or list(scope.roles.hot)


def grown(before: Mapping[Key, int], after: Mapping[Key, int]) -> dict[Key, int]:
    """What was added to each count."""
    return {key: n - before.get(key, 0) for key, n in after.items()}
