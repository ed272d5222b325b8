"""Round trips over DPDK's devices: redline-dpdk, our loops in a process that is its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import HostError
from harness.net.processes import said, spawned
from harness.net.rtt import QUANTILES, Run, Settings

if TYPE_CHECKING:
    from harness.bench.cpus import Cpus

NAME: Final = "dpdk ethdev over rings"
TIMEOUT_S: Final = 60
# Nothing of the host is touched: no huge pages, no PCI devices, nothing shared with others.
EAL: Final = (
    *("--no-huge", "--no-pci", "-m", "256", "--no-telemetry", "--no-shconf"),
    *("--log-level", "3"),
)
# Samples that a percentile needs beyond it, as everywhere (harness.measure.percentiles).
NEEDED: Final = {"p50": 20, "p99": 1000, "p99.9": 10_000}


def program() -> Path:
    """Where it is installed. HostError: it was not built, because libdpdk was not there."""
    path = Path(sys.executable).with_name("redline-dpdk")
    if not path.exists():
        raise HostError("redline-dpdk was not built: install libdpdk-dev, then redline again")
    return path


def measure(settings: Settings, cpus: Cpus) -> Run:
    """Pings and their echo over a pair of ethdevs, each on its CPU. HostError with the reason."""
    command = [
        *(str(program()), "rtt", "--rings", "--count", str(settings.count)),
        *("--size", str(settings.size), "--cpus", f"{cpus.rig},{cpus.engine}", "--", *EAL),
    ]
    with spawned(command) as running:
        return read(said(running, "redline-dpdk", TIMEOUT_S))


def read(text: str) -> Run:
    """What it printed last. HostError when that is not its result."""
    try:
        found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        times, n = found["rtt_ns"], int(found["rtt_ns"]["n"])
        values: dict[str, float | None] = {"min": times["min"], "max": times["max"]}
        values |= {name: times[name] if n >= NEEDED[name] else None for name in QUANTILES}
        return Run(
            n=n,
            lost=int(found["lost"]),
            values=values,
            processing_p50_ns=found["handle_ns"]["p50"],
            mode=f"{found['mode']}, {found['version']}",
            clock="tsc",
            placement_ns=(None, None),
            counters={"answered": int(found["answered"]), "lost": int(found["lost"])},
        )
    except (IndexError, KeyError, TypeError, ValueError):
        raise HostError("redline-dpdk: nothing that can be read as its result") from None
