"""What a replay says when it is over: as text, as JSON, and what is wrong with it.

Times in JSON are ns, prices 1e-9 of the quote currency and quantities the venue's smallest lot, as
integers; hashes are hexadecimal text, since 64 bits do not survive every JSON reader.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from engine.market import PX_NONE
from engine.market.replay import STATES, Played, Recording
from harness.config.units import format_price
from harness.traffic.inputs import InputFile

NS_PER_S: Final = 1_000_000_000
SHOWN: Final = 5  # instruments of the text
# Counters of arbitration and feed that say the capture, or what was sent, could not be understood.
BAD: Final = {
    "lines": ("overflows", "evicted", "losses_unlisted"),
    "feed": ("bad_frames", "bad_messages", "no_instrument", "bad_entries"),
    "books": ("orders_full", "levels_full", "bad_instruments"),
}
BAD_ON_LINE: Final = ("bad", "conflicts", "stale")


def problems(played: Played, expected_hash: int | None = None) -> list[str]:
    """A sentence for each promise that was not kept."""
    found = []
    if played.damage:
        found.append(f"the books are damaged: {played.damage}")
    if played.n_lost:
        found.append(f"{played.n_lost:,} messages were lost")
    if played.unaccounted:
        found.append(f"{played.unaccounted:,} records were sent and never seen again")
    if different := played.counters["read"]["loops_different"]:
        found.append(f"{different:,} loops ended otherwise than the first")
    for group, names in BAD.items():
        for name in names:
            if n := played.counters[group].get(name, 0):
                found.append(f"{group} counted {n:,} {_words(name)}")
    for i, one in enumerate(played.lines):
        for name in BAD_ON_LINE:
            if n := one.counters[name]:
                found.append(f"line {one.line or i} counted {n:,} {_words(name)}")
    if expected_hash is not None and played.book_hash != expected_hash:
        found.append(f"the books end with {_hex(played.book_hash)}, not {_hex(expected_hash)}")
    return found


def as_json(
    file: InputFile, recording: Recording, played: Played, found: Sequence[str] | None
) -> str:
    """Everything, one JSON object."""
    value = {
        "schema": "redline.replay/1",
        "file": str(file.path),
        "sha256": file.sha256,
        "source": recording.source,
        "protocol": recording.protocol,
        "framing": recording.framing,
        "n_records": len(recording.recs),
        "skips": dict(recording.skips),
        "n_messages": played.n_messages,
        "message_hash": _hex(played.message_hash),
        "book_hash": _hex(played.book_hash),
        "last_sequence": played.last_seq,
        "n_orders": played.n_orders,
        "n_levels": played.n_levels,
        "n_lost": played.n_lost,
        "elapsed_ns": played.elapsed_ns,
        "interrupted": played.interrupted,
        "qty_decimals": played.qty_decimals,
        "damage": played.damage,
        "lines": [
            {"line": str(one.line) if one.line else None, "counters": dict(one.counters)}
            for one in played.lines
        ],
        "skew_ns": None
        if played.skew is None
        else {
            "least": played.skew.least,
            "median": played.skew.median,
            "p99": played.skew.p99,
            "most": played.skew.most,
        },
        "counters": {group: dict(counted) for group, counted in played.counters.items()},
        "lateness_ns": {
            "n": played.lateness.n,
            **{
                f"p{pct:g}".replace(".", "_"): played.lateness.percentile(pct)
                for pct in (50, 99, 99.9)
            },
            "max": played.lateness.max,
        },
        "instruments": [_instrument(row) for row in played.instruments],
        "check": None if found is None else {"ok": not found, "problems": list(found)},
    }
    return json.dumps(value, indent=1, ensure_ascii=False)


def as_text(
    file: InputFile, recording: Recording, played: Played, found: Sequence[str] | None
) -> str:
    """For people: what was played, what it left, and counters that are not zero."""
    lines = [
        f"{file.path}: {file.description}",
        *_rows(_played_rows(recording, played)),
        *_best_prices(played),
        *_counters(recording, played),
    ]
    if any(one.counters[name] for one in played.lines for name in ("conflicts", "stale")):
        lines.append("the lines differ: are they of one stream? choose those that are by --line")
    if played.interrupted:
        lines.append("interrupted: this is how far it came")
    if found is not None:
        lines += [f"check FAILED: {problem}" for problem in found] or ["check passed"]
    return "\n".join(lines) + "\n"


def show_progress(counters: Mapping[str, Mapping[str, int]]) -> None:
    """One line on a terminal, written over and over."""
    sent, read = counters["sent"], counters["read"]
    print(
        f"\r{read['loops']:,} loops, {read['delivered']:,} messages, "
        f"{sent['messages_unsent']:,} unsent",
        end="\x1b[K\r",
        file=sys.stderr,
        flush=True,
    )


def _played_rows(recording: Recording, played: Played) -> Iterator[tuple[str, str]]:
    sent, read = played.counters["sent"], played.counters["read"]
    seconds = played.elapsed_ns / NS_PER_S
    rate = f", {read['delivered'] / seconds:,.0f}/s" if seconds else ""
    spoken = recording.protocol + (f" in {recording.framing}" if recording.framing else "")
    yield "speaks", spoken
    yield "played", f"{sent['records']:,} records in {seconds:.3f} s"
    if read["loops"] > 1:
        yield "loops", f"{read['loops']:,}"
    yield "delivered", f"{read['delivered']:,} messages{rate}"
    yield "lost", f"{played.n_lost:,}"
    for one in played.lines:
        if one.line is not None:
            n, wins = one.counters["packets"], one.counters["wins"]
            yield f"line {one.line}", f"{n:,} packets, {wins:,} of them first"
    if played.skew is not None:
        s = played.skew
        yield (
            "skew",
            f"first line later by {_us(s.median)} (median), "
            f"{_us(s.least)} to {_us(s.most)}, p99 {_us(s.p99)}",
        )
    if played.lateness.n:
        late = played.lateness
        yield (
            "late by",
            f"{_us(late.percentile(50))} (median), {_us(late.percentile(99))} (p99), "
            f"{_us(late.max)} (most)",
        )
    yield (
        "books",
        f"{len(played.instruments):,} instruments, {played.n_orders:,} orders, "
        f"{played.n_levels:,} levels",
    )
    yield "last sequence", str(played.last_seq)
    yield "message hash", _hex(played.message_hash)
    yield "book hash", _hex(played.book_hash)


def _best_prices(played: Played) -> Iterator[str]:
    """The instruments with most orders and levels, busiest first."""
    all_of = played.instruments
    size = all_of["n_orders"].sum(axis=1) + all_of["n_levels"].sum(axis=1)
    busiest = [int(i) for i in np.argsort(-size.astype(np.int64), kind="stable")[:SHOWN] if size[i]]
    if not busiest:
        return

    def qty(best: dict[str, int]) -> str:
        units, rest = divmod(best["qty"], 10**played.qty_decimals)
        fraction = f"{rest:0{played.qty_decimals}d}".rstrip("0") if rest else ""
        return f"{units:,}" + (f".{fraction}" if fraction else "")

    cells = [("", "bid", "ask", "levels", "orders", "state")]
    for i in busiest:
        one = _instrument(all_of[i])
        bid, ask = one["bid"], one["ask"]
        cells.append(
            (
                one["symbol"] or f"#{i}",
                "-" if bid is None else f"{qty(bid)} @ {_price(bid['px_nano'])}",
                "-" if ask is None else f"{_price(ask['px_nano'])} @ {qty(ask)}",
                "{:,}/{:,}".format(*one["n_levels"]),
                "{:,}/{:,}".format(*one["n_orders"]),
                one["state"] if one["is_sure"] else f"{one['state']}, in doubt",
            )
        )
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    yield ""
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(all_of) > len(busiest):
        yield f"and {len(all_of) - len(busiest):,} more"


def _counters(recording: Recording, played: Played) -> Iterator[str]:
    rows = [(f"skipped {_words(name)}", f"{n:,}") for name, n in recording.skips.items() if n]
    told = {"records", "messages", "bytes", "loops_sent", "frames", "packets", "delivered", "loops"}
    for group, counted in played.counters.items():
        if group in ("sent", "read"):
            counted = {name: n for name, n in counted.items() if name not in told}
        rows += [(f"{group} {_words(name)}", f"{n:,}") for name, n in counted.items() if n]
    for i, one in enumerate(played.lines):
        title = f"line {one.line or i}"
        rows += [(f"{title} {_words(name)}", f"{n:,}") for name, n in one.counters.items() if n]
    if rows:
        yield ""
        yield from _rows(rows)


def _rows(pairs: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    rows = list(pairs)
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        yield f"{name:<{width}}  {text}"


def _instrument(row: np.void) -> dict[str, Any]:
    def best(side: str) -> dict[str, int] | None:
        px = int(row[f"{side}_px_nano"])
        return None if px == PX_NONE else {"px_nano": px, "qty": int(row[f"{side}_qty"])}

    return {
        "symbol": bytes(row["symbol"]).decode("ascii", "replace"),
        "bid": best("bid"),
        "ask": best("ask"),
        "n_levels": [int(n) for n in row["n_levels"]],
        "n_orders": [int(n) for n in row["n_orders"]],
        "state": STATES[int(row["state"])],
        "is_sure": bool(row["is_sure"]),
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


def _hex(value: int) -> str:
    return f"{value:#018x}"


def _price(nano: int) -> str:
    """With two decimals at least, as people write prices."""
    whole, _, rest = format_price(abs(nano)).partition(".")
    return f"{'-' if nano < 0 else ''}{whole}.{rest:0<2}"


def _us(ns: int) -> str:
    return f"{ns / 1000:,.1f} us"
