"""What of a host's disturbances can be seen here, by how it is seen, cheapest first.

    T0  /proc and getrusage           always; counters before and after
    T1  tracepoints of the kernel     root, tracefs with the CPU's counter as its clock
    T2  osnoise, timerlat, hwlat      tracers that a kernel may be built without
    T3  PMU and MSR                   counters of the CPU: cycles, SMIs

A scored pass uses T0 alone. A pass that explains uses what there is, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.measure import tracing

T2_TRACERS = ("osnoise", "timerlat", "hwlat")


@dataclass(frozen=True, slots=True)
class Tier:
    """A way to look; `why` says what is missing, empty when it can be used."""

    tier: str
    why: str

    def as_json(self) -> dict[str, object]:
        return {"tier": self.tier, "available": not self.why, "why": self.why}


def tiers(root: Path = Path("/")) -> tuple[Tier, ...]:
    """All four, as this process finds them below `root`."""
    traced = root / tracing.TRACEFS.relative_to("/")
    return (
        Tier("T0", "" if (root / "proc/interrupts").exists() else "no /proc/interrupts"),
        Tier("T1", tracing.unavailable(traced) or ""),
        Tier("T2", _tracers(traced)),
        Tier("T3", _counters(root)),
    )


def _tracers(traced: Path) -> str:
    try:
        known = (traced / "available_tracers").read_text().split()
    except OSError as error:
        return f"tracefs: {(error.strerror or str(error)).lower()}"
    missing = [name for name in T2_TRACERS if name not in known]
    return f"this kernel has no tracer {', '.join(missing)}" if missing else ""


def _counters(root: Path) -> str:
    missing = []
    if not (root / "sys/bus/event_source/devices/cpu").exists():
        missing.append("no counters of the CPU are shown to this machine")
    if not (root / "dev/cpu/0/msr").exists():
        missing.append("no /dev/cpu/0/msr")
    return "; ".join(missing)
