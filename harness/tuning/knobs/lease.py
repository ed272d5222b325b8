"""Knobs that last as long as somebody holds a descriptor open: the guard does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.errors import HostError
from harness.tuning import papers
from harness.tuning.knobs.base import Knob, Op, Scope, State, Target, Value, Wish
from harness.tuning.knobs.values import text_of
from harness.tuning.lease_kinds import (
    DmaLatencyLease,
    TimestampingLease,
    dma_latency_lease,
    timestamping_lease,
)
from harness.tuning.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseKnob(Knob):
    """A knob with one lease; nothing is written down, for nothing has to be put back."""

    kind: str

    @abstractmethod
    def lease(self, value: str) -> Lease:
        """ValueError."""

    def holds(self, now: str | None, lease: Lease) -> bool:
        """Whether what all holders have brought about is what is asked for."""
        return now == lease.value

    def parse(self, value: object) -> Value:
        if isinstance(value, bool):
            value = "on" if value else "off"  # YAML has words of its own for these
        return self.lease(text_of(value)).value

    def available(self, scope: Scope, wish: Wish) -> str | None:
        if not scope.host.is_this_machine:
            return "a recorded host cannot be held"
        return self.lease(str(wish.value)).unavailable(scope.host)

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        return ()

    def plan(self, scope: Scope, wish: Wish) -> list[Op]:
        if self.available(scope, wish) is not None:
            return Knob.plan(self, scope, wish)
        lease = self.lease(str(wish.value))
        now = lease.now(scope.host)
        held = self._held()
        state = State.NOOP if self.holds(now, lease) or held == lease.value else State.CHANGE
        op = Op(wish.knob, self.kind, now or held, lease.value, state, lease=lease)
        return [replace(op, on_unsupported=wish.on_unsupported)]

    def _held(self) -> str | None:
        """What the guard of this host holds, where the kernel does not say what holds."""
        try:
            leases = papers.held_leases()
        except HostError:
            return None
        values = [str(one.get("value")) for one in leases if one.get("kind") == self.kind]
        return values[0] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DmaLatencyKnob(LeaseKnob):
    def lease(self, value: str) -> Lease:
        return dma_latency_lease(value)

    def holds(self, now: str | None, lease: Lease) -> bool:
        return now is not None and int(now) <= int(lease.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampingKnob(LeaseKnob):
    def lease(self, value: str) -> Lease:
        return timestamping_lease(value)


KNOBS: tuple[Knob, ...] = (
    DmaLatencyKnob(
        id="lease.cpu-dma-latency",
        title="No CPU sleeps deeply",
        why="Waking from a deep sleep takes tens of microseconds; whoever waits for a packet pays.",
        values="how long waking may take, in us: 0 is no sleep at all",
        source="Linux power/pm_qos_interface.rst, TuneD force_latency",
        effect="blocking-rtt",
        kind=DmaLatencyLease.kind,
    ),
    TimestampingKnob(
        id="lease.timestamping",
        title="Software time stamps stay switched on",
        why="The first socket that asks for them makes the kernel rewrite its code on every CPU.",
        values="on",
        source="TuneD rtentsk plugin",
        kind=TimestampingLease.kind,
    ),
)
