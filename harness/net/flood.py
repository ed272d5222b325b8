"""Floods: what is sent, and what became of every frame."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.errors import HostError, RedlineError
from harness.net.paths import Path, opened
from harness.net.place import Place
from harness.net.rtt import values_of

if TYPE_CHECKING:
    from engine.market import Stream
    from engine.net import Flood, Port
    from harness.traffic.schedule import Schedule

NS_PER_S: Final = 1_000_000_000
ENDLESS: Final = 1 << 48  # frames, where the time ends a run
SLOTS: Final = 4096
HEADER_BYTES: Final = 40  # ours and its check word, before the content
MAX_BYTES: Final = 1472  # of a datagram, without fragments


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is sent. Without a schedule: as fast as it goes, for `seconds`."""

    seconds: float
    size: int = 64
    schedule: Schedule | None = None
    stream: Stream | None = None
    pack: int = 1
    pattern: str = "as fast as it goes"

    @property
    def count(self) -> int:
        """Frames of the whole run, as far as the schedule says."""
        if self.schedule is None:
            return ENDLESS
        return max(round(self.seconds * self.schedule.rate_per_s), 1)

    @property
    def rate_per_s(self) -> int | None:
        return None if self.schedule is None else round(self.schedule.rate_per_s)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What became of the frames. A number that nobody counted is None."""

    source: str
    path: str
    where: str
    mode: str = ""
    planned: int | None = None
    sent: int | None = None
    unsent: int | None = None
    received: int | None = None
    lost: int | None = None
    duplicates: int | None = None
    reordered: int | None = None
    gaps: int | None = None
    corrupt: int | None = None
    foreign: int | None = None
    sent_pps: float | None = None
    received_pps: float | None = None
    messages_per_s: float | None = None
    late: Mapping[str, float | None] | None = None  # ns, the sender's
    one_way: Mapping[str, float | None] | None = None  # ns
    placement_ns: tuple[float | None, float | None] = (None, None)
    broken: Sequence[str] = ()  # identities that do not hold
    missing: str = ""
    counters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        if self.missing:
            return {"source": self.source, "path": self.path, "missing": self.missing}
        names = [name for name in self.__dataclass_fields__ if name != "missing"]
        return {
            name: dict(value) if isinstance(value := getattr(self, name), Mapping) else value
            for name in names
        }


def ends(path: Path, where: Place, stack: ExitStack) -> tuple[Port, Port]:
    """Who sends and who receives, open until the stack is left."""
    pair = opened(path, where, options={"n_slots": SLOTS})
    sender, receiver = stack.enter_context(pair)
    assert receiver is not None
    return sender, receiver


@contextmanager
def explained(what: str) -> Iterator[None]:
    """What the engine refuses is a limit of the host, or a number that makes no sense."""
    from engine import EngineError

    try:
        yield
    except EngineError as error:
        said = f"{what}: {error.strerror or error}"
        raise (RedlineError if error.errno == errno.EINVAL else HostError)(said) from None


def result(
    source: str,
    path: Path,
    where: Place,
    plan: Plan,
    found: Flood,
    *,
    sent: int | None = None,
) -> Result:
    from harness.bench.reports import histogram_of

    is_ours = found.tx_side is not None
    counts, got = found.sent, found.received
    n_sent = counts["frames_sent"] if is_ours else sent
    per_frame = plan.pack if plan.stream is not None else 1
    latency = histogram_of(found.from_intended)
    lateness = histogram_of(found.lateness)
    side = found.rx_side
    assert side is not None
    return Result(
        source=source,
        path=path.name,
        where="memory" if path.backend == "shm" else where.kind,
        mode=side.mode,
        planned=None if plan.schedule is None else plan.count,
        sent=n_sent,
        unsent=counts["frames_unsent"] if is_ours else None,
        received=got["frames_in"],
        lost=found.lost if is_ours else _at_least_0(n_sent, found.arrived),
        duplicates=got["duplicates"],
        reordered=got["reordered"],
        gaps=got["gaps"],
        corrupt=got["corrupt"],
        foreign=got["foreign"],
        sent_pps=found.sent_pps if is_ours else None,
        received_pps=found.received_pps,
        messages_per_s=found.received_pps * per_frame,
        late=values_of(lateness) if source == "blast" and plan.schedule is not None else None,
        one_way=values_of(latency) if is_ours else None,
        placement_ns=found.placement,
        broken=[f"{i.name}: {i.left} and {i.right}" for i in found.identities if i.left != i.right],
        counters={"sent": dict(counts), "received": dict(got), "port": dict(side.stats)},
    )


def _at_least_0(sent: int | None, arrived: int) -> int | None:
    return None if sent is None else max(sent - arrived, 0)
