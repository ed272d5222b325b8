"""Facts about a host that decide what its measurements are worth, each with where it was read.

A fact that is not there is a fact too: its value is None and its reason says why (a virtual machine
has no DMI, a container hides a file, a driver answered rubbish). Nothing is guessed, nothing is
written, and no device is opened.

Everything comes from files below a root, and from cards that can be asked through the host, so that
a recorded tree of another machine (recording.py) is read as well as this one. Reading takes some
milliseconds and allocates: never inside a measured window. Values and reasons may hold any
character that a host puts into them: who prints them filters them (harness.errors.printable).

One module for each subject; each has READERS, small functions of a look at a host (base.py).
"""

from __future__ import annotations

from pathlib import Path

from harness.tuning.facts.base import Fact, Facts, Look, Value
from harness.tuning.facts.catalogue import READERS, facts_of
from harness.tuning.facts.idle import latency_limit
from harness.tuning.facts.process import CAPABILITIES
from harness.tuning.facts.recording import record
from harness.tuning.host import ROOT, Host

__all__ = [
    "CAPABILITIES",
    "READERS",
    "Fact",
    "Facts",
    "Value",
    "collect",
    "latency_limit",
    "record",
]


def collect(where: Path | Host = ROOT) -> dict[str, Fact]:
    """Every fact of a host, or of the one below a root, by dotted name. Threads: any."""
    return facts_of(Look(where if isinstance(where, Host) else Host(where)))
