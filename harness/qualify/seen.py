"""What is known about a host, as the rows of a check ask for it: typed, and never an error.

A fact that is absent, or of another type than a row expects, is None (or empty); `why` says why.
Facts come from files that people hand around, so nothing in them is taken on trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.tuning.facts import Fact
from harness.tuning.tree import Absent, cpu_list

Cpus = Mapping[str, int] | Sequence[int] | None


class Known:
    """Typed access to facts."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._facts = facts

    def fact(self, name: str) -> Fact:
        return self._facts.get(name, Fact(None, "", "not collected"))

    def why(self, name: str) -> str:
        """Why a fact has no value of use."""
        fact = self.fact(name)
        reason = fact.reason or f"not understood: {str(fact.value)[:40]}"
        return f"{fact.source}: {reason}" if fact.source else reason

    def text(self, name: str) -> str | None:
        value = self.fact(name).value
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        value = self.fact(name).value
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        value = self.fact(name).value
        return value if isinstance(value, bool) else None

    def cpus(self, name: str) -> list[int] | None:
        value = self.fact(name).value
        if not isinstance(value, list):
            return None
        return [v for v in value if isinstance(v, int) and not isinstance(v, bool)]

    def names(self, name: str) -> list[str] | None:
        value = self.fact(name).value
        return [v for v in value if isinstance(v, str)] if isinstance(value, list) else None

    def table(self, name: str) -> dict[str, str] | None:
        value = self.fact(name).value
        if not isinstance(value, dict):
            return None
        return {str(k): v for k, v in value.items() if isinstance(v, str)}

    def counts(self, name: str) -> dict[str, int] | None:
        """A table of whole numbers; what is no number is left out."""
        table = self.table(name)
        if table is None:
            return None
        return {key: int(v) for key, v in table.items() if v.lstrip("-").isdecimal()}


class Seen(Known):
    """Facts, noise records and the CPUs that are measured on (`hot`), of one host."""

    def __init__(
        self,
        facts: Mapping[str, Fact],
        floor: Sequence[Mapping[str, Any]],
        neighbour: Sequence[Mapping[str, Any]],
        hot: Iterable[int],
    ) -> None:
        super().__init__(facts)
        self.floor = list(floor)
        self.neighbour = list(neighbour)
        self.hot = sorted(set(hot))

    @classmethod
    def of(
        cls, facts: Mapping[str, Fact], noise: Sequence[Mapping[str, Any]] | None, cpus: Cpus
    ) -> Seen:
        """CPUs that are not stated are those of the noise records, or else the isolated ones."""
        looks = [look for look in noise or () if isinstance(look, Mapping)]
        floor = [look for look in looks if "lost_ns" in look]
        neighbour = [look for look in looks if "quiet_share" in look]
        stated: list[Any] = list(cpus.values()) if isinstance(cpus, Mapping) else list(cpus or ())
        if not stated:
            stated = [look.get("cpu") for look in floor] or Known(facts).cpus("cpu.isolated") or []
        return cls(facts, floor, neighbour, (cpu for cpu in stated if _is_cpu(cpu)))

    def moved(self, name: str) -> dict[str, int] | None:
        """By how much each count of a table went up while was measured (window.py)."""
        return self.counts(f"moved.{name}")

    def looks(self, cpu: int) -> list[Mapping[str, Any]]:
        """The looks at the noise of a CPU that hold what a verdict needs."""
        needed = ("lost_ns", "max_ns", "seconds")
        return [
            look
            for look in self.floor
            if look.get("cpu") == cpu
            and all(isinstance(look.get(key), int | float) for key in needed)
            and look["seconds"] > 0
        ]


def _is_cpu(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def listed(text: str) -> list[int]:
    """The CPUs of a kernel list in a fact; [] when it is none."""
    try:
        return cpu_list(text)
    except Absent:
        return []
