"""The statistics of a real order-by-order feed, kept in a file instead of the feed.

`python -m harness.traffic.calibrate MBO.dbn.zst ...` reads captures of market-by-order records
(DBN, compressed or not) in the order given and prints a calibration: how often orders are added,
cancelled, re-priced, reduced and executed; where in the book; which of the live orders; and when.
The synthetic stream (csrc/rig/synth/synth.h) draws from these tables. Nothing in the file is a
message, a price or a time of the capture: only counts, shares and quantiles, all of them integers.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.errors import RedlineError

SCHEMA: Final = "redline.calibration/1"

# Probabilities of the tables, in 1/10000: every percent, finer where tails live.
GRID: Final = (*range(0, 9900, 100), *range(9900, 9990, 10), *range(9990, 10001))

OPS: Final = ("add", "cancel", "reprice", "reduce", "grow", "execute_full", "execute_part")

ABOUT: Final = {
    "source": "what was observed",
    "n_messages": "operations counted, that is the sum of ops",
    "grid": "probabilities of every table, in 1/10000",
    "ops": "operations counted: add, cancel, reprice (price moves), reduce and grow (only the "
    "quantity), execute_full and execute_part (fills that remove or reduce the resting order)",
    "live_orders": "orders in the book at the end",
    "levels": "bid and ask levels at the end",
    "permille.wide_spread": "operations that find a spread of more than one tick",
    "permille.bbo_change": "operations that change best price or its quantity on either side",
    "permille.bbo_price_change": "operations that change the best price of either side",
    "permille.reprice_keeps_qty": "re-pricings that leave the quantity as it was",
    "permille.last_fill_part": "last fills of a trade that leave some of an order larger than 1",
    "tables.add_ticks_tight": "ticks of a new order behind its side's best, spread of one tick",
    "tables.add_ticks_wide": "the same with a wider spread; below 0 improves the best",
    "tables.cancel_age": "live orders that are younger than the cancelled one",
    "tables.reduce_age": "live orders that are younger than the reduced one",
    "tables.reprice_from_ticks": "ticks behind the best that a re-priced order leaves",
    "tables.reprice_to_ticks": "ticks behind the best to which it goes",
    "tables.live_ticks": "ticks behind the best of the orders in the book at the end",
    "tables.order_qty": "quantity of a new order",
    "tables.reduce_left_permille": "share of its quantity that a reduced order keeps",
    "tables.fills": "fills of one trade",
    "tables.burst": "messages that arrive with one timestamp",
    "tables.gap_ppm": "time between such bursts, in 1e-6 of the mean time between messages",
    "tables.rank_touched": "better levels on the side of the level that an operation touches",
    "tables.ticks_touched": "ticks of that level behind the best",
}

TABLES: Final = tuple(key.removeprefix("tables.") for key in ABOUT if key.startswith("tables."))
PERMILLES: Final = tuple(
    key.removeprefix("permille.") for key in ABOUT if key.startswith("permille.")
)


class CalibrationError(RedlineError):
    """A capture or a calibration that cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one calibration file; `ABOUT` says what each field is."""

    source: str
    ops: dict[str, int]
    live_orders: int
    levels: tuple[int, int]
    permille: dict[str, int]
    tables: dict[str, tuple[int, ...]]

    @property
    def n_messages(self) -> int:
        return sum(self.ops.values())

    def draws(self, table: str, n: int = 4096) -> npt.NDArray[np.int32]:
        """`n` equally likely values of a table: the form in which the generator draws from it."""
        at = (np.arange(n) + 0.5) * (GRID[-1] / n)
        values = np.interp(at, GRID, self.tables[table])
        return np.asarray(np.clip(np.rint(values), -(2**31), 2**31 - 1), dtype=np.int32)

    def to_json(self) -> str:
        """The file's text: stable, one table a line."""
        head = {
            "schema": SCHEMA,
            "source": self.source,
            "about": ABOUT,
            "n_messages": self.n_messages,
            "ops": self.ops,
            "live_orders": self.live_orders,
            "levels": list(self.levels),
            "permille": self.permille,
            "grid": list(GRID),
        }
        lines = [f"  {json.dumps(key)}: {_json(value)}" for key, value in head.items()]
        tables = [f"    {json.dumps(name)}: {json.dumps(v)}" for name, v in self.tables.items()]
        lines.append('  "tables": {\n' + ",\n".join(tables) + "\n  }")
        return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    """Dictionaries with a line a key, everything else on one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    rows = (f"    {json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
    return "{\n" + ",\n".join(rows) + "\n  }"


def load(path: Path | None = None) -> Calibration:
    """The calibration in a file, or the one that is shipped. Raises CalibrationError."""
    where = str(path) if path else "calibration/default.json"
    try:
        source = path or resources.files(__package__) / "calibration" / "default.json"
        document = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{where}: {error}") from None
    return _from_document(document, where)


def _from_document(document: Any, where: str) -> Calibration:
    def need(ok: bool, what: str) -> None:
        if not ok:
            raise CalibrationError(f"{where}: {what}")

    def counts(key: str, names: tuple[str, ...]) -> dict[str, int]:
        found = document.get(key)
        ok = isinstance(found, dict) and set(found) == set(names)
        need(ok, f"{key}: wants {', '.join(names)}")
        for name in names:
            value = found[name]
            need(type(value) is int and value >= 0, f"{key}.{name}: not a count: {value!r}")
        return {name: found[name] for name in names}

    need(isinstance(document, dict), "not an object")
    need(document.get("schema") == SCHEMA, f"schema: wants {SCHEMA}")
    need(document.get("grid") == list(GRID), "grid: not the probabilities of this version")
    ops = counts("ops", OPS)
    need(sum(ops.values()) > 0, "ops: nothing was counted")
    permille = counts("permille", PERMILLES)
    need(max(permille.values()) <= 1000, "permille: above 1000")
    tables = document.get("tables")
    ok = isinstance(tables, dict) and set(tables) == set(TABLES)
    need(ok, f"tables: wants {', '.join(TABLES)}")
    for name in TABLES:
        row = tables[name]
        ok = isinstance(row, list) and len(row) == len(GRID) and all(type(v) is int for v in row)
        need(ok and row == sorted(row), f"tables.{name}: wants {len(GRID)} rising integers")
    levels = document.get("levels")
    need(isinstance(levels, list) and len(levels) == 2, "levels: wants two numbers")
    live = document.get("live_orders")
    need(all(type(v) is int and v > 0 for v in (live, *levels)), "live_orders, levels: not counts")
    return Calibration(
        source=str(document.get("source", "")),
        ops=ops,
        live_orders=live,
        levels=(levels[0], levels[1]),
        permille=permille,
        tables={name: tuple(tables[name]) for name in TABLES},
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m harness.traffic.calibrate",
        description="statistics of market-by-order captures, for the synthetic stream",
    )
    parser.add_argument("captures", nargs="+", type=Path, metavar="MBO.dbn.zst")
    parser.add_argument("--source", default="order by order", help="what was observed, for people")
    parser.add_argument("--out", type=Path, help="write here instead of to the terminal")
    args = parser.parse_args(argv)
    from harness.traffic.observe import observe, read_mbo

    try:
        text = observe([read_mbo(path) for path in args.captures], args.source).to_json()
        if args.out:
            args.out.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)
    except (RedlineError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
