"""What the tools print: plain ASCII tables that a log keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.net import ports
from harness.net.flood import Result
from harness.net.rtt import Row, Run

MISSING = "-"


def ns(value: float | None) -> str:
    """830 ns, 6.73 us, 12.1 ms; too few samples for a percentile are n/a."""
    if value is None:
        return "n/a"
    for limit, scale, unit in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if value < limit:
            return f"{value / scale:.3g} {unit}" if scale > 1 else f"{value:.0f} ns"
    return f"{value / 1e9:.3g} s"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, the others to the right, two blanks between them."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


# ---- Ports --------------------------------------------------------------------------------------


def ports_text(rows: Sequence[ports.Row]) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    for row in rows:
        if row.possible:
            stamps = "" if row.stamps == "none" else f"; arrival stamps: {row.stamps}"
            yield f"{row.name:<{width}}  yes  {row.mode} ({row.where}{stamps})"
        else:
            yield f"{row.name:<{width}}  no   {row.why}"


# ---- Round trips --------------------------------------------------------------------------------


def rtt_text(rows: Sequence[Row], *, heading: str, repeats: int) -> Iterator[str]:
    """A table of round trips; with repeats the best and the median run."""
    yield heading
    yield ""
    many = repeats > 1
    head = ["round trip", "min", *(["best p50"] if many else []), "p50", "p99", "p99.9", "max"]
    lines = [[*head, "lost", "handling"]]
    for row in rows:
        if not row.runs:
            continue
        told = row.as_json()
        values = [told["min_ns"], *([told["p50_best_ns"]] if many else [])]
        values += [told["p50_ns"], told["p99_ns"], told["p99.9_ns"], told["max_ns"]]
        handling = told["processing_p50_ns"]
        lines.append(
            [
                row.name,
                *(ns(value) for value in values),
                str(told["lost"]),
                MISSING if handling is None else ns(handling),
            ]
        )
    if len(lines) > 1:
        yield from columns(lines)
        if many:
            yield f"p50, p99 and p99.9 are medians of {repeats} runs, taken in turns"
        yield ""
    for row in rows:
        yield _obtained(row)


def _obtained(row: Row) -> str:
    if not row.runs:
        return f"{row.name}: not measured: {row.missing}"
    best = row.best
    mode = f"{best.mode}, " if best.mode else ""
    return f"{row.name}: {mode}{row.where}, clock {best.clock}{_placement(best)}"


def _placement(run: Run) -> str:
    before, after = run.placement_ns
    if before is None or after is None:
        return ""
    return f", CPUs {ns(before)} apart before and {ns(after)} after"


# ---- Floods -------------------------------------------------------------------------------------


def flood_text(result: Result, *, heading: str) -> Iterator[str]:
    yield heading
    if result.missing:
        yield f"{result.source}: not measured: {result.missing}"
        return
    before, after = result.placement_ns
    apart = "" if before is None else f", CPUs {ns(before)} apart before and {ns(after)} after"
    yield f"{result.source} -> {result.path}: {result.mode}, {result.where}{apart}"
    yield ""
    for title, names in (
        ("sender", ("planned", "sent", "unsent")),
        ("receiver", ("received", "lost", "duplicates", "reordered", "gaps", "corrupt", "foreign")),
    ):
        yield f"{title:<9} " + ", ".join(f"{name} {_count(result, name)}" for name in names)
    yield f"{'rate':<9} " + ", ".join(_rates(result))
    if result.late is not None:
        yield f"{'lateness':<9} {_spread(result.late)} behind the schedule"
    if result.one_way is not None:
        yield f"{'one way':<9} {_spread(result.one_way)} from the intended time to reception"
    for broken in result.broken:
        yield f"DOES NOT ADD UP: {broken}"


def compare_text(results: Sequence[Result], *, heading: str) -> Iterator[str]:
    """A line for each source, and one for each that is missing."""
    yield heading
    yield ""
    lines = [["source", "sent", "received", "lost", "dup", "reord", "gaps", "Mpps in", "into"]]
    for one in results:
        if one.missing:
            continue
        numbers = (one.sent, one.received, one.lost, one.duplicates, one.reordered, one.gaps)
        rate = one.received_pps if one.received_pps is not None else one.sent_pps
        lines.append([one.source, *(_number(n) for n in numbers), _mega(rate), one.path])
    if len(lines) > 1:
        yield from columns(lines)
        yield ""
    for one in results:
        if one.missing:
            yield f"{one.source}: not measured: {one.missing}"
        for broken in one.broken:
            yield f"{one.source}: DOES NOT ADD UP: {broken}"


def _count(result: Result, name: str) -> str:
    return _number(getattr(result, name))


def _number(value: int | None) -> str:
    return MISSING if value is None else str(value)


def _mega(per_s: float | None) -> str:
    return MISSING if per_s is None else f"{per_s / 1e6:.4f}"


def _rates(result: Result) -> Iterator[str]:
    if result.sent_pps is not None:
        yield f"{_mega(result.sent_pps)} Mpps sent"
    if result.received_pps is not None:
        yield f"{_mega(result.received_pps)} Mpps received"
    if result.messages_per_s is not None:
        yield f"{result.messages_per_s:.0f} msg/s"


def _spread(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {ns(value)}" for name, value in values.items())
