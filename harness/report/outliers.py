"""The longest samples, what took their time, and what looking for it cost.

Reads outliers.jsonl (a line an outlier, worst first within a trial) and attribution.json. The
scored pass is never traced: causes come from a second pass of the same trial, and the difference
between the two is printed as what the observer costs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.measure.attribution import UNEXPLAINED
from harness.report import charts_small, charts_time
from harness.report.evidence import Evidence, Json
from harness.report.figures import count_text, ns_text
from harness.report.page import Figure, Outliers, Table, text_of

MOST_ROWS = 25
"""Rows of a long table that are printed; the rest is in the file named beside it."""


def outliers(evidence: Evidence) -> Outliers:
    ranked = sorted(evidence.outliers, key=lambda o: -float(o.get("value_ns") or 0))
    record = evidence.attribution
    trials: list[Json] = list(record.get("trials") or [])
    return Outliers(
        missing=_missing(evidence),
        unexplained=_unexplained(trials),
        table=outlier_table(ranked),
        pareto=_pareto(trials),
        observer=_observer(trials),
        tiers=_tiers(record),
        offsets=offsets(ranked),
    )


def outlier_table(ranked: Sequence[Json]) -> Table:
    heads = ["value", "time", "trial", "pass", "core", "cause", "evidence"]
    rows = []
    for one in ranked[:MOST_ROWS]:
        where = text_of(one.get("cpu", one.get("core")), "")
        role = text_of(one.get("role"), "")
        at = one.get("t_s")
        rows.append(
            [
                ns_text(one.get("value_ns")),
                "" if at is None else f"{float(at):.3f} s",
                text_of(one.get("trial", one.get("phase")), ""),
                text_of(one.get("pass"), ""),
                f"{where} ({role})" if where and role else where or role,
                text_of(one.get("cause"), "not attributed"),
                text_of(one.get("evidence"), ""),
            ]
        )
    left = len(ranked) - len(rows)
    note = f"{count_text(left)} more in outliers.jsonl" if left > 0 else ""
    return Table(heads, rows, note)


def _missing(evidence: Evidence) -> str:
    """Why there are no causes, when there are none."""
    record = evidence.attribution
    if record.get("missing"):
        return f"No attribution: {record['missing']}."
    if not record:
        return "No attribution pass was part of this run: outliers are listed without causes."
    return ""


def _unexplained(trials: Sequence[Json]) -> str:
    """The share of lost time that nothing explains, over all trials by their lost time."""
    lost = sum(float(c.get("lost_ns") or 0) for t in trials for c in t.get("causes") or [])
    if not lost:
        shares = [float(t["unexplained_share"]) for t in trials if t.get("n_outliers")]
        return f"{100 * max(shares):.1f} %" if shares else ""
    open_ns = sum(
        float(t.get("unexplained_share") or 0)
        * sum(float(c.get("lost_ns") or 0) for c in t.get("causes") or [])
        for t in trials
    )
    return f"{100 * open_ns / lost:.1f} %"


def _pareto(trials: Sequence[Json]) -> Figure | None:
    sums: dict[str, list[float]] = {}
    for trial in trials:
        for cause in trial.get("causes") or []:
            into = sums.setdefault(str(cause.get("cause")), [0.0, 0.0])
            into[0] += float(cause.get("n") or 0)
            into[1] += float(cause.get("lost_ns") or 0)
    if not sums:
        return None
    ranked = sorted(sums.items(), key=lambda item: -item[1][1])
    total = sum(lost for _, (_, lost) in ranked) or 1.0
    running, rows = 0.0, []
    for name, (n, lost) in ranked:
        running += lost
        shares = (f"{100 * lost / total:.1f} %", f"{100 * running / total:.1f} %")
        rows.append([name, count_text(n), ns_text(lost), *shares])
    chart = charts_small.pareto_chart(
        "Lost time by cause", [(name, lost) for name, (_, lost) in ranked[:14]], UNEXPLAINED
    )
    table = Table(["cause", "outliers", "time lost", "share", "together"], rows)
    return Figure("", chart, table)


def _observer(trials: Sequence[Json]) -> Table:
    rows = []
    for trial in trials:
        seen: Json = trial.get("observer") or {}
        for name in ("p50", "p99"):
            without, with_ = seen.get(f"{name}_without_ns"), seen.get(f"{name}_with_ns")
            if without is None and with_ is None:
                continue
            cost = ""
            if without and with_ is not None:
                cost = f"{ns_text(with_ - without)} ({100 * (with_ / without - 1):+.1f} %)"
            rows.append([text_of(trial.get("trial")), name, ns_text(without), ns_text(with_), cost])
    return Table(["trial", "", "scored pass", "traced pass", "cost of looking"], rows)


def _tiers(record: Json) -> Table:
    meanings = {
        "T0": "/proc and getrusage",
        "T1": "tracepoints of the kernel",
        "T2": "osnoise, timerlat and hwlat tracers",
        "T3": "performance counters and model specific registers",
    }
    rows = [
        [
            str(tier.get("tier", "")),
            meanings.get(str(tier.get("tier")), ""),
            "yes" if tier.get("available") else "no",
            text_of(tier.get("why"), ""),
        ]
        for tier in record.get("tiers") or []
    ]
    return Table(["tier", "what", "usable here", "why not"], rows)


def offsets(ranked: Sequence[Json]) -> Figure | None:
    """The map that shows ticks and timers, of the scored pass when it has any; None for a few."""
    timed = [o for o in ranked if o.get("t_s") is not None]
    scored = [o for o in timed if o.get("pass", "scored") == "scored"]
    times = [float(o["t_s"]) for o in scored or timed]
    if len(times) < 50:
        return None
    chart = charts_time.offset_chart(
        "Outliers by their offset within a second", np.sort(np.array(times, dtype=np.float64))
    )
    return Figure("", chart, Table([], []))
