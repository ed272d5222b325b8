"""The host's part: its noise, its clock, and everything recorded about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.qualify.recorded import KEY
from harness.report import charts_host
from harness.report.charts import FloorCurve
from harness.report.evidence import Evidence, Json
from harness.report.figures import (
    NOT_AVAILABLE,
    count_text,
    ns_text,
    quantile_name,
    target_text,
)
from harness.report.page import Noise, Table, text_of
from harness.report.qualification import check_table


def core_of(evidence: Evidence, role: str) -> str:
    """'core 1' for the core that played this role, as far as the run says."""
    looks = evidence.noise.get("floor", [])
    core = next((f.get("cpu") for f in looks if f.get("role") == role), None)
    return "its own core" if core is None else f"core {core}"


def floors(evidence: Evidence) -> list[FloorCurve]:
    """Every look at every core, before and after."""
    drawn = []
    for record in evidence.noise.get("floor", []):
        points = np.array(record.get("curve") or np.zeros((0, 2)), dtype=np.float64).reshape(-1, 2)
        when = str(record.get("when", ""))
        label = f"core {record.get('cpu')} ({record.get('role', '')}), {when}"
        role = {"after": "floor-after", "during": "floor-during"}.get(when, "floor")
        drawn.append(FloorCurve(label, points[:, 0], points[:, 1], role))
    return drawn


def worst_floor(evidence: Evidence) -> list[FloorCurve]:
    """One curve for percentile charts: the host at its worst, over cores and both looks."""
    drawn = [f for f in floors(evidence) if f.x_ns.size]
    if not drawn or any(not np.array_equal(f.x_ns, drawn[0].x_ns) for f in drawn):
        return drawn[:1]
    chance = np.max([f.chance for f in drawn], axis=0)
    return [FloorCurve("noise floor of this host", drawn[0].x_ns, chance)]


def noise_view(evidence: Evidence) -> Noise:
    record = evidence.noise
    floor_rows = [
        [
            f"core {f.get('cpu')} ({f.get('role', '')})",
            text_of(f.get("when")),
            f"{100 * f['lost_ns'] / (f['seconds'] * 1e9):.3f} %" if f.get("seconds") else "n/a",
            count_text(f.get("n_gaps") or 0),
            *(ns_text((f.get("percentiles") or {}).get(p)) for p in ("p99", "p99.9", "p99.99")),
            ns_text(f.get("max_ns")),
        ]
        for f in record.get("floor", [])
    ]
    heads = ["core", "when", "time lost", "gaps", "p99", "p99.9", "p99.99", "longest"]
    judgeable = [
        [
            str(m["id"]),
            target_text(m.get("target")),
            text_of(m.get("statistic")),
            quantile_name(float(m["judgeable_quantile"])),
            str(m["state"]),
        ]
        for m in evidence.run.get("metrics", [])
        if m.get("judgeable_quantile") is not None
    ]
    probes = [
        [
            "neighbour",
            text_of(p.get("when")),
            f"core {p.get('cpu')}",
            f"quiet {100 * float(p.get('quiet_share') or 0):.1f} % of the time, "
            f"best {ns_text(p.get('best_ns'))}, median {ns_text(p.get('median_ns'))}",
        ]
        for p in record.get("neighbour", [])
    ]
    probes += [
        [
            "placement",
            text_of(p.get("when")),
            "cores " + " and ".join(str(c) for c in p.get("cpus", [])),
            f"a cache line there and back takes {ns_text(p.get('rtt_ns'))}",
        ]
        for p in record.get("placement", [])
    ]
    return Noise(
        chart=charts_host.floor_chart("Noise floor", floors(evidence)),
        floors=Table(heads, floor_rows),
        judgeable=Table(["metric", "target", "statistic", "judgeable up to", "state"], judgeable),
        host=check_table(evidence),
        clock=_clock_pairs(record.get("clock") or {}),
        canaries=_canaries(evidence.run),
        probes=Table(["probe", "when", "where", "seen"], probes),
    )


def _canaries(run: Json) -> Table:
    """Fixed work by frozen source: when it changes, the machine did and not the program."""
    rows = []
    for measurement in run.get("measurements", []):
        identifier = str(measurement.get("id", ""))
        if not identifier.startswith("canary."):
            continue
        facts: Json = measurement.get("facts") or {}
        share = facts.get("quiet_share")
        rows.append(
            [
                identifier,
                ns_text(facts.get("value")),
                ns_text(facts.get("median_ns")),
                ns_text(facts.get("before_ns")),
                ns_text(facts.get("after_ns")),
                NOT_AVAILABLE if share is None else f"{100 * float(share):.1f} %",
                text_of(facts.get("source_sha256"))[:16],
            ]
        )
    heads = ["canary", "best", "median", "before", "after", "quiet share", "source sha256"]
    return Table(heads, rows)


def _clock_pairs(clock: Json) -> list[tuple[str, str]]:
    if not clock:
        return []
    shown = []
    if clock.get("tsc_hz"):
        shown.append(("TSC frequency", f"{clock['tsc_hz'] / 1e6:.3f} MHz"))
    if clock.get("quantum_ns") is not None:
        shown.append(("step of the clock", ns_text(clock["quantum_ns"])))
    if clock.get("disagree_ppb") is not None:
        shown.append(("two calibrations differ by", f"{clock['disagree_ppb']} ppb"))
    for name, cost in (clock.get("pairs") or {}).items():
        seen = ", ".join(
            f"{key.removesuffix('_ns')} {ns_text(cost[key])}"
            for key in ("min_ns", "p50_ns", "p99_ns", "max_ns")
            if cost.get(key) is not None
        )
        shown.append((name.replace("__", " \u2026 ").replace("_", " "), seen))
    if offset := clock.get("offset"):
        cores = " and ".join(str(c) for c in offset.get("cpus", []))
        bound = ns_text(offset.get("bound_ns"))
        seen = f"{float(offset.get('offset_ns') or 0):+.1f} ns \u00b1 {bound}"
        shown.append((f"offset between cores {cores}", seen))
    return shown


def environment(env: Json) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Facts by family (cpu.model stands under cpu); each keeps its source, or why it is absent."""
    blocks: dict[str, list[tuple[str, str, str]]] = {}
    for key, value in env.items():
        if key == KEY:
            continue  # has a table of its own
        if key == "facts" and isinstance(value, Mapping):
            for name, fact in value.items():
                family, _, rest = str(name).partition(".")
                blocks.setdefault(family, []).extend(_flatten(rest or family, fact))
        elif isinstance(value, Mapping) and not _is_field(value):
            blocks.setdefault(key.replace("_", " "), []).extend(_flatten("", value))
        else:
            blocks.setdefault("run", []).extend(_flatten(key, value))
    return [(title, rows) for title, rows in blocks.items() if rows]


def _is_field(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value and "source" in value


def _flatten(name: str, value: Any) -> list[tuple[str, str, str]]:
    """(name, value, source) of everything below; an absent value gives its reason."""
    if _is_field(value):
        shown = text_of(value["value"], "none")
        if value["value"] is None:
            shown = f"{NOT_AVAILABLE}: {value.get('reason') or 'not recorded'}"
        return [(name.replace("_", " "), shown, str(value["source"]))]
    if isinstance(value, Mapping):
        return [
            row
            for key, inner in value.items()
            for row in _flatten(f"{name}.{key}" if name else str(key), inner)
        ]
    if isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        return [row for i, inner in enumerate(value) for row in _flatten(f"{name}[{i}]", inner)]
    return [(name.replace("_", " "), text_of(value, "none"), "")]
