"""A run as OpenMetrics text, for node_exporter's textfile collector and other scrapers.

Everything is a gauge or a classic histogram. The verdict has the shape of a StateSet and the build
that of an Info, but both are typed gauge: node_exporter's reader knows four types and drops a whole
file at the first other one. No Summary: quantiles cannot be aggregated, so they are gauges that say
which quantile they are.

Units:  seconds, ratios 0..1, the score 0..100. No time stamps: the collector refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.measure.hlog import Hlog
from harness.measure.percentiles import fraction

_STATES = ("READY", "NOT READY", "INCONCLUSIVE")
_ROW_STATES = ("PASS", "MARGINAL", "FAIL", "UNJUDGEABLE", "MISSING", "WAIVED")
# 10 ns to 10 s, four buckets a decade: fixed, so that runs and hosts can be added up.
_EDGES_NS = tuple(round(10 ** (1 + k / 4), 1) for k in range(37))
_HEAT_MAPPED = "wire"  # the points whose whole distribution is worth forty lines
_TO_SECONDS = {"ns": 1e-9}

Labels = Mapping[str, str]


def openmetrics(
    run: Mapping[str, Any], hlogs: Mapping[str, Hlog] | None = None, fingerprint: str = ""
) -> str:
    """The judged run.json; with the histogram logs also the end-to-end distributions."""
    who = {"fp": fingerprint[:12], "scenario": run["scenario"]["name"]}
    lines = [
        *_family("run_info", "gauge", "What ran: constant 1.", _info(run, who)),
        *_family(
            "lat_quantile_seconds",
            "gauge",
            "Quantiles of a metric, by ceil rank; absent below ten samples in the tail.",
            _quantiles(run, who),
            unit="seconds",
        ),
        *_family(
            "score",
            "gauge",
            "Score 0 to 100; floor counts only what was proved.",
            _scores(run, who),
        ),
        *_family(
            "judged_weight_ratio",
            "gauge",
            "Share of the weight that was judged.",
            [({**who}, run["score"]["judged_weight"] / 100)],
            unit="ratio",
        ),
        *_family(
            "verdict",
            "gauge",
            "The sign-off: 1 for the state that holds.",
            _states(who, "redline_verdict", run["verdict"]["state"], _STATES),
        ),
        *_family("row_state", "gauge", "State of each row and gate.", _rows(run, who)),
    ]
    if hlogs:
        lines += _histograms(run, hlogs, who)
    return "\n".join([*lines, "# EOF"]) + "\n"


def _family(
    name: str,
    kind: str,
    about: str,
    samples: Iterable[tuple[Labels, float]],
    unit: str = "",
) -> Iterator[str]:
    name = f"redline_{name}"
    yield f"# TYPE {name} {kind}"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {about}"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _info(run: Mapping[str, Any], who: Labels) -> Iterator[tuple[Labels, float]]:
    build = run["build"]
    yield (
        {
            **who,
            "run": run["id"],
            "version": build["version"],
            "build_type": build["build_type"],
            "march": build["march"],
            "core_sha256": build["core_sha256"],
            "input": run["input"]["name"],
        },
        1,
    )


def _quantiles(run: Mapping[str, Any], who: Labels) -> Iterator[tuple[Labels, float]]:
    for metric in run["metrics"]:
        scale = _TO_SECONDS.get(metric["unit"])
        if scale is None:
            continue
        name = {**who, "metric": metric["id"], "regime": metric["regime"], "load": metric["load"]}
        for key, value in sorted(
            metric["percentiles"].items(), key=lambda pair: float(_q(pair[0]))
        ):
            if value is not None:
                yield {**name, "q": _q(key)}, value * scale


def _q(name: str) -> str:
    """The quantile as a number, the way every dashboard writes it."""
    ends = {"min": "0", "max": "1"}
    return ends.get(name) or f"{float(fraction(name)):g}"


def _scores(run: Mapping[str, Any], who: Labels) -> Iterator[tuple[Labels, float]]:
    score = run["score"]
    for bound in ("floor", "ceiling"):
        yield {**who, "group": "total", "bound": bound}, score[bound]
        for group in score["groups"]:
            yield {**who, "group": group["id"], "bound": bound}, group[bound]


def _states(
    labels: Labels, key: str, state: str, states: Iterable[str]
) -> Iterator[tuple[Labels, float]]:
    for one in states:
        yield {**labels, key: one}, float(one == state)


def _rows(run: Mapping[str, Any], who: Labels) -> Iterator[tuple[Labels, float]]:
    rows = {row["id"]: row["state"] for group in run["score"]["groups"] for row in group["rows"]}
    rows |= {gate["id"]: gate["state"] for gate in run["verdict"]["gates"]}
    for name, state in rows.items():
        yield from _states({**who, "row": name}, "redline_row_state", state, _ROW_STATES)


def _histograms(run: Mapping[str, Any], hlogs: Mapping[str, Hlog], who: Labels) -> Iterator[str]:
    name = "redline_latency_seconds"
    yield f"# TYPE {name} histogram"
    yield f"# UNIT {name} seconds"
    yield f"# HELP {name} Whole distributions of the end-to-end metrics."
    for measurement in run["measurements"]:
        log = hlogs.get(measurement["hlog"] or "")
        if log is None or measurement["points"] != _HEAT_MAPPED or measurement["unit"] != "ns":
            continue
        total = log.total(measurement["tags"])
        tick_ns = float(measurement["facts"].get("tick_ns", 1.0))
        # A slot counts where its upper edge lies: never in a better bucket than its samples.
        below = np.searchsorted(total.values() * tick_ns, _EDGES_NS, side="right")
        cumulative = np.concatenate([[0], np.cumsum(total.counts)])
        labels = {**who, "metric": measurement["id"], "regime": measurement["regime"]}
        for edge_ns, n in zip(_EDGES_NS, cumulative[below].tolist(), strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": f"{edge_ns * 1e-9:.4g}"}, n)
        yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, total.n)
        yield _sample(f"{name}_sum", labels, total.mean() * total.n * tick_ns * 1e-9)
        yield _sample(f"{name}_count", labels, total.n)


def _sample(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {float(value):.12g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
