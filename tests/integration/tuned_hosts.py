"""One real setting of this machine, tuned by way of this process, a namespace or a real sshd."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.config.inventory import THIS_MACHINE, HostEntry

from .far_hosts import kill_others, lab, nobody_else, sshd
from .real_host import bytes_of, real_settings

FILE = "/proc/sys/vm/stat_interval"
KNOB = "memory.stat-interval"
LIMIT_S = 20.0  # for a guard that has to put one value back


@contextmanager
def ways(tmp_path: Path, *kinds: str) -> Iterator[list[HostEntry]]:
    """This machine by each of these ways, alone with its settings; all processes end with it."""
    os.environ["REDLINE_STATE"] = str(tmp_path / "local")
    with real_settings(FILE), ExitStack() as stack:
        hosts: list[HostEntry] = []
        for kind in kinds:
            if kind == "ssh":
                hosts.append(stack.enter_context(sshd(tmp_path)).host())
            else:
                hosts.append(stack.enter_context(lab()) if kind == "netns" else THIS_MACHINE)
        try:
            yield hosts
            stack.close()
            assert nobody_else() == []
        finally:
            kill_others()


def other_value() -> int:
    return 7 if bytes_of(FILE) != b"7\n" else 8


def request(value: int) -> dict[str, object]:
    return {"wishes": [{"knob": KNOB, "value": value}], "title": "test"}


def becomes(wanted: bytes) -> bool:
    until = time.monotonic() + LIMIT_S
    while bytes_of(FILE) != wanted and time.monotonic() < until:
        time.sleep(0.02)
    return bytes_of(FILE) == wanted
