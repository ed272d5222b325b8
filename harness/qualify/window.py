"""What moved while was measured: counters read before and after, as facts of their own.

A count since boot says little about one run; its rise during the run says everything. The rises
are recorded beside the other facts, so that whoever recomputes a verdict has the same to go by.

Names:  moved.NAME for each of COUNTERS, by CPU or by name of the count; moved.seconds, the time
        between the two readings; start.load.one_minute, the load before the run was a load itself.
"""

from __future__ import annotations

from harness.qualify.seen import Known
from harness.tuning.facts import Fact, Facts

COUNTERS = (
    "cpu.throttle_count",
    "irq.device_counts",
    "irq.mce_exceptions",
    "load.steal_ticks",
    "load.wait_ns",
    "memory.events",
)
LOAD = "load.one_minute"


def window(before: Facts, after: Facts, seconds: float) -> dict[str, Fact]:
    """Facts about the time between two readings of a host's facts, `seconds` apart."""
    first, last = Known(before), Known(after)
    found = {f"moved.{name}": _rise(first, last, name) for name in COUNTERS}
    found["moved.seconds"] = Fact(round(seconds, 3), "clock of the harness")
    found[f"start.{LOAD}"] = first.fact(LOAD)
    return found


def _rise(first: Known, last: Known, name: str) -> Fact:
    was, now = _counts(first, name), _counts(last, name)
    source = f"{last.fact(name).source or name}, before and after"
    if was is None or now is None:
        silent = first if was is None else last
        return Fact(None, source, silent.fact(name).reason or "not collected")
    return Fact({key: str(now[key] - was[key]) for key in now if key in was}, source)


def _counts(known: Known, name: str) -> dict[str, int] | None:
    """A table of counts; a single count is a table with one line."""
    single = known.number(name)
    return known.counts(name) if single is None else {"all": int(single)}
