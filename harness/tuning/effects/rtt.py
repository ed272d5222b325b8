"""What waking a sleeping CPU costs: round trips of a datagram whose two ends block.

Each end has a CPU of its own, and between two round trips there is a rest in which both CPUs go to
sleep. The same with two ends that never sleep takes the work of the kernel alone; by the ratio of
the two a machine is judged, whatever its clock rate.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from statistics import median

from harness.tuning.effects.children import numbers
from harness.tuning.effects.proofs import proof, unknown, whole_number
from harness.tuning.knobs.base import Proof, Roles, Scope, Wish

NAME = "blocking-rtt"
N_BLOCKING, N_SPINNING = 200, 300
REST_S = 0.001
PARTS = 4
# An end that blocks without sleep costs switches of tasks: a few times what spinning does. Waking a
# CPU costs many times that on a guest, whose host must be asked; this lies between the two.
MAX_RATIO = 5.0
LARGEST_LOW_US = 10  # who allows more than this does not ask for a CPU that stays awake


def blocking_rtt_ns(cpus: tuple[int, int], n: int, gap_s: float = REST_S) -> list[int]:
    """n round trips in ns, in the order of time, `gap_s` of rest before each; both ends block.

    OSError: a CPU that may not be used, no loopback. ValueError for one CPU twice.
    """
    return _round_trips(cpus, n, gap_s, spins=False)


def spinning_rtt_ns(cpus: tuple[int, int], n: int) -> list[int]:
    """The same with two ends that never sleep, and without rest."""
    return _round_trips(cpus, n, 0.0, spins=True)


def prove_blocking_rtt(scope: Scope, wish: Wish) -> Proof:
    """Holds when blocking costs less than MAX_RATIO times what spinning does."""
    if not scope.host.is_this_machine:
        return unknown(wish, NAME, "a recorded host cannot be measured")
    asked = whole_number(wish)
    if asked is not None and asked > LARGEST_LOW_US:
        return unknown(wish, NAME, f"{asked} us asks for no CPU that stays awake")
    cpus = two_cpus(scope.roles)
    if cpus is None:
        return unknown(wish, NAME, "needs two CPUs")
    blocking = least_disturbed(blocking_rtt_ns(cpus, N_BLOCKING))
    spinning = least_disturbed(spinning_rtt_ns(cpus, N_SPINNING))
    seen = (
        f"{blocking / 1000:.1f} us blocking, {spinning / 1000:.1f} us spinning "
        f"(CPUs {cpus[0]} and {cpus[1]})"
    )
    holds = blocking < MAX_RATIO * spinning
    return proof(wish, NAME, holds, seen, f"blocking below {MAX_RATIO:g} times spinning")


def least_disturbed(took: Sequence[int]) -> float:
    """The smallest median of some parts in the order of time: other work comes and goes."""
    size = -(-len(took) // PARTS)
    return min(median(took[at : at + size]) for at in range(0, len(took), size))


def two_cpus(roles: Roles) -> tuple[int, int] | None:
    """Two CPUs that the wish is about, as far as there are two."""
    ranked = list(dict.fromkeys((*roles.hot, *roles.irq, *roles.housekeeping)))
    return (ranked[0], ranked[1]) if len(ranked) > 1 else None


def _round_trips(cpus: tuple[int, int], n: int, gap_s: float, *, spins: bool) -> list[int]:
    here, there = cpus
    if here == there or n < 1:
        raise ValueError(f"round trips take two CPUs and one trip or more: {cpus}, {n}")
    took = numbers(
        "round-trips", here, there, n, round(gap_s * 1e6), int(spins), seconds=4 + 2 * n * gap_s
    )
    if len(took) != n:
        raise OSError(errno.EIO, "the measuring process lost round trips")
    return took
