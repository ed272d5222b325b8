"""What reading the clock costs, and whether a CPU is at its speed right after a rest."""

from __future__ import annotations

import time
from statistics import median

from harness.tuning.effects.children import numbers
from harness.tuning.effects.proofs import proof, unknown
from harness.tuning.knobs.base import Proof, Scope, Wish

BATCHES, BATCH = 40, 500
# A clock that answers to a call takes longer than any such call; one that is read does not come
# near. `coarse` is read from memory alone, `call` is always a call.
MONOTONIC_COARSE = 6  # Python does not name it
CLOCKS = {
    "coarse": MONOTONIC_COARSE,
    "read": time.CLOCK_MONOTONIC,
    "call": time.CLOCK_PROCESS_CPUTIME_ID,
}
# A governor that saves power starts from half the speed or less; a guest is disturbed by less.
MAX_SPIN_UP = 1.3


def clock_read_ns(n: int = BATCHES * BATCH) -> dict[str, float]:
    """What the least disturbed of some batches took a read in ns: `coarse`, `read` and `call`.

    With what the interpreter adds, the same to all three.
    """
    read, now = time.clock_gettime_ns, time.perf_counter_ns
    best = dict.fromkeys(CLOCKS, float("inf"))
    batch = max(1, min(BATCH, n))
    for _ in range(max(1, n // batch)):
        for name, clock in CLOCKS.items():  # in turns, so that all see the same moments
            begun = now()
            for _ in range(batch):
                read(clock)
            best[name] = min(best[name], (now() - begun) / batch)
    return best


def spin_up(cpu: int) -> float:
    """How many times as long a piece of work takes right after a rest as it does at full speed.

    OSError for a CPU that may not be used.
    """
    took = numbers("spin-up", cpu, seconds=1.0)
    return float(median(took[::2]) / median(took[1::2]))


def prove_clock_read(scope: Scope, wish: Wish) -> Proof:
    """Holds when reading the clock is nearer to reading memory than to a call into the kernel."""
    name = "clock-read"
    if not scope.host.is_this_machine:
        return unknown(wish, name, "a recorded host cannot be measured")
    took = clock_read_ns()
    seen = f"{took['read']:.0f} ns; from memory {took['coarse']:.0f}, a call {took['call']:.0f}"
    half_way = (took["coarse"] + took["call"]) / 2
    return proof(wish, name, took["read"] < half_way, seen, f"below {half_way:.0f} ns")


def prove_spin_up(scope: Scope, wish: Wish) -> Proof:
    """Holds when a CPU is about as fast right after a rest as it is later."""
    name = "spin-up"
    if not scope.host.is_this_machine:
        return unknown(wish, name, "a recorded host cannot be measured")
    cpu = scope.roles.hot[0] if scope.roles.hot else scope.host.cpus()[0]
    ratio = spin_up(cpu)
    seen = f"{ratio:.2f} times as long right after a rest (CPU {cpu})"
    return proof(wish, name, ratio < MAX_SPIN_UP, seen, f"below {MAX_SPIN_UP:g} times")
