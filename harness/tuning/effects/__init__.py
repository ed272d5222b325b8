"""What tunings are for, measured: the third level of proof, above what was written and derived.

`EFFECTS` has by name what a knob names as its `effect`: a function of a scope and a wish that
measures and says whether the wish shows. Bounded in time: half a second each, `fifo-gap` two.
What it cannot tell on this host it says so (`holds` None, and why); an OSError is the host's.
Wherever it is possible the judge is a count, or a ratio of two measurements of the same moment: a
clock alone says as much about the machine as about its tuning.

    blocking-rtt  a round trip of two ends that sleep, against that of two ends that never do
    idle-states   entries into the idle states that the wish rules out, while a CPU has naps
    fifo-gap      the longest time that a real-time task did not get on one CPU
    timer-ticks   timer interrupts of a CPU that runs one task
    irq-count     device interrupts that came to CPUs which should have none
    clock-read    whether reading the clock is a call into the kernel
    page-faults   faults that touching new memory takes: one a page, or one a huge page
    huge-pages    whether a process gets a reserved huge page
    spin-up       how much slower a CPU is right after a rest
    coalescing    interrupts a packet
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.tuning.effects.clocks import clock_read_ns, prove_clock_read, prove_spin_up, spin_up
from harness.tuning.effects.fifo import fifo_longest_gap_ns, prove_fifo_gap
from harness.tuning.effects.idle import idle_entries, prove_idle_states
from harness.tuning.effects.interrupts import (
    device_interrupts,
    interrupts_per_packet,
    prove_coalescing,
    prove_irq_count,
    prove_timer_ticks,
    ticks_per_s,
)
from harness.tuning.effects.pages import (
    huge_page_bytes,
    page_faults,
    prove_huge_pages,
    prove_page_faults,
)
from harness.tuning.effects.rtt import blocking_rtt_ns, prove_blocking_rtt, spinning_rtt_ns
from harness.tuning.knobs.base import Proof, Scope, Wish

EFFECTS: Mapping[str, Callable[[Scope, Wish], Proof]] = {
    "blocking-rtt": prove_blocking_rtt,
    "idle-states": prove_idle_states,
    "fifo-gap": prove_fifo_gap,
    "timer-ticks": prove_timer_ticks,
    "irq-count": prove_irq_count,
    "clock-read": prove_clock_read,
    "page-faults": prove_page_faults,
    "huge-pages": prove_huge_pages,
    "spin-up": prove_spin_up,
    "coalescing": prove_coalescing,
}

__all__ = [
    "EFFECTS",
    "blocking_rtt_ns",
    "clock_read_ns",
    "device_interrupts",
    "fifo_longest_gap_ns",
    "huge_page_bytes",
    "idle_entries",
    "interrupts_per_packet",
    "page_faults",
    "spin_up",
    "spinning_rtt_ns",
    "ticks_per_s",
]
