"""Where the time goes that a host takes from a spinning program: by cause, as the kernel saw it.

The gaps of the probe are joined, by the CPU's counter, with the kernel's own trace of that CPU.

Charge:    every moment of a gap goes to one cause, the first that was under way in this order: an
    interrupt, a softirq, another task; of several interrupts the innermost. What is left of a gap
    goes to a page fault when the program had one in it, else it is unexplained.
Unexplained: in a gap without any event, what nobody in this kernel did: the hypervisor, firmware
    (SMI), a slow neighbour. In other gaps also the way in and out of what the kernel traces.
Observer:  tracing costs time itself. Looks with and without it take turns, and their difference is
    shown; floors that count are those without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import clock as engine_clock
from engine import probe
from harness.errors import HostError
from harness.measure import attribution, trace_text, tracing
from harness.measure.ablation import MIN_REPEATS, Worth, difference
from harness.measure.attribution import UNEXPLAINED, Charges

DEFAULT_PAIRS = MIN_REPEATS + 2
MAX_CAUSES = 24  # by lost time; the rest is one line
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Cause:
    """What one cause took: in how many gaps it had a part, and the most in one of them."""

    name: str
    lost_ns: float
    count: int
    worst_ns: float

    def as_json(self) -> dict[str, Any]:
        return {
            "cause": self.name,
            "lost_ns": self.lost_ns,
            "count": self.count,
            "worst_ns": self.worst_ns,
        }


@dataclass(frozen=True, slots=True)
class Observer:
    """What tracing cost: shares of time lost without and with it, medians, and the difference.

    `difference` is in parts per million of the time, positive for what tracing took.
    """

    lost_share_without: float
    lost_share_with: float
    difference: Worth

    def as_json(self) -> dict[str, Any]:
        one = self.difference
        return {
            "lost_share_without": self.lost_share_without,
            "lost_share_with": self.lost_share_with,
            "difference_ppm": one.worth,
            "low_ppm": one.low,
            "high_ppm": one.high,
            "missing": one.missing,
        }


@dataclass(frozen=True, slots=True)
class CoreCauses:
    """One CPU: `causes` by lost time, the largest first, add up with `unexplained` to `lost_ns`.

    `eventless_ns` is that part of the unexplained in whose gaps the kernel saw nothing at all.
    """

    cpu: int
    seconds: float
    lost_ns: float
    causes: tuple[Cause, ...]
    unexplained: Cause
    eventless_ns: float
    lost_events: int
    strange_lines: int
    observer: Observer

    @property
    def unexplained_share(self) -> float:
        return self.unexplained.lost_ns / self.lost_ns if self.lost_ns else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "cpu": self.cpu,
            "seconds": self.seconds,
            "lost_ns": self.lost_ns,
            "causes": [cause.as_json() for cause in self.causes],
            "unexplained": self.unexplained.as_json(),
            "unexplained_share": self.unexplained_share,
            "eventless_ns": self.eventless_ns,
            "lost_events": self.lost_events,
            "strange_lines": self.strange_lines,
            "observer": self.observer.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Attribution:
    """By CPU, or `missing`: why this host cannot be traced. Then there is no CPU."""

    cores: tuple[CoreCauses, ...] = ()
    missing: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"missing": self.missing, "cores": [core.as_json() for core in self.cores]}


def by_cause(
    cpus: Sequence[int],
    seconds: float,
    *,
    pairs: int = DEFAULT_PAIRS,
    clock: engine_clock.Clock | None = None,
) -> Attribution:
    """Spin on all `cpus` for `seconds` in all, half of it traced, in `pairs` of looks.

    Needs the right to trace; without, or where the kernel has none of it, `missing` says why.
    EngineError for a CPU that cannot be used. Calibrates the clock (a second) unless given one.
    """
    missing = tracing.unavailable()
    if missing:
        return Attribution(missing=missing)
    clock = clock or engine_clock.calibrate(200_000_000)
    each = seconds / (2 * pairs)
    looks: list[Look] = []
    try:
        with tracing.instance(cpus) as instance:
            for number in range(pairs):
                for traced in (False, True) if number % 2 else (True, False):
                    looks += _traced(instance, each, clock) if traced else _plain(cpus, each, clock)
    except HostError as error:
        return Attribution(missing=str(error))
    return Attribution(tuple(_core(cpu, looks, clock.ns_per_tick) for cpu in cpus))


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one CPU; with what was traced meanwhile, or without."""

    noise: probe.Noise
    charges: Charges | None = None
    lost_events: int = 0
    strange_lines: int = 0

    @property
    def lost_share(self) -> float:
        return float(self.noise.gaps_ns.sum()) / (self.noise.seconds * 1e9)


def _plain(cpus: Sequence[int], seconds: float, clock: engine_clock.Clock) -> list[Look]:
    return [Look(noise) for noise in probe.noise(cpus, seconds, clock)]


def _traced(instance: tracing.Instance, seconds: float, clock: engine_clock.Clock) -> list[Look]:
    with instance.look():
        found = probe.noise(instance.cpus, seconds, clock)
    return [_look(noise, instance, clock.ns_per_tick) for noise in found]


def _look(noise: probe.Noise, instance: tracing.Instance, ns_per_tick: float) -> Look:
    trace = trace_text.parse(instance.lines(noise.cpu), noise.cpu)
    n_lost = max(trace.n_lost, instance.lost(noise.cpu))
    window = (noise.tsc_start, noise.tsc_start + round(noise.seconds * 1e9 / ns_per_tick))
    charges = attribution.attribute(_gaps(noise, ns_per_tick), trace.events, window)
    return Look(noise, charges, n_lost, trace.n_strange)


def _gaps(noise: probe.Noise, ns_per_tick: float) -> list[tuple[int, int]]:
    """(start, end) on the counter; what had no room in the probe has no place in time."""
    lengths = (noise.gaps_ns[: noise.starts_tsc.size] / ns_per_tick).round().astype(int)
    return [
        (start, start + length)
        for start, length in zip(noise.starts_tsc.tolist(), lengths.tolist(), strict=True)
    ]


def _core(cpu: int, looks: Sequence[Look], ns_per_tick: float) -> CoreCauses:
    mine = [look for look in looks if look.noise.cpu == cpu]
    traced = [look for look in mine if look.charges is not None]
    charges = attribution.added([look.charges for look in traced if look.charges is not None])
    lost_ns = sum(float(look.noise.gaps_ns.sum()) for look in traced)
    causes = {
        name: Cause(name, one.ticks * ns_per_tick, one.count, one.worst * ns_per_tick)
        for name, one in charges.by_name.items()
    }
    unexplained = causes.pop(UNEXPLAINED, Cause(UNEXPLAINED, 0.0, 0, 0.0))
    return CoreCauses(
        cpu=cpu,
        seconds=sum(look.noise.seconds for look in traced),
        lost_ns=lost_ns,
        causes=_largest(causes),
        unexplained=unexplained,
        eventless_ns=charges.eventless_ticks * ns_per_tick,
        lost_events=sum(look.lost_events for look in traced),
        strange_lines=sum(look.strange_lines for look in traced),
        observer=observer_of(
            [look.lost_share for look in mine if look.charges is None],
            [look.lost_share for look in traced],
        ),
    )


def observer_of(without: Sequence[float], with_: Sequence[float]) -> Observer:
    """From the shares of time lost in looks that took turns."""
    ppm = [[share * 1e6 for share in side] for side in (without, with_)]
    worth = difference("tracing", "lost time, ppm", ppm[0], ppm[1])
    return Observer(_median(without), _median(with_), worth)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _largest(causes: Mapping[str, Cause]) -> tuple[Cause, ...]:
    ordered = sorted(causes.values(), key=lambda one: (-one.lost_ns, one.name))
    if len(ordered) <= MAX_CAUSES:
        return tuple(ordered)
    kept, rest = ordered[: MAX_CAUSES - 1], ordered[MAX_CAUSES - 1 :]
    others = Cause(
        f"{len(rest)} {OTHERS}",
        sum(one.lost_ns for one in rest),
        sum(one.count for one in rest),
        max(one.worst_ns for one in rest),
    )
    return (*kept, others)
