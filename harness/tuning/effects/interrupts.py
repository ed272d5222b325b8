"""Interrupts that came: ticks of the timer, those of devices, those of a card against its packets.

Counts are the kernel's, read before and after. Paths are those of a Host, so that a recorded tree
can be counted on too.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Mapping, Sequence

from harness.tuning.cards import irqs_of
from harness.tuning.effects.children import at_work
from harness.tuning.effects.proofs import cpus_of, grown, proof, unknown
from harness.tuning.host import Host
from harness.tuning.knobs.base import Proof, Scope, Wish
from harness.tuning.tree import Absent, cpu_list, cpus_text

INTERRUPTS = "proc/interrupts"
WINDOW_S = 0.4
MAX_BUSY_CPUS = 64  # an interpreter each
# A periodic tick comes 100 times a second or more often, a stopped one about once.
MAX_TICKS_PER_S = 10.0
LOW_RATE_PPS = 5_000  # above it one interrupt for several packets is as it should be
MAX_NAMED = 8


def ticks_per_s(cpu: int, seconds: float) -> float:
    """Timer interrupts a second of a CPU that one task keeps busy. OSError when not counted."""
    return _ticks(Host(), [cpu], seconds)[cpu]


def device_interrupts(host: Host, cpu: int) -> dict[str, int]:
    """Interrupts of devices that came to a CPU since boot, by `38 virtio2-input.0`."""
    return {name: counts[cpu] for name, counts in _devices(host).items() if cpu in counts}


def interrupts_per_packet(host: Host, interface: str, seconds: float) -> tuple[int, int]:
    """(interrupts, packets both ways) of an interface's card in that time.

    OSError(ENODEV) when the interface has no interrupt of its own.
    """
    irqs = _irqs_of(host, interface)
    before = _card(host, interface, irqs)
    time.sleep(seconds)
    after = _card(host, interface, irqs)
    return after[0] - before[0], after[1] - before[1]


def prove_timer_ticks(scope: Scope, wish: Wish) -> Proof:
    """Holds when each of the CPUs has a tick now and then while one task runs on it."""
    name = "timer-ticks"
    if not scope.host.is_this_machine:
        return unknown(wish, name, "a recorded host cannot be measured")
    rates = _ticks(scope.host, list(cpus_of(scope, wish))[:MAX_BUSY_CPUS], WINDOW_S)
    worst = max(rates, key=lambda cpu: rates[cpu])
    seen = f"{rates[worst]:.0f} ticks/s (CPU {worst})"
    wanted = f"below {MAX_TICKS_PER_S:g} ticks/s"
    return proof(wish, name, rates[worst] < MAX_TICKS_PER_S, seen, wanted)


def prove_irq_count(scope: Scope, wish: Wish) -> Proof:
    """Holds when device interrupts came, and none to a CPU that should have none.

    With an interface only those of its card are looked at, and the wish may list CPUs for them.
    """
    name, host = "irq-count", scope.host
    wanted = set(_irqs_of(host, wish.interface)) if wish.interface else None
    allowed = _may_have_them(scope, wish)
    before = _devices(host)
    time.sleep(WINDOW_S)
    n_all, strays = 0, []
    for irq, counts in _devices(host).items():
        if wanted is not None and irq.partition(" ")[0] not in wanted:
            continue
        came: dict[int, int] = grown(before.get(irq, {}), counts)
        n_all += sum(came.values())
        strays += [
            f"{irq}: {n} on CPU {cpu}" for cpu, n in came.items() if n and cpu not in allowed
        ]
    if not n_all:
        return unknown(wish, name, "no device interrupt came meanwhile")
    said = "; ".join(strays[:MAX_NAMED]) if strays else f"none of {n_all}"
    return proof(wish, name, not strays, said, f"on CPUs {cpus_text(sorted(allowed))} alone")


def prove_coalescing(scope: Scope, wish: Wish) -> Proof:
    """For an interrupt with every packet: holds when there are about as many as packets."""
    name = "coalescing"
    options = wish.value if isinstance(wish.value, Mapping) else {}
    if options.get("rx-usecs") != "0" or options.get("adaptive-rx", "off") != "off":
        return unknown(wish, name, "not asked for an interrupt with every packet")
    interrupts, packets = interrupts_per_packet(scope.host, wish.interface, WINDOW_S)
    seen = f"{interrupts} interrupts, {packets} packets"
    if not packets or packets > LOW_RATE_PPS * WINDOW_S:
        why = "too many packets to tell" if packets else "no packet came or went meanwhile"
        return unknown(wish, name, why, seen)
    return proof(wish, name, 2 * interrupts >= packets, seen, "one for two packets, or more")


def _ticks(host: Host, cpus: Sequence[int], seconds: float) -> dict[int, float]:
    if not cpus:
        raise OSError(errno.ENODEV, "no CPU to look at")
    with at_work("spin", cpus, seconds):
        begun, before = time.monotonic(), _local_timer(host)
        time.sleep(seconds)
        took, after = time.monotonic() - begun, _local_timer(host)
    if any(cpu not in after or cpu not in before for cpu in cpus):
        raise OSError(errno.ENODEV, "timer interrupts are not counted here")
    return {cpu: (after[cpu] - before[cpu]) / took for cpu in cpus}


def _devices(host: Host) -> dict[str, dict[int, int]]:
    """By device interrupt the counts by CPU; a CPU that is offline has none."""
    return {
        f"{number} {device}".strip(): counts
        for number, counts, device in _table(host)
        if number.isdecimal()
    }


def _local_timer(host: Host) -> dict[int, int]:
    return next((counts for name, counts, _ in _table(host) if name == "LOC"), {})


def _table(host: Host) -> list[tuple[str, dict[int, int], str]]:
    """(number or name, counts by CPU, last word of the line) of every line with a count a CPU."""
    head, *lines = host.tree.text(INTERRUPTS).splitlines() or [""]
    cpus = [int(found) for found in re.findall(r"\bCPU(\d{1,5})\b", head)]
    table = []
    for line in lines:
        name, colon, rest = line.partition(":")
        words = rest.split()
        counts = [int(one) for one in words[: len(cpus)] if re.fullmatch(r"[0-9]{1,19}", one)]
        if colon and len(counts) == len(cpus):
            device = words[-1] if len(words) > len(cpus) else ""
            table.append((name.strip(), dict(zip(cpus, counts, strict=True)), device))
    return table


def _irqs_of(host: Host, interface: str) -> list[str]:
    try:
        return irqs_of(host, interface)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None


def _may_have_them(scope: Scope, wish: Wish) -> set[int]:
    """CPUs that a card's interrupts may come to: those listed in its wish, else all but the hot."""
    if wish.interface and isinstance(wish.value, str):
        try:
            listed = set(cpu_list(wish.value.removeprefix("spread ")))
        except Absent:
            listed = set()
        if listed:
            return listed
    return (set(scope.host.cpus()) - set(scope.roles.hot)) | set(scope.roles.irq)


def _card(host: Host, interface: str, irqs: Sequence[str]) -> tuple[int, int]:
    lines = _devices(host)
    came = sum(sum(counts.values()) for irq, counts in lines.items() if irq.split()[0] in irqs)
    folder = f"/sys/class/net/{interface}/statistics"
    packets = sum(int(host.read(f"{folder}/{way}_packets")) for way in ("rx", "tx"))
    return came, packets
