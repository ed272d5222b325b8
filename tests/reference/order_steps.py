"""Seeded steps for order stores: what an engine sends and what a venue, honest or not, says.

A step is a method of OrderTable and its arguments. Most continue what is there; some are wrong in
every way that an argument can be.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from reference import orders as o

Step = tuple[str, tuple[o.Px, ...]]

QTYS = (1, 2, 5, 10, 10, 100)
PRICES = (-5, 0, 1, 7, 7, 10, 100)
ODD_QTYS = (0, 2**63 - 1, 2**63, 2**64 - 1)
ODD_PRICES = (None, -(2**63) + 1, 2**63 - 1)
N_VENUES = 2
# The events of a day, weighted: executions most, then what ends or changes orders.
KINDS = (
    [o.ACK] * 6
    + [o.FILL] * 10
    + [o.IS_CANCELLED, o.CANCEL_REJECT, o.IS_REPLACED, o.REPLACE_REJECT] * 3
    + [o.REJECT, o.IS_EXPIRED, o.BUST, o.BUST, o.CORRECT, o.CORRECT]
    + [o.DISCONNECT, o.STATUS_OPEN, o.STATUS_OPEN, o.STATUS_GONE]
    + [o.SEND, o.CANCEL_SENT, o.REPLACE_SENT, 16, 255]
)


def some_id(rng: random.Random, orders: o.Orders) -> int:
    """Of an order or a request that is there, mostly; else one that never was."""
    entries = list(orders.slots.values())
    if not entries or rng.random() < 0.04:
        return rng.choice((0, 1, orders.next + 5, 2**64 - 1))
    if rng.random() < 0.5:
        live = [e for e in entries if (e.is_open if isinstance(e, o.Order) else not e.is_over)]
        entries = live or entries
    return rng.choice(entries).id


def some_exec(rng: random.Random, orders: o.Orders) -> int:
    """One that was booked, also one long forgotten."""
    if not orders.execs or rng.random() < 0.05:
        return rng.choice((0, 3, 2**64 - 1))
    last = orders.execs[-2 * orders.n_execs :] if rng.random() < 0.3 else orders.execs[-6:]
    return rng.choice(last).exec


def some_qty(rng: random.Random, rest: int) -> int:
    if rng.random() < 0.03:
        return rng.choice(ODD_QTYS)
    return rng.choice((rest, max(1, rest // 2), rest + 1, *QTYS)) or 1


def some_px(rng: random.Random) -> o.Px:
    return rng.choice(ODD_PRICES) if rng.random() < 0.03 else rng.choice(PRICES)


def send(rng: random.Random, orders: o.Orders) -> Step:
    kind = int(rng.random() < 0.1)
    return "sent", (
        orders.next_id(),
        rng.randrange(2),
        some_qty(rng, 10),
        None if kind else some_px(rng),
        rng.randrange(3),
        rng.randrange(2),
        rng.randrange(2),
        rng.randrange(N_VENUES),
        kind,
        rng.randrange(5),
        0,
        rng.randrange(100),
    )


def cancel(rng: random.Random, orders: o.Orders) -> Step:
    return "cancel_sent", (orders.next_cancel_id(), some_id(rng, orders))


def replace(rng: random.Random, orders: o.Orders) -> Step:
    can = [order.id for order in orders.open() if order.state in (o.WORKING, o.PARTIAL)]
    return "replace_sent", (
        orders.next_id(),
        rng.choice(can) if can and rng.random() < 0.8 else some_id(rng, orders),
        some_qty(rng, rng.choice(QTYS)),
        some_px(rng),
    )


def event(rng: random.Random, orders: o.Orders) -> Step:
    kind, id = rng.choice(KINDS), some_id(rng, orders)
    entry = orders.there(id)
    order = entry.order if isinstance(entry, o.Request) else entry
    orig = 0
    if rng.random() < 0.25:
        orig = order.id if order and rng.random() < 0.8 else some_id(rng, orders)
    exec = len(orders.execs) + 1000 if rng.random() < 0.8 else some_exec(rng, orders)
    qty, px = some_qty(rng, order.rest if order else 1), some_px(rng)
    ref = some_exec(rng, orders)
    if rng.random() < 0.2 and orders.execs:  # again, or nearly
        x = orders.execs[-1]
        exec, qty, px = x.exec, x.qty, x.px if rng.random() < 0.8 else px
        id = x.order.id
    if kind == o.IS_REPLACED and rng.random() < 0.7:
        qty, px = 0, None
    return "event", (kind, id, orig, exec, ref, qty, px)


def relieve(rng: random.Random, orders: o.Orders) -> Step:
    """A crowded table: one order less."""
    order = rng.choice(orders.open())
    if rng.random() < 0.5:
        return "event", (o.IS_CANCELLED, order.id, 0, 0, 0, 0, None)
    qty, exec = max(1, order.total - order.cum), len(orders.execs) + 1000
    return "event", (o.FILL, order.id, 0, exec, 0, qty, rng.choice(PRICES))


def disconnect(rng: random.Random, orders: o.Orders) -> Step:
    return "disconnect", (rng.randrange(N_VENUES + 1),)


WEIGHTS: list[tuple[Callable[[random.Random, o.Orders], Step], int]] = [
    (send, 20),
    (cancel, 7),
    (replace, 8),
    (event, 64),
    (disconnect, 1),
]


def step(rng: random.Random, orders: o.Orders) -> Step:
    """The next one; ids are taken from the store that the step is for."""
    if len(orders.open()) > 3 * orders.n_slots // 8:
        return relieve(rng, orders)
    (make,) = rng.choices([m for m, _ in WEIGHTS], [w for _, w in WEIGHTS])
    return make(rng, orders)
