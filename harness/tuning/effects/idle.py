"""Idle states that were entered while a CPU had naps.

Counts are the kernel's, read before and after. Paths are those of a Host, so that a recorded tree
can be counted on too.
"""

from __future__ import annotations

import contextlib
import errno
import time

from harness.tuning.effects.children import at_work
from harness.tuning.effects.proofs import cpus_of, grown, proof, unknown, whole_number
from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Wish

NAME = "idle-states"
STATES = "/sys/devices/system/cpu/cpu{}/cpuidle/state*"
NAP_S, WINDOW_S = 0.1, 0.5  # a CPU; all of them
MAX_NAMED = 8


def idle_entries(host: Host, cpu: int, seconds: float) -> dict[str, int]:
    """Entries by idle state (`state1 C1E`) while the CPU has naps of a millisecond.

    OSError(ENODEV) for a CPU without idle states.
    """
    with contextlib.ExitStack() as stack:
        if host.is_this_machine:
            stack.enter_context(at_work("nap", [cpu], seconds))
        before = _entries(host, cpu)
        time.sleep(seconds)
        return grown(before, _entries(host, cpu))


def prove_idle_states(scope: Scope, wish: Wish) -> Proof:
    """Holds when no idle state that is ruled out was entered on any of the CPUs.

    Ruled out are those that are disabled, and those whose exit takes longer than the number asked
    for.
    """
    host, max_us = scope.host, whole_number(wish)
    by_cpu = {cpu: _ruled_out(host, cpu, max_us) for cpu in cpus_of(scope, wish)}
    looked_at = [cpu for cpu, names in by_cpu.items() if names]
    if not looked_at:
        return unknown(wish, NAME, "no idle state is ruled out")
    entered: list[str] = []
    end = time.monotonic() + WINDOW_S
    n_done = 0
    for cpu in looked_at:
        if n_done and (time.monotonic() > end or len(entered) >= MAX_NAMED):
            break
        seen = idle_entries(host, cpu, NAP_S)
        entered += [f"CPU {cpu} {one}: {seen[one]}" for one in by_cpu[cpu] if seen.get(one)]
        n_done += 1
    said = "; ".join(entered[:MAX_NAMED]) if entered else "none"
    if n_done < len(looked_at):
        said += f" (looked at {n_done} of {len(looked_at)} CPUs)"
    return proof(wish, NAME, not entered, said, "no entry into a state that is ruled out")


def _entries(host: Host, cpu: int) -> dict[str, int]:
    found = {_title(host, path): int(host.read(f"{path}/usage")) for path in _states(host, cpu)}
    if not found:
        raise OSError(errno.ENODEV, "no idle states")
    return found


def _ruled_out(host: Host, cpu: int, max_us: int | None) -> list[str]:
    return [
        _title(host, path)
        for path in _states(host, cpu)
        if host.read(f"{path}/disable") != "0"
        or (max_us is not None and int(host.read(f"{path}/latency")) > max_us)
    ]


def _states(host: Host, cpu: int) -> list[str]:
    return host.glob(STATES.format(cpu))


def _title(host: Host, path: str) -> str:
    return f"{path.rpartition('/')[2]} {host.read(f'{path}/name')}"
