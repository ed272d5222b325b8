"""Quiet windows: while a host is measured, nothing is sent to it.

A request would wake a process there, take an interrupt and a CPU, and be part of what is measured.
So for a window of N seconds every request is refused here, and a host that would put itself back
when it does not hear of us is given enough time first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from harness.fleet.gateway import Gateway


@contextmanager
def quiet(gateways: Sequence[Gateway], seconds: float) -> Iterator[None]:
    """The window lasts until the block ends, `seconds` or longer; a call within is a HostError.

    HostError when a host cannot be given the time, and then no window is opened. A block that
    takes longer than `seconds` by more than a host's deadline finds that host put back.
    """
    hushed: list[Gateway] = []
    try:
        for gateway in gateways:
            gateway.hush(seconds)
            hushed.append(gateway)
        yield
    finally:
        for gateway in hushed:
            gateway.speak()
