"""The order store in C beside its oracle: every step is taken by both and compared."""

from __future__ import annotations

from collections import Counter

from reference import orders as o
from reference.order_steps import Step

from engine import _core

N_SLOTS, N_EXECS, EPOCH = 64, 16, 1


def comparable(change: o.Change) -> o.Change:
    """Without the link of a replaced order: the oracle knows the whole chain."""
    return *change[:-1], row(change[-1])  # type: ignore[return-value]


def row(order: o.OrderRow | None) -> o.OrderRow | None:
    if order is None or order[10] != o.REPLACED:
        return order
    return *order[:1], None, *order[2:]


class Pair:
    reference: type[o.Orders] = o.Orders

    def __init__(self) -> None:
        self.c = _core.OrderTable(n_slots=N_SLOTS, n_execs=N_EXECS, epoch=EPOCH)
        self.oracle = self.reference(N_SLOTS, N_EXECS, EPOCH)
        self.n_steps = 0
        self.reserved: Counter[int] = Counter()  # by venue, from changes alone
        self.seen: Counter[int] = Counter()  # flags
        self.tried: set[tuple[int, int]] = set()  # (state, kind)

    def step(self, step: Step) -> list[o.Change]:
        """The changes of one step, after both agreed on them."""
        name, args = step
        self.n_steps += 1
        if name == "event":
            self._note(args)
        if name == "cancel_sent":
            assert self.c.next_cancel_id() == args[0], step
        elif name in ("sent", "replace_sent"):
            assert self.c.next_id() == args[0], step
        seen, wanted = getattr(self.c, name)(*args), getattr(self.oracle, name)(*args)
        changes = seen if name == "disconnect" else [seen]
        wanted = wanted if name == "disconnect" else [wanted]
        assert [comparable(c) for c in changes] == wanted, step
        for change in changes:
            self._add(change)
        return [comparable(c) for c in changes]

    def _note(self, args: tuple[o.Px, ...]) -> None:
        kind, id = args[0], args[1]
        entry = self.oracle.there(id or 0)
        order = entry.order if isinstance(entry, o.Request) else entry
        self.tried.add((order.state if order else o.NONE, kind or 0))

    def _add(self, change: o.Change) -> None:
        flags, was, now, order = change[0], change[5], change[7], change[9]
        self.seen.update(1 << bit for bit in range(11) if flags >> bit & 1)
        if order is not None:
            self.reserved[order[7] or 0] += now - was

    def compare(self) -> None:
        """Everything that can be asked."""
        assert self.c.check() is None
        orders = self.oracle.open()
        assert self.c.open() == [order.id for order in orders]
        assert self.c.counts() == {
            "open": len(orders),
            "replaces": len(self.oracle.waiting(is_cancel=False)),
            "cancels": len(self.oracle.waiting(is_cancel=True)),
        }
        for entry in self.oracle.slots.values():
            known = entry.row() if isinstance(entry, o.Order) else None
            assert row(self.c.find(entry.id)) == known
        # What the changes said adds up to what the open orders reserve: nothing leaks.
        total: Counter[int] = Counter()
        for order in orders:
            total[order.venue] += order.reserved()[0]
        assert +self.reserved == +total
        assert min(self.reserved.values(), default=0) >= 0
