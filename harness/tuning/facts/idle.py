"""How deeply CPUs may sleep, and what keeps them from it."""

from __future__ import annotations

import os
import struct

from harness.tuning.facts.base import (
    CPUS,
    Fact,
    Look,
    Readers,
    integer,
    line,
    number,
    per_cpu_file,
    plain,
    table,
)
from harness.tuning.tree import Absent

DMA_LATENCY = "/dev/cpu_dma_latency"


def _states(look: Look, source: str) -> dict[str, str]:
    """By CPU its states as words: C6=133:on is a state of 133 us that can be entered."""
    found = []
    for cpu in look.numbered(CPUS, "cpu"):
        folder = f"{CPUS}/cpu{cpu}/cpuidle"
        if look.has(folder):
            states = look.numbered(folder, "state")
            found.append((cpu, " ".join(_state(look, f"{folder}/state{n}") for n in states)))
    return table(found, "no CPU has idle states: no driver for them")


def _state(look: Look, folder: str) -> str:
    name = "_".join(plain(look.text(f"{folder}/name")).split())
    latency_us = number(look.text(f"{folder}/latency"))
    switch = "off" if integer(look, f"{folder}/disable") else "on"
    return f"{name}={latency_us}:{switch}"


def _resume_latency(text: str) -> str:
    """n/a forbids every state, 0 sets no limit."""
    return text if text == "n/a" else str(number(text))


def _limit_us(look: Look, source: str) -> int:
    """Of a recorded host alone: on this machine it is a device."""
    if look.host.is_this_machine:
        raise Absent("a device, which is not opened to collect facts")
    return integer(look, source)


def latency_limit() -> Fact:
    """The fact cpu.dma_latency_us of this machine, from the device itself.

    Apart from the others because collecting them opens no device. Opening this one to read it asks
    for no limit, and closing it takes none away (Linux power/pm_qos_interface).
    """
    try:
        fd = os.open(DMA_LATENCY, os.O_RDONLY | os.O_CLOEXEC)
        try:
            (limit_us,) = struct.unpack("i", os.read(fd, 4))
        finally:
            os.close(fd)
    except OSError as error:
        return Fact(None, DMA_LATENCY, (error.strerror or str(error)).lower())
    except struct.error:
        return Fact(None, DMA_LATENCY, "not understood: fewer than 4 bytes")
    return Fact(int(limit_us), DMA_LATENCY)


READERS: Readers = {
    "cpu.idle_driver": (f"{CPUS}/cpuidle/current_driver", line),
    "cpu.idle_governor": (f"{CPUS}/cpuidle/current_governor", line),
    "cpu.idle_states": (f"{CPUS}/cpu*/cpuidle/state*", _states),
    "cpu.resume_latency_us": per_cpu_file("power/pm_qos_resume_latency_us", _resume_latency),
    "cpu.dma_latency_us": (DMA_LATENCY, _limit_us),
    "cpu.halt_poll_ns": ("/sys/module/haltpoll/parameters/guest_halt_poll_ns", integer),
}
