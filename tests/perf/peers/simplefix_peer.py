"""simplefix, the FIX library of PyPI that has no dependencies: parsing and writing."""

from __future__ import annotations

import sys

import simplefix
from peer import MASK, NOT_PARSED, fold, main, mix, nano
from python_split import OTHER, VALUES, values_of

ABOUT = f"simplefix {simplefix.__version__}" if hasattr(simplefix, "__version__") else "simplefix"
orders: dict[bytes, tuple[str, ...]] = {}
ASKED = (34, 11, 55, 54, 38, 44, 59)


def parse(message: bytes) -> int:
    parser = simplefix.FixParser()
    parser.append_buffer(message)
    found = parser.get_message()
    if found is None:
        return NOT_PARSED
    return values_of([(int(t), v) for t, v in found.pairs], VALUES.get(found.get(35), OTHER))


def read(message: bytes) -> tuple[str, ...]:
    pairs = dict(f.split(b"=", 1) for f in message[:-1].split(b"\x01"))
    return tuple(pairs[b"%d" % tag].decode() for tag in ASKED)


def write(message: bytes) -> bytes:
    order = orders.get(message)
    if order is None:  # the replay that warms up
        order = orders[message] = read(message)
    seq, cl_ord_id, symbol, side, qty, px, force = order
    m = simplefix.FixMessage()
    m.append_pair(8, "FIX.4.4")
    m.append_pair(35, "D")
    m.append_pair(34, seq)
    m.append_pair(49, "REDLINE")
    m.append_pair(56, "EXCHANGE")
    m.append_pair(52, "20260921-13:55:15.038544")
    m.append_pair(11, cl_ord_id)
    m.append_pair(55, symbol)
    m.append_pair(54, side)
    m.append_pair(60, "20260921-13:55:15.038544")
    m.append_pair(38, qty)
    m.append_pair(40, "2")
    m.append_pair(44, px)
    m.append_pair(59, force)
    return bytes(m.encode())


def order_values(message: bytes) -> int:
    """What an order says, whoever wrote it: as order_values of component_encode.c."""
    pairs = dict(f.split(b"=", 1) for f in message[:-1].split(b"\x01"))
    answer = 0
    for tag in (34, 38):
        answer = fold(answer, tag, int(pairs[b"%d" % tag]))
    for tag in (54, 59):
        answer = fold(answer, tag, pairs[b"%d" % tag][0])
    answer = fold(answer, 44, nano(pairs[b"44"]))
    for char in pairs[b"55"]:
        answer = fold(answer, 55, char)
    return answer


if __name__ == "__main__":
    if sys.argv[1] == "parse":
        main(ABOUT, parse, lambda messages, total: mix(total))
    else:
        main(
            ABOUT,
            lambda message: len(write(message)),
            lambda messages, total: sum(mix(order_values(write(m))) for m in messages) & MASK,
        )
