"""What several checks do with the CPUs that are measured on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from harness.qualify.rows import Finding, holds, miss, unknown
from harness.qualify.seen import Seen
from harness.tuning.tree import cpus_text

NO_HOT = "no CPU is named to be measured on, and none is isolated"
CONTROL_FILE = "Linux ABI/testing/sysfs-devices-system-cpu"
PARAMETERS = "Linux admin-guide/kernel-parameters"


def each_hot(seen: Seen, name: str, is_good: Callable[[str], bool]) -> Finding:
    """A value of every hot CPU, each held against the same condition."""
    table = seen.table(name)
    if not seen.hot:
        return unknown(NO_HOT)
    if table is None:
        return unknown(seen.why(name))
    mine = {cpu: table[str(cpu)] for cpu in seen.hot if str(cpu) in table}
    bad = {cpu: value for cpu, value in mine.items() if not is_good(value)}
    if bad:
        return miss(by_value(bad))
    silent = [cpu for cpu in seen.hot if cpu not in mine]
    if silent:
        return unknown(f"nothing is said of CPU {cpus_text(silent)}")
    return holds(True, by_value(mine))


def covers_hot(seen: Seen, name: str, nothing: str) -> Finding:
    """Whether a list of CPUs holds every hot one. `nothing` says what an empty list means."""
    listed = seen.cpus(name)
    if not seen.hot:
        return unknown(NO_HOT)
    if listed is None:
        return unknown(seen.why(name))
    left_out = [cpu for cpu in seen.hot if cpu not in listed]
    shown = f"CPU {cpus_text(listed)}" if listed else nothing
    if not left_out:
        return holds(True, shown)
    return miss(f"{shown}; not CPU {cpus_text(left_out)}" if listed else shown)


def spares_hot(seen: Seen, listed: Collection[int] | None, why: str) -> Finding:
    """Whether a list of CPUs, where something may run, holds no hot one."""
    if not seen.hot:
        return unknown(NO_HOT)
    if listed is None:
        return unknown(why)
    taken = [cpu for cpu in seen.hot if cpu in listed]
    return holds(not taken, f"CPU {cpus_text(sorted(listed))}" if listed else "no CPU")


def by_value(table: Mapping[int, str]) -> str:
    """CPUs that have the same value together: 'performance on CPU 2-15'."""
    groups: dict[str, list[int]] = {}
    for cpu, value in table.items():
        groups.setdefault(value, []).append(cpu)
    return ", ".join(f"{value} on CPU {cpus_text(cpus)}" for value, cpus in groups.items())


def moved_on_hot(seen: Seen, name: str) -> dict[int, int] | None:
    """By how much a count per CPU went up on each hot CPU; None when that is not known of all."""
    moved = seen.moved(name)
    if moved is None or any(str(cpu) not in moved for cpu in seen.hot):
        return None
    return {cpu: moved[str(cpu)] for cpu in seen.hot}


def since_boot(seen: Seen, name: str) -> dict[int, int] | None:
    """The counts themselves on the hot CPUs; None when they are not known of all."""
    counts = seen.counts(name)
    if counts is None or any(str(cpu) not in counts for cpu in seen.hot):
        return None
    return {cpu: counts[str(cpu)] for cpu in seen.hot}


def stayed_at_rest(seen: Seen, name: str, what: str) -> Finding:
    """A count per hot CPU that must not go up while is measured.

    Without a measurement only a count that never moved since boot proves that it does not.
    """
    if not seen.hot:
        return unknown(NO_HOT)
    moved = moved_on_hot(seen, name)
    if moved is not None:
        risen = {cpu: f"{n} {what}" for cpu, n in moved.items() if n}
        return miss(by_value(risen)) if risen else holds(True, f"no {what} while measured")
    total = since_boot(seen, name)
    if total is None:
        return unknown(seen.why(name))
    if not any(total.values()):
        return holds(True, f"no {what} since boot")
    return unknown(f"{sum(total.values())} {what} since boot; when is not known")
