"""What is observed of a trial, by the names of harness.config.fault.TRIAL."""

from __future__ import annotations

from harness.bench.reports import TrialReport
from harness.measure import percentiles


def trial_counts(report: TrialReport) -> dict[str, int]:
    """`waited` counts messages that shared a look of the engine with one before them."""
    counters = report.counters
    engine, feed, orders = counters["engine"], counters["feed"], counters["orders"]
    venue = counters["exchange"]
    waited = engine["frames"] - (engine["turns"] - engine["idle_turns"])
    table = percentiles.table(report.histograms["wire"], 1.0)
    return {
        "planned": report.planned,
        "sent": report.sent,
        "unsent": counters["generator"]["messages_unsent"],
        "received": feed["messages"],
        "gaps": feed["gaps"],
        "waited": max(0, waited),
        "orders_wanted": orders["orders_wanted"],
        "orders_refused": orders["risk_rejects"],
        "orders_sent": orders["orders_sent"],
        "orders_received": venue["orders_received"],
        "orders_bad": report.bad_orders,
        "answers_missing": venue["answers_due"] - engine["answers"],
        "uncounted": int(bool(report.broken)),
        "books_damaged": int(bool((report.answer or {}).get("damage", "no book"))),
        "allocations": report.allocs,
        "p99_ns": round(table["p99"] or 0.0),
        "latest_ns": round(table["max"] or 0.0),
    }
