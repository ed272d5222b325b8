"""What a tuning can be worth: short measurements that are repeated under many tunings.

Each is a median and a 99th percentile in ns of one figure that people tune for, and takes about a
second. None is a result by itself: the regime is small and nothing is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.bench.cpus import Cpus
from harness.bench.launch import measure
from harness.bench.plan import TrialPlan
from harness.bench.reports import TrialReport
from harness.config.scenario import find_scenario, load_scenario
from harness.measure import percentiles
from harness.measure.ablation import percentiles_of
from harness.run.session import engine_plan, made_stream
from harness.tuning.effects import blocking_rtt_ns, spinning_rtt_ns

Percentiles = Mapping[str, float | None]
ROUND_TRIPS = 1000  # fewer leave less than ten samples beyond p99
RATE_PER_S = 100_000
WARMUP_NS, DURATION_NS = 50_000_000, 500_000_000


def blocking_rtt(cpus: Cpus) -> Percentiles:
    """UDP over loopback, both ends asleep until a datagram comes: what waking up costs."""
    return percentiles_of(blocking_rtt_ns((cpus.engine, cpus.rig), ROUND_TRIPS))


def spinning_rtt(cpus: Cpus) -> Percentiles:
    """The same without sleep: what the kernel's path costs."""
    return percentiles_of(spinning_rtt_ns((cpus.engine, cpus.rig), ROUND_TRIPS))


def tick_to_trade(cpus: Cpus) -> Percentiles:
    """Market data in, order out, over shared memory, from the intended time of the message."""
    scenario = load_scenario(find_scenario("smoke"))
    plan = TrialPlan(
        stream=made_stream(scenario, "itch"),
        engine=engine_plan(scenario),
        mode="engine",
        schedule="poisson",
        rate_per_s=RATE_PER_S,
        warmup_ns=WARMUP_NS,
        duration_ns=DURATION_NS,
        interval_ns=0,
        cpu_engine=cpus.engine,
        cpu_rig=cpus.rig,
        ring_bytes=scenario.bench.ring_bytes,
        stage_timing=False,
        audit_path=None,
    )
    wire = TrialReport.of(measure(plan)).histograms["wire"]
    return {name: percentiles.percentile(wire, name) for name in ("p50", "p99")}


MEASURES: Mapping[str, Callable[[Cpus], Percentiles]] = {
    "blocking-rtt": blocking_rtt,
    "spinning-rtt": spinning_rtt,
    "tick-to-trade": tick_to_trade,
}
