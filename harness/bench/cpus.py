"""Which CPUs a bench on one host uses: isolated ones first, never two threads of one core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.tuning.facts import Fact, Facts
from harness.tuning.tree import cpu_list


@dataclass(frozen=True, slots=True)
class Cpus:
    """The two CPUs of a bench on one host."""

    engine: int
    rig: int

    def by_role(self) -> dict[str, int]:
        return {"engine": self.engine, "rig": self.rig}


def choose(
    allowed: Iterable[int], isolated: Iterable[int], siblings: Mapping[int, set[int]]
) -> Cpus:
    """The best two of the allowed CPUs; ValueError when there are fewer.

    Isolated CPUs come first, then high numbers: interrupts favour the first CPU. The rig takes the
    next best that is not a hyperthread of the engine's core, and such a one only when nothing else
    is left.
    """
    kept = set(isolated)
    ranked = sorted(set(allowed), key=lambda cpu: (cpu in kept, cpu), reverse=True)
    if len(ranked) < 2:
        raise ValueError(f"two CPUs are needed, {len(ranked)} allowed")
    engine, *others = ranked
    shared = siblings.get(engine, set())
    rig = next((cpu for cpu in others if cpu not in shared), others[0])
    return Cpus(engine, rig)


def choose_here(facts: Facts) -> Cpus:
    """`choose` on the machine that these facts describe."""
    siblings = facts["cpu.siblings"].value
    found = siblings if isinstance(siblings, dict) else {}
    return choose(
        _cpus(facts["cpu.allowed"]),
        _cpus(facts["cpu.isolated"]),
        {int(cpu): set(cpu_list(listed)) for cpu, listed in found.items()},
    )


def _cpus(fact: Fact) -> list[int]:
    return [int(cpu) for cpu in fact.value] if isinstance(fact.value, list) else []
