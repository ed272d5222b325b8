"""What the operations are timed on: public captures when they are there, else streams like them.

The order side has no stream: its operations make their own orders, and what its peers read is made
like these.

A capture is looked for in $REDLINE_DATA, then in ../shared/data beside the source tree. A made
input says so in its `note`; its figures compare only with others of the same run.
"""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.market import STREAM_REC, Stream, index
from engine.market.dictionary import Checks, Dictionary
from harness.traffic import synthetic
from harness.traffic.captures import stream_of
from harness.traffic.inputs import open_input

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ("T", "GE", "XOM", "QQQ", "MSFT", "TSLA", "BRKB")
ORDERS = "orders"
LONG_CAPTURE = 1 << 20  # records: more of a capture would only take longer


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A stream, and what it is when it is not the capture of that name; None: ORDERS.

    `n_instruments` and `n_orders` are what books are made for.
    """

    name: str
    stream: Stream | None
    note: str = ""
    n_instruments: int = 256
    n_orders: int = 1 << 17


def capture(name: str) -> Path | None:
    """Where a capture lies, or None."""
    for base in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared/data"):
        if base and (Path(base) / name).is_file():
            return Path(base) / name
    return None


@functools.cache
def get(name: str, made: bool = False) -> Input:
    """An input by the name in the table, `made` even where the capture is there. KeyError for one
    that is none.
    """
    if name == ORDERS:
        return Input(name, None, "made")
    file, make = INPUTS[name]
    path = capture(file) if file and not made else None
    if path is None:
        absent = f": {file} is not in $REDLINE_DATA or ../shared/data"
        return Input(name, make(), "made" + (absent if file and not made else ""))
    stream, _ = stream_of(open_input(path))
    # A message of a file is a message here: nothing wraps it into packets.
    recs = stream.recs[:LONG_CAPTURE]
    return Input(name, Stream(stream.feed, "raw", stream.data, recs, len(recs)))


@functools.cache
def dictionary(name: str) -> Dictionary | None:
    """The QuickFIX data dictionary of that name, or None when it is not there."""
    path = dictionary_path(name)
    if path is None:
        return None
    if not name.startswith("FIX50"):
        return Dictionary.load(path)
    transport = dictionary_path("FIXT11")
    if transport is None:
        return None
    # As the venue of the log amended it: one-way multicast has no sessions, its groups no order.
    return Dictionary.load(path, transport).amended(
        optional=("SenderCompID", "TargetCompID", "MsgSeqNum"),
        extra={"0": ("ApplID",)},
        values={"MDEntryType": {"x": "instrument state", "y": "book state"}},
        checks=Checks(group_order=False),
    )


def dictionary_path(name: str) -> Path | None:
    return capture(f"fix/dictionaries/{name}.xml")


def write(one: Input, prefix: Path) -> None:
    """An input as the two files that a peer reads: PREFIX.bytes and PREFIX.recs."""
    data, recs = fills() if one.stream is None else (one.stream.data, one.stream.recs)
    prefix.with_suffix(".bytes").write_bytes(data)
    prefix.with_suffix(".recs").write_bytes(np.ascontiguousarray(recs).tobytes())


# One execution, as peers/naive_fills.cpp reads it.
FILL = np.dtype(
    [
        *(("id", "<u8"), ("exec", "<u8"), ("qty", "<u8"), ("px_nano", "<i8")),
        *(("instrument", "<u4"), ("side", "<u4")),
    ]
)
N_OPEN, N_SYMBOLS = 4096, 1024


def fills() -> tuple[bytes, npt.NDArray[np.void]]:
    """An execution of one lot of every open order, as oms.fill gets them; and where each lies."""
    made = np.zeros(N_OPEN, dtype=FILL)
    made["id"] = (7 << 24) + np.arange(1, N_OPEN + 1)
    made["exec"] = np.arange(1, N_OPEN + 1)
    made["qty"] = 1
    made["px_nano"] = 100 * 10**9
    made["instrument"] = np.arange(N_OPEN) % N_SYMBOLS
    made["side"] = np.arange(N_OPEN) // N_SYMBOLS % 2
    recs = np.zeros(N_OPEN, dtype=STREAM_REC)
    recs["offset"] = np.arange(N_OPEN) * FILL.itemsize
    recs["n_bytes"] = FILL.itemsize
    recs["n_messages"] = 1
    return made.tobytes(), recs


# ---- made inputs --------------------------------------------------------------------------------


def fix_messages(make: Callable[[random.Random, int], list[tuple[int, str]]], n: int) -> Stream:
    """n messages of FIX 4.4, seeded, with right lengths and checksums."""
    rng = random.Random(20260921)
    data = b"".join(fix_message(make(rng, 1000 + i)) for i in range(n))
    recs = index("fix", data)
    return Stream("fix", "raw", data, recs, len(recs))


def fix_message(fields: list[tuple[int, str]]) -> bytes:
    body = "".join(f"{tag}={value}\x01" for tag, value in fields).encode()
    whole = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
    return whole + b"10=%03d\x01" % (sum(whole) % 256)


def _head(rng: random.Random, kind: str, seq: int) -> list[tuple[int, str]]:
    sides = ("BUYSIDE01", "EXCHSIM1") if kind == "D" else ("EXCHSIM1", "BUYSIDE01")
    return [(35, kind), (34, str(seq)), (49, sides[0]), (56, sides[1]), (52, _time(rng))]


def _time(rng: random.Random) -> str:
    return f"20260921-13:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(10**6):06}"


def _px(rng: random.Random) -> str:
    return f"{rng.uniform(10, 2000):.4f}"


def _qty(rng: random.Random) -> str:
    return str(rng.choice((1, 7, 100, 300, 500, 1000, 2300, 12345)))


def _order(rng: random.Random, seq: int) -> list[tuple[int, str]]:
    return [
        *_head(rng, "D", seq),
        *((11, f"ORD{rng.randrange(10**9):08}"), (1, "ACCT7788"), (21, "1")),
        *((55, rng.choice(SYMBOLS)), (54, rng.choice("12")), (60, _time(rng)), (38, _qty(rng))),
        *((40, "2"), (44, _px(rng)), (59, rng.choice("0136"))),
    ]


def _report(rng: random.Random, seq: int) -> list[tuple[int, str]]:
    last, left = rng.choice((1, 7, 100, 300)), rng.choice((0, 100, 293))
    return [
        *_head(rng, "8", seq),
        *((37, f"EXCH-{rng.randrange(10**10):010}"), (11, f"ORD{rng.randrange(10**9):08}")),
        *((17, f"EXEC-{rng.randrange(10**9):09}"), (150, rng.choice("0F")), (39, rng.choice("12"))),
        *((1, "ACCT7788"), (55, rng.choice(SYMBOLS)), (54, rng.choice("12"))),
        *((38, str(last + left)), (40, "2"), (44, _px(rng)), (59, "0"), (32, str(last))),
        *((31, _px(rng)), (151, str(left)), (14, str(last)), (6, _px(rng)), (60, _time(rng))),
    ]


def _market_data(rng: random.Random, seq: int) -> list[tuple[int, str]]:
    entries = [
        field
        for _ in range(4)
        for field in (
            *((279, rng.choice("012")), (269, rng.choice("01"))),
            *((278, f"E{rng.randrange(10**7):07}"), (55, rng.choice(SYMBOLS)), (270, _px(rng))),
            *((271, _qty(rng)), (346, str(rng.randrange(1, 120)))),
        )
    ]
    return [*_head(rng, "X", seq), (262, "REQ-00017"), (268, "4"), *entries]


def _made_log() -> Stream:
    made = synthetic.make("fix", seed=1, n_instruments=16, n_orders=2000, n_messages=14_000)
    return made.stream


def _made_itch() -> Stream:
    made = synthetic.make("itch", seed=1, n_instruments=200, n_orders=40_000, n_messages=900_000)
    return made.stream


def _made_futures() -> Stream:
    return synthetic.make(
        "itch", seed=2, n_instruments=1, n_orders=11_000, n_messages=60_000
    ).stream


def _made_random() -> Stream:
    return synthetic.make(
        "itch", seed=3, n_instruments=64, n_orders=50_000, n_messages=100_000
    ).stream


# name in the table -> (capture, "" for none; what stands in for it)
INPUTS: dict[str, tuple[str, Callable[[], Stream]]] = {
    "nos_1k": ("fix/nos_1k.fix", lambda: fix_messages(_order, 1000)),
    "er_1k": ("fix/er_1k.fix", lambda: fix_messages(_report, 1000)),
    "mdi_1k": ("fix/mdi_1k.fix", lambda: fix_messages(_market_data, 1000)),
    "fixt11-log": ("fix/fixt11-marketdata.fix", _made_log),
    "itch50-1m": ("itch/itch50-1m.bin.zst", _made_itch),
    "es-mbo": ("l3/esh4-20231225.mbo.dbn.zst", _made_futures),
    "50k-orders": ("", _made_random),
}
