"""Short operations by three named numbers: lat_chain, per_op and tput.

They bracket what one call costs: `per_op` from above (each call fenced, the timer inside),
`lat_chain` from below (each call waits for the one before), and `tput` says how many overlap, which
is no latency and is never held against a target of one.
"""

from __future__ import annotations

from harness.report.evidence import Evidence, Json
from harness.report.figures import NOT_AVAILABLE, count_text, ns_text
from harness.report.page import text_of

Row = tuple[str, str, str]  # name, value, what it means

_MEANS = (
    ("lat_chain", "chain", "of batch means, each call waiting for the last, empty loop taken off"),
    ("tput", "tput", "of batch means, calls overlapping: no latency, compared with no target"),
)


def named_numbers(evidence: Evidence, metric: Json) -> list[Row]:
    """The rows of the table; [] for anything but a short operation."""
    measurement = evidence.measured(metric)
    if measurement is None or measurement.get("kind") != "short_op":
        return []
    facts: Json = measurement.get("facts") or {}
    named: Json = metric.get("percentiles") or {}
    statistic = str(metric.get("statistic") or "p99")
    per_op, pair = named.get(statistic), facts.get("pair_p50_ns")
    net = None if per_op is None or pair is None else per_op - pair
    blur = float(facts.get("quantum_ns") or 0) + float(facts.get("pair_spread_ns") or 0)
    rows = [
        _mean_row(facts, *_MEANS[0]),
        (
            f"per_op {statistic}",
            ns_text(per_op),
            "each call fenced, timer included, nothing taken off: upper bound",
        ),
        (
            "per_op less the empty pair",
            NOT_AVAILABLE if net is None else f"{ns_text(net)} \u00b1 {ns_text(blur)}",
            f"the pair alone takes {ns_text(pair)}; \u00b1 one step of the clock and its spread",
        ),
        _mean_row(facts, *_MEANS[1]),
    ]
    if facts.get("chain_quiet_p50_ns") is not None:
        value = ns_text(facts["chain_quiet_p50_ns"])
        rows.append(("lat_chain, neighbour quiet", value, "batches with the probe at full speed"))
    floors = [facts.get(f"floor_{which}_ns") for which in ("chain", "tput")]
    if any(floor is not None for floor in floors):
        said = " and ".join(ns_text(floor) for floor in floors)
        rows.append(("empty loop", said, "a call, of lat_chain and of tput: taken off each"))
    if facts.get("quiet_share") is not None:
        share = f"{100 * float(facts['quiet_share']):.1f} %"
        rows.append(("quiet share", share, "chunks in which the sibling hyperthread was idle"))
    if restarts := facts.get("restarts"):
        n, settled = len(restarts), facts.get("warmup_settled")
        warm = "" if settled is None else f"{settled} of {n} were warm within the time allowed; "
        order = f"{warm}order drawn with seed {text_of(facts.get('order_seed'), 'none')}"
        rows.append(("process restarts", str(n), order))
    if facts.get("n_inputs"):
        mix = text_of(facts.get("mix") or {}, "")
        rows.append(("distinct inputs", count_text(facts["n_inputs"]), mix))
    if facts.get("answer_hash"):
        rows.append(("answer", str(facts["answer_hash"]), "hash of what it computed, verified"))
    return rows


def _mean_row(facts: Json, name: str, key: str, why: str) -> Row:
    """Fastest, median and p99; a regime in which it has no meaning says so."""
    seen = [facts.get(f"{key}_{which}_ns") for which in ("min", "p50", "p99")]
    if all(value is None for value in seen):
        return (name, NOT_AVAILABLE, "not measured in this regime")
    shown = " / ".join(ns_text(value) for value in seen if value is not None)
    which = [w for w, value in zip(("fastest", "median", "p99"), seen, strict=True) if value]
    return (f"{name} {' / '.join(which)}", shown, why)
