"""A trial with a user's program in the engine's place, in the measuring process.

The orders that the reference rule calls for come from our own engine, which has been sent the same
messages before, as fast as it takes them and with limits that refuse nothing.
"""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import engine
from engine.clock import Clock
from engine.market import Stream
from engine.net import Port, open_port
from engine.pipeline import Limits, RigEnd, Stop, Strategy, Tape, trial
from harness.bench import foreign_faults
from harness.bench.launch import BenchError
from harness.bench.matching import Orders, match
from harness.bench.plan import TrialPlan
from harness.bench.program import Program, sha256_of_program
from harness.bench.reports import histogram_json
from harness.errors import printable

LOOPBACK = "127.0.0.1"
MARKET_PORT, ORDERS_PORT = 20_001, 21_000  # in namespaces of the bench, where nothing else is
QUIET_NS = 250_000_000  # before the stop: an engine that the host kept from running catches up
AFTER_NS = 100_000_000  # so long it is watched, and for so many messages:
AFTER_MESSAGES = 1000
DRAIN_NS = 250_000_000
LOOK_S = 0.02
REFERENCE_PER_S = 500_000
REFERENCE_RING = 64 << 20
REFERENCE_DRAIN_NS = 2_000_000_000
AUDIT_SLOTS = 1 << 20
TAPE_MAX = 1 << 20
NS_PER_S = 1_000_000_000
OPEN = Limits(10**9, 10**12, 10**12, 10_000, 2**32 - 1, 2**32 - 1, 2**32 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Frames and when each is due: warm-up, measured, silence, and those after the stop."""

    due_ns: npt.NDArray[np.uint64]
    n_warmup: int
    stop_frame: int

    @classmethod
    def of(
        cls, due_ns: npt.NDArray[np.uint64], span_ns: int, n_frames: int, n_warmup: int, more: int
    ) -> Load:
        """The schedule written out, with `more` frames after a silence."""
        i = np.arange(n_frames + more, dtype=np.uint64)
        due = due_ns[i % np.uint64(len(due_ns))] + i // np.uint64(len(due_ns)) * np.uint64(span_ns)
        due[n_frames:] += np.uint64(QUIET_NS)
        return cls(due, n_warmup, n_frames)


def run(
    plan: TrialPlan,
    stream: Stream,
    load: Load,
    strategy: Strategy,
    sizes: tuple[int, int],
    clock: Clock,
) -> dict[str, Any]:
    """The report of the trial. `sizes` are instruments and live orders of the stream.

    RedlineError when the program cannot be started, ends early or never connects.
    """
    assert plan.foreign is not None
    wanted = None
    if plan.foreign.has_reference:
        wanted = reference(plan, stream, len(load.due_ns), strategy, sizes, clock)
    with ExitStack() as stack:
        faults = stack.enter_context(foreign_faults.on_market_data(plan, MARKET_PORT, clock))
        ends = _Ends(plan, stack)
        program = stack.enter_context(
            Program(
                [word.format(**ends.places(plan)) for word in plan.foreign.command],
                cpu=plan.cpu_engine,
                output=Path(plan.foreign.output),
                netns=plan.net.market.engine.netns if plan.net else None,
            )
        )
        program.wait_connected(ends.orders_number, plan.foreign.connect_ns / NS_PER_S)
        market = stack.enter_context(ends.open_market())
        stop_signal = int(signal.Signals[plan.foreign.stop_signal])
        held = stack.enter_context(
            trial(
                stream,
                clock=clock,
                due_ns=load.due_ns,
                span_ns=int(load.due_ns[-1]) + 1,
                n_frames=len(load.due_ns),
                n_warmup=load.n_warmup,
                drain_ns=DRAIN_NS,
                cpu_engine=plan.cpu_engine,
                cpu_rig=plan.cpu_rig,
                limits=OPEN,
                strategy=strategy,
                n_instruments=sizes[0],
                n_orders=sizes[1],
                ring_bytes=plan.ring_bytes,
                n_audit_slots=AUDIT_SLOTS,
                pack=plan.pack,
                market=RigEnd(market),
                orders=RigEnd(ends.orders),
                n_tape=min(len(load.due_ns) * plan.pack, TAPE_MAX),
                stop=Stop(program.pid, stop_signal, load.stop_frame),
            )
        )
        held.start()
        ended = _follow(held, program)
        dropped = program.datagrams_dropped(ends.market_number)
        tape = Tape.of(held)
        if wanted is not None and not ended and not np.any(wanted["trigger"] >= tape.stop_seq):
            raise BenchError(
                "no order was wanted after the stop: it has not been tried; send faster"
            )
        matched = match(
            wanted,
            tape,
            within_ticks=round(plan.foreign.stop_within_ns / clock.ns_per_tick),
            patience_ticks=round(QUIET_NS / clock.ns_per_tick),
            judged_below=faults.judged_below,
        )
        if faults.judged_below and wanted is not None and not matched.wanted:
            raise BenchError(
                f"impairment: message {faults.judged_below} is the first that is lost or changed, "
                "and no order was wanted before it: nothing is held against the rule"
            )
        report = _report(held, plan, load)
        report["identities"] += faults.identities(report["counters"])
        return report | {
            "injected": faults.injected(),
            "foreign": {
                **asdict(matched),
                "ended": ended,
                "valid": len(tape.orders) + tape.n_beyond,
                "dropped": dropped,
                "was_stopped": bool(tape.stop_seq),
                "sha256": sha256_of_program(plan.foreign.command),
            },
            "net": {
                "market": {"rig": _seen(market)},
                "orders": {"rig": _seen(ends.orders)},
            },
        }


def reference(
    plan: TrialPlan,
    stream: Stream,
    n_frames: int,
    strategy: Strategy,
    sizes: tuple[int, int],
    clock: Clock,
) -> Orders:
    """What our own engine orders when it is sent the same, by the message that caused it."""
    step_ns = max(1, NS_PER_S * plan.pack // REFERENCE_PER_S)
    with trial(
        stream,
        clock=clock,
        due_ns=np.zeros(1, dtype=np.uint64),
        span_ns=step_ns,
        n_frames=n_frames,
        n_warmup=0,
        drain_ns=REFERENCE_DRAIN_NS,
        cpu_engine=plan.cpu_engine,
        cpu_rig=plan.cpu_rig,
        limits=OPEN,
        strategy=strategy,
        n_instruments=sizes[0],
        n_orders=sizes[1],
        pack=plan.pack,
        n_tape=min(n_frames * plan.pack, TAPE_MAX),
        ring_bytes=REFERENCE_RING,
        n_audit_slots=AUDIT_SLOTS,
    ) as held:
        held.start()
        while not held.wait(LOOK_S):
            held.audit_step()
        tape, counters = Tape.of(held), held.counters()
    n_intents = counters["engine"]["intents"]
    if len(tape.orders) != n_intents or counters["generator"]["frames_unsent"]:
        raise BenchError(
            f"the reference came to {len(tape.orders)} of {n_intents} orders: this host kept it "
            "from running, or the trial is too long for one tape; run it again, or shorter"
        )
    return np.sort(tape.orders, order="trigger")


class _Ends:
    """The rig's ends: of the order session at once, of market data when somebody is there."""

    def __init__(self, plan: TrialPlan, stack: ExitStack) -> None:
        net = plan.net
        self._rig_netns = net.market.rig.netns if net else None
        self._rig_ip = net.market.rig.ip if net else LOOPBACK
        self.market_ip = net.market.engine.ip if net else LOOPBACK
        self.market_number = MARKET_PORT if net else _free_udp_port()
        self.orders_ip = net.orders.rig.ip if net else LOOPBACK
        self.orders: Port = stack.enter_context(
            open_port(
                "tcp",
                netns=net.orders.rig.netns if net else None,
                local=(self.orders_ip, ORDERS_PORT if net else 0),
                listen=True,
                n_slots=1024,
                speaks_fix=True,
            )
        )
        self.orders_number = self.orders.local[1]

    def open_market(self) -> Port:
        """A program that has connected hears what it is sent."""
        return open_port(
            "udp",
            netns=self._rig_netns,
            local=(self._rig_ip, 0),
            peer=(self.market_ip, self.market_number),
            n_slots=1024,
        )

    def places(self, plan: TrialPlan) -> dict[str, str]:
        """What stands for the names in braces of a command (harness.config.black_box.PLACES)."""
        rule = plan.engine
        return {
            "market_data": f"{self.market_ip}:{self.market_number}",
            "orders": f"{self.orders_ip}:{self.orders_number}",
            "imbalance_permille": str(rule.threshold_permille),
            "every": str(rule.every),
            "lot": str(rule.order_qty),
            "max_spread_nano": str(rule.max_spread_nano),
        }


def _free_udp_port() -> int:
    """A number that was free a moment ago; who takes it meanwhile is found out by the program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _follow(held: engine.Trial, program: Program) -> str:
    """Sleep until the trial is over; how the program ended, if it did so before."""
    ended = ""
    while not held.wait(LOOK_S):
        if not ended:
            ended = program.ended()
            if ended:
                held.stop()
    return printable(ended or program.ended())


def _seen(port: Port) -> dict[str, Any]:
    return {"backend": port.caps.backend, "mode": port.caps.mode, "stats": port.stats()}


def _report(held: engine.Trial, plan: TrialPlan, load: Load) -> dict[str, Any]:
    hists = {name: h for name, h in held.hists().items() if name in ("service", "lateness")}
    hists["wire"] = held.swap()
    return {
        "seconds": (load.stop_frame - load.n_warmup) * plan.pack / plan.rate_per_s,
        "hists": {name: histogram_json(h) for name, h in hists.items()},
        "counters": held.counters(),
        "identities": held.identities(),
    }
