"""Whether the kernel trusts the clock that every figure is read from, before a run and after it.

Rules:  the CPU promises a TSC of one rate in all states, and `rdtscp`; the kernel's own clock is
    the TSC (or kvm-clock, which is made of it: a caveat); the kernel did not give the TSC up. A
    kernel whose watchdog finds the TSC unstable takes it off the list of clock sources and says so
    in its log; the list needs no right to read, the log is read where it may be.
Shapes: `look()` is what noise.json holds as `clock.kernel.before` and `.after`; `doubts` and
    `caveats` are pure and are made again from that by `redline verify`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import printable

PROMISES = ("constant_tsc", "nonstop_tsc", "rdtscp")
TRUSTED = ("tsc", "kvm-clock")
_SOURCES = "sys/devices/system/clocksource/clocksource0"
_GIVEN_UP = re.compile(r"[^\n]*(?:tsc[^\n]*unstable|unstable[^\n]*tsc)[^\n]*", re.IGNORECASE)
_MAX_LOG_LINES = 100_000


def look(root: Path = Path("/"), log: str | None = None) -> dict[str, Any]:
    """What the kernel says of its clocks now; None for what it does not tell.

    Keys: source, sources, promises (which of PROMISES the CPU makes), complaint (a line of the
    kernel's log in which it gives up the TSC, empty when there is none). `log` stands in for
    /dev/kmsg.
    """
    flags = _flags(_read(root / "proc/cpuinfo"))
    sources = _read(root / _SOURCES / "available_clocksource")
    text = _kernel_log() if log is None else log
    return {
        "source": (_read(root / _SOURCES / "current_clocksource") or "").strip() or None,
        "sources": None if sources is None else sources.split(),
        "promises": None if flags is None else [name for name in PROMISES if name in flags],
        "complaint": None if text is None else complaint(text),
    }


def complaint(log: str) -> str:
    """The first line of a kernel log in which the TSC is called unstable; empty when none does."""
    found = _GIVEN_UP.search(log)
    return printable(found.group(0).strip())[:200] if found else ""


def doubts(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Why no figure of this run can be trusted to its clock; empty when nothing speaks against it.

    What is unknown raises no doubt: the calibrations of the run itself are another check.
    """
    found = []
    promises = before.get("promises")
    if promises is not None and set(promises) != set(PROMISES):
        lacking = ", ".join(name for name in PROMISES if name not in promises)
        found.append(f"the CPU does not promise {lacking}")
    if before.get("source") != after.get("source"):
        found.append(
            f"the kernel's clock changed from {before.get('source')} to {after.get('source')} "
            "during the run"
        )
    for look_ in (before, after):
        source, sources = look_.get("source"), look_.get("sources")
        if source is not None and source not in TRUSTED:
            found.append(f"the kernel reads {source}, not the TSC")
        if sources is not None and source != "kvm-clock" and "tsc" not in sources:
            found.append("the kernel does not offer the TSC as a clock: it gave it up")
        if look_.get("complaint"):
            found.append(f"the kernel's log says: {look_['complaint']}")
    return tuple(dict.fromkeys(found))


def caveats(look_: Mapping[str, Any]) -> tuple[str, ...]:
    """What a reader should know although it speaks against no figure."""
    found = []
    if look_.get("source") == "kvm-clock":
        found.append("the kernel reads kvm-clock: made of the TSC, corrected by the hypervisor")
    if look_.get("complaint") is None:
        found.append(
            "the kernel's log could not be read: whether it ever gave up the TSC is known "
            "from its list of clocks alone"
        )
    return tuple(found)


def doubt_of(clock: Mapping[str, Any]) -> str:
    """The same for the key `clock` of noise.json, as one sentence; empty when there is none."""
    kernel = clock.get("kernel") or {}
    found: Sequence[str] = ()
    if kernel.get("before") and kernel.get("after"):
        found = doubts(kernel["before"], kernel["after"])
    return "; ".join(found)


def _flags(cpuinfo: str | None) -> set[str] | None:
    found = re.search(r"^flags\s*:(.*)$", cpuinfo or "", re.MULTILINE)
    return set(found.group(1).split()) if found else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _kernel_log() -> str | None:
    """The kernel's log from its ring buffer; None where this user may not read it."""
    try:
        handle = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    lines = []
    try:
        for _ in range(_MAX_LOG_LINES):
            with contextlib.suppress(BrokenPipeError):  # overwritten meanwhile: the next follows
                lines.append(os.read(handle, 8192).decode("utf-8", "replace"))  # one record
    except BlockingIOError:
        pass  # the end of what is there
    except OSError:
        return None
    finally:
        os.close(handle)
    return "\n".join(lines)
