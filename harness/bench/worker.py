"""The measuring process: does one plan and prints what came of it, a JSON object a line.

It is started by harness/bench/launch.py and by nobody else. While a window is measured it sleeps in
C; in a soak it wakes once an interval to hand out what was recorded.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import gc
import json
import os
import signal
import sys
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import engine
from engine import clock as engine_clock
from engine import component, probe
from engine.market import Stream
from engine.pipeline import Limits, Rules, Strategy, Tripper, Trips, trial
from harness.bench import network
from harness.bench.health import Health, Look, out_of_the_way
from harness.bench.outside import Outside
from harness.bench.plan import (
    ComponentPlan,
    ComponentsPlan,
    EnginePlan,
    RttPlan,
    StreamPlan,
    TrialPlan,
    from_json,
)
from harness.bench.reports import histogram_json
from harness.bench.stall import Staller
from harness.errors import HostError, RedlineError
from harness.net.pattern import read_pattern
from harness.traffic import schedule, synthetic
from harness.traffic.captures import stream_of
from harness.traffic.inputs import open_input

CALIBRATION_NS = 50_000_000  # two windows agree to well under a ppm: more than a trial can tell
REFLECT_EVERY = 64  # frames an order of the null bench: no rarer than the engine's orders
AUDIT_SLOTS = 1 << 20  # records between two drains; a full log refuses orders
CAPTURE_INSTRUMENTS = 1 << 13  # a whole equities market fits
CAPTURE_ORDERS = 1 << 19
ORDER_MARGIN = 4  # live orders of a made stream: after a loss some are never deleted
DRAIN_NS = 2_000_000_000
FAULTY_DRAIN_NS = 200_000_000  # where frames are lost on purpose, nobody knows what is to come
LATE_NS = 200_000  # after a trip has settled: dozens of signals at full rate
TRIP_TIMEOUT_NS = 2_000_000_000  # a drain disconnects long before
STOP_S = 5.0
LONG_S = 3600.0
KEEP_UP_S = 1.0  # a tripped engine records every order that it may not send: its log is emptied
NS_PER_S = 1_000_000_000


def main(argv: list[str]) -> int:
    """Do the plan in argv[1] for the process argv[2].

    Returns 0 with a result printed, 1 with an error, 130 when interrupted.
    """
    die_with(int(argv[2]))
    plan = from_json(json.loads(argv[1]))
    gc.disable()  # nothing may run on the cores of the bench but the bench
    try:
        if isinstance(plan, ComponentPlan):
            _say("result", _component(plan, engine_clock.calibrate(CALIBRATION_NS)))
        elif isinstance(plan, ComponentsPlan):
            _say("result", _components(plan))
        elif isinstance(plan, RttPlan):
            _say("result", _round_trips(plan))
        else:
            _say("result", _trial(plan))
    except KeyboardInterrupt:
        return 130
    except (RedlineError, engine.EngineError, ValueError) as error:
        text = error.strerror if isinstance(error, engine.EngineError) else str(error)
        _say("error", {"message": text or type(error).__name__, "is_host": _is_host(error)})
        return 1
    return 0


def _is_host(error: Exception) -> bool:
    """Whether this machine, or this user's rights on it, is at fault and not the plan."""
    if isinstance(error, engine.EngineError):
        return error.errno != errno.EINVAL
    return isinstance(error, HostError)


def die_with(parent: int) -> None:
    """Nothing measures on when the harness is gone, not even after kill -9."""
    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(1)


def _say(event: str, values: dict[str, Any]) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


@functools.cache  # operations of one process share it
def _stream(plan: StreamPlan) -> tuple[Stream, int]:
    """The stream, and how many of its first records only build the books."""
    if plan.path is not None:
        return stream_of(open_input(Path(plan.path)))
    made = synthetic.make(
        plan.feed,
        seed=plan.seed,
        n_instruments=plan.n_instruments,
        n_orders=plan.n_orders,
        n_messages=plan.n_messages,
    )
    return made.stream, made.stream.loop_from


def _components(plan: ComponentsPlan) -> dict[str, Any]:
    clock = engine_clock.calibrate(CALIBRATION_NS)
    for run in plan.runs:
        _say("component", _component(run, clock))
    return {"n": len(plan.runs)}


def _component(plan: ComponentPlan, clock: engine_clock.Clock) -> dict[str, Any]:
    stream, _ = _stream(plan.stream)
    began = time.monotonic()
    found = component.measure(
        plan.component,
        plan.regime,
        cpu=plan.cpu,
        duration_ns=plan.duration_ns,
        clock=clock,
        seed=plan.stream.seed,
        stream=stream,
        warmup_min_ns=plan.warmup_min_ns,
        warmup_max_ns=plan.warmup_max_ns,
        is_replayed=plan.is_replayed,
    )
    return {
        "hists": {name: histogram_json(h) for name, h in found.hists.items()},
        "mix": found.mix,
        "facts": found.facts,
        "warmup_mticks": list(found.warmup_mticks),
        "tick_ns": clock.ns_per_tick,
        "quiet_share": found.quiet_share,
        "seconds": time.monotonic() - began,
    }


def _round_trips(plan: RttPlan) -> dict[str, Any]:
    clock = engine_clock.calibrate(CALIBRATION_NS)
    before_ns = probe.placement_ns(plan.cpu_ping, plan.cpu_echo, clock)
    found = network.round_trips(plan, clock)
    after_ns = probe.placement_ns(plan.cpu_ping, plan.cpu_echo, clock)
    return found | {"placement_ns": [before_ns, after_ns]}


def _trial(plan: TrialPlan) -> dict[str, Any]:
    clock = engine_clock.calibrate(CALIBRATION_NS)
    stream, n_snapshot = _stream(plan.stream)
    load = _load(plan, stream, n_snapshot)
    n_instruments, n_orders = _book_sizes(plan.stream, stream)
    if plan.foreign is not None:
        return _foreign(plan, stream, load, (n_instruments, n_orders), clock)
    with ExitStack() as stack:
        net = stack.enter_context(network.network_of(plan, clock))
        held = stack.enter_context(
            trial(
                stream,
                clock=clock,
                due_ns=load.due_ns,
                span_ns=load.span_ns,
                n_frames=load.n_frames,
                n_warmup=load.n_warmup,
                drain_ns=FAULTY_DRAIN_NS if net.faults else DRAIN_NS,
                cpu_engine=plan.cpu_engine,
                cpu_rig=plan.cpu_rig,
                limits=_limits(plan.engine),
                strategy=_strategy(plan),
                n_instruments=n_instruments,
                n_orders=n_orders,
                ring_bytes=plan.ring_bytes,
                n_audit_slots=AUDIT_SLOTS,
                reflect_every=REFLECT_EVERY if plan.mode == "reflect" else 0,
                stage_timing=plan.stage_timing,
                rules=_rules(plan),
                trips=_trips(plan, load),
                board_dir=plan.kill.board_dir if plan.kill else None,
                pack=plan.pack,
                first_seq=plan.first_seq,
                market=net.lines.get("market"),
                orders=net.lines.get("orders"),
                is_faulty=net.faults is not None,
            )
        )
        if plan.audit_path is not None:
            held.audit(plan.audit_path)
        outside = _outside(plan, stack)
        staller = stack.enter_context(Staller(plan.stall)) if plan.stall else None
        before_ns = probe.placement_ns(plan.cpu_rig, plan.cpu_engine, clock)
        held.start()
        try:
            if staller is not None:
                staller.begin()
            wire = _follow(held, plan, outside)
        except (KeyboardInterrupt, HostError):
            held.stop()
            held.wait(STOP_S)
            raise
        n_records = held.audit_close() if plan.audit_path is not None else None
        report = _report(held, plan, load, stream, wire, n_records)
        report["net"] = net.report()
        report["injected"] = net.fault_report()
        report["identities"] += net.identities(report["counters"])
    # Virtual CPUs move between caches: a figure that crosses cores is worth what they were apart.
    after_ns = probe.placement_ns(plan.cpu_rig, plan.cpu_engine, clock)
    return report | {"placement_ns": [before_ns, after_ns]}


def _foreign(
    plan: TrialPlan,
    stream: Stream,
    load: _Load,
    sizes: tuple[int, int],
    clock: engine_clock.Clock,
) -> dict[str, Any]:
    from harness.bench import foreign  # other builds of the engine have no part for it

    assert plan.foreign is not None
    watched_ns = max(foreign.AFTER_NS, 2 * plan.foreign.stop_within_ns)
    more = max(foreign.AFTER_MESSAGES, plan.rate_per_s * watched_ns // NS_PER_S) // plan.pack
    whole = foreign.Load.of(load.due_ns, load.span_ns, load.n_frames, load.n_warmup, more)
    before_ns = probe.placement_ns(plan.cpu_rig, plan.cpu_engine, clock)
    report = foreign.run(plan, stream, whole, _strategy(plan), sizes, clock)
    after_ns = probe.placement_ns(plan.cpu_rig, plan.cpu_engine, clock)
    return report | {"placement_ns": [before_ns, after_ns]}


@dataclass(frozen=True, slots=True, eq=False)
class _Load:
    """Frames and when each is due; the first `n_warmup` are not measured."""

    due_ns: npt.NDArray[np.uint64]
    span_ns: int
    n_frames: int
    n_warmup: int


def _load(plan: TrialPlan, stream: Stream, n_snapshot: int) -> _Load:
    """A looped stream for as long as asked; a capture once and whole, however long that takes.

    The records that build the books are sent first and never measured. Messages that are packed
    are due together: the schedule is one of packets.
    """
    n_recs = len(stream.recs)
    rate_per_s = max(1, plan.rate_per_s // plan.pack)
    n_warmup = -(-n_snapshot // plan.pack) + rate_per_s * plan.warmup_ns // NS_PER_S
    n_frames = n_warmup + rate_per_s * plan.duration_ns // NS_PER_S
    if stream.loop_from >= n_recs:
        # A short capture is still measured: a tenth of it at most goes to the warm-up.
        n_warmup = min(n_warmup, n_snapshot + (n_recs - n_snapshot) // 10)
        n_frames = n_recs
    if plan.schedule == "recorded" and plan.stream.path is not None:
        due = schedule.from_timestamps(stream.recs["ts_ns"], plan.rate_per_s)
    else:
        due = read_pattern(plan.schedule, rate_per_s, plan.stream.seed)
    return _Load(due.due_ns, due.span_ns, n_frames, n_warmup)


def _book_sizes(plan: StreamPlan, stream: Stream) -> tuple[int, int]:
    """Instruments and live orders to make room for: small tables stay in a cache."""
    if plan.path is not None:
        return CAPTURE_INSTRUMENTS, min(CAPTURE_ORDERS, stream.n_messages)
    return plan.n_instruments, ORDER_MARGIN * plan.n_orders


def _limits(plan: EnginePlan) -> Limits:
    return Limits(
        plan.max_qty,
        plan.max_notional,
        plan.max_position,
        plan.band_bps,
        plan.rate_per_s,
        plan.rate_burst,
        plan.max_open,
    )


def _strategy(plan: TrialPlan) -> Strategy:
    rule = plan.engine
    return Strategy(
        rule.threshold_permille,
        rule.every,
        rule.order_qty,
        rule.max_spread_nano,
        is_day=plan.kill is not None,
    )


def _rules(plan: TrialPlan) -> Rules:
    if plan.kill is None:
        return Rules()
    return Rules(hold_every=plan.kill.hold_every, max_resting=plan.kill.max_resting)


def _trips(plan: TrialPlan, load: _Load) -> Trips:
    """The first trip comes one interval into the measured part."""
    if plan.kill is None:
        return Trips()
    every = max(1, plan.rate_per_s * plan.kill.every_ns // NS_PER_S)
    tripper = {"rig": Tripper.RIG, "thread": Tripper.THREAD, "process": Tripper.OTHERS}
    return Trips(
        n=plan.kill.trips,
        tripper=tripper[plan.kill.tripper],
        first_frame=load.n_warmup + every,
        every_frames=every,
        seed=plan.kill.seed,
        late_ns=LATE_NS,
        timeout_ns=TRIP_TIMEOUT_NS,
    )


def _outside(plan: TrialPlan, stack: ExitStack) -> Outside | None:
    if plan.kill is None or plan.kill.board_dir is None:
        return None
    return stack.enter_context(Outside(plan.kill.board_dir, plan.kill.trips))


def _follow(held: engine.Trial, plan: TrialPlan, outside: Outside | None) -> engine.Hist:
    """Sleep until the trial is over; returns every record of `wire`.

    Wakes to hand out what was recorded in an interval and to put the audit records away, to look at
    itself, and, with somebody outside who trips, to wake him in time.
    """
    total = engine.Hist()
    cpus = {"engine": plan.cpu_engine, "rig": plan.cpu_rig}
    health = Health(cpus)
    trip_s = plan.kill.every_ns / NS_PER_S if plan.kill and outside else 0.0
    began = time.monotonic()
    interval = _Due(plan.interval_ns / NS_PER_S, began)
    look = _Due(plan.health_ns / NS_PER_S, began)
    keep_up = _Due(KEEP_UP_S if plan.kill else LONG_S, began)
    with out_of_the_way(cpus) if plan.health_ns else nullcontext():
        while not held.wait(trip_s or min(d.wait_s() for d in (interval, look, keep_up))):
            if outside is not None:
                outside.trip()
            if look.is_due():
                seen = _health(held, health)
                _say("health", {"t_s": look.begin() - began, "health": seen})
            if interval.is_due():
                total.add(_hand_out(held, interval, health))
                held.audit_step()
            if keep_up.is_due():
                held.audit_step()
                keep_up.begin()
    if plan.interval_ns:
        total.add(_hand_out(held, interval, health))
    else:
        total.add(held.swap())
    return total


class _Due:
    """Something that is to be done each `step_s`, never early; 0: never."""

    def __init__(self, step_s: float, now: float) -> None:
        self._step_s = step_s
        self._began = now

    def wait_s(self) -> float:
        if not self._step_s:
            return LONG_S
        return max(self._began + self._step_s - time.monotonic(), 0.0001)

    def is_due(self) -> bool:
        return bool(self._step_s) and time.monotonic() - self._began >= self._step_s

    def begin(self) -> float:
        """The next one counts from now, which is returned."""
        self._began = time.monotonic()
        return self._began

    def elapsed_s(self) -> float:
        return time.monotonic() - self._began


def _hand_out(held: engine.Trial, interval: _Due, health: Health) -> engine.Hist:
    recorded = held.swap()
    seconds = interval.elapsed_s()
    interval.begin()
    values = {"hist": histogram_json(recorded), "seconds": seconds}
    _say("interval", {**values, "health": _health(held, health)})
    return recorded


def _health(held: engine.Trial, health: Health) -> Look:
    """What grows when something is wrong: memory, descriptors, errors, gaps, work not done."""
    counters = held.counters()
    exchange, generator, feed = (counters[name] for name in ("exchange", "generator", "feed"))
    return health.look() | {
        "n_sent": generator["messages_sent"],
        "ring_depth": max(0, generator["messages_sent"] - feed["messages"]),
        "gaps": feed["gaps"],
        "bad_messages": feed["bad_messages"] + feed["bad_frames"],
        "loss": generator["messages_unsent"],
        "bad_orders": exchange["orders_received"] - exchange["orders_valid"],
    }


def _report(
    held: engine.Trial,
    plan: TrialPlan,
    load: _Load,
    stream: Stream,
    wire: engine.Hist,
    n_records: int | None,
) -> dict[str, Any]:
    hists = held.hists() | {"wire": wire}
    counters = held.counters()
    identities = held.identities()
    has_engine = plan.mode == "engine"
    if n_records is not None:
        written = counters["orders"]["audit_records"]
        identities.append(("audit records written = records in the log", written, n_records))
    return {
        "seconds": (load.n_frames - load.n_warmup) * plan.pack / plan.rate_per_s,
        "hists": {name: histogram_json(h) for name, h in hists.items()},
        "counters": counters,
        "usage": held.usage(),
        "identities": identities,
        "outliers": held.outliers() if plan.outliers else [],
        "has_engine": has_engine,
        "answer": _answer(held, plan, load, stream, counters["feed"]) if has_engine else None,
    }


def _answer(
    held: engine.Trial, plan: TrialPlan, load: _Load, stream: Stream, feed: dict[str, int]
) -> dict[str, Any]:
    """The books at the end: all of them as a hash, and the one with most orders in full."""
    whole = held.answer()
    books = [held.book(i) for i in range(whole["n_instruments"])]
    busiest = max(books, key=lambda b: sum(b["n_orders"]) + sum(b["n_levels"]), default=None)
    return {
        "messages": min(load.n_frames * plan.pack, len(stream.recs)),
        "instruments": whole["n_instruments"],
        "orders": whole["n_orders"],
        "total_levels": whole["n_levels"],
        "last_sequence": whole["last_seq"],
        "hash": f"{whole['hash']:#018x}",
        "lost": feed["lost"],
        "duplicates": feed["duplicates"],
        "damage": whole["damage"],
        "symbol": busiest["symbol"] if busiest else "",
        "levels": list(busiest["n_levels"]) if busiest else [0, 0],
        "best_px_nano": list(busiest["best_px_nano"]) if busiest else [0, 0],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv))
