"""The lock-free protocols explored to the end, and each of their memory orders shown to be needed.

ThreadSanitizer sees one execution on one machine; the explorer sees all of a small protocol, with
the stale reads that this machine never shows. A third check holds the orders against the C source.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from model.explorer import (  # noqa: E402
    ACQUIRE,
    RELAXED,
    RELEASE,
    Explorer,
    Load,
    Op,
    PlainLoad,
    PlainStore,
    Run,
    Store,
    Swap,
    Thread,
    Update,
    Value,
)
from model.kill import KILL_PROTOCOLS  # noqa: E402
from model.protocols import PROTOCOLS as ALL_BUT_KILL  # noqa: E402
from model.protocols import InC, Protocol  # noqa: E402

PROTOCOLS = [*ALL_BUT_KILL, *KILL_PROTOCOLS]

ORDERED = [(protocol, tag) for protocol in PROTOCOLS for tag in protocol.orders]
# Their every ordered access is in the protocols; other files may have more than is explored.
EXPLORED_WHOLE = [
    "csrc/rig/trial/worker.h",
    "csrc/base/ring.h",
    "csrc/base/record_ring.h",
    "csrc/base/seqlock.h",
    "csrc/market/book/view.h",
    "csrc/market/book/view.c",
    "csrc/market/book/view_write.h",
    "csrc/trade/kill/kill.h",
    "csrc/trade/kill/kill.c",
    "csrc/trade/kill/reset.c",
    "csrc/trade/kill/vitals.h",
    "csrc/trade/kill/on_signal.c",
    "csrc/trade/risk/limits_cell.h",
    "csrc/trade/position/view.h",
    "csrc/trade/position/view.c",
    "csrc/trade/audit/audit.h",
]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.name)
def test_no_execution_breaks_a_promise(protocol: Protocol) -> None:
    result = Explorer(*protocol.program()).run()
    assert result.fault is None
    assert len(result.ends) > 1


@pytest.mark.parametrize(
    ("protocol", "tag"), ORDERED, ids=[f"{p.name}: {tag}" for p, tag in ORDERED]
)
def test_each_order_is_needed(protocol: Protocol, tag: str) -> None:
    assert Explorer(*protocol.program(weakened=tag)).run().fault is not None


# ---- The model is of the code -------------------------------------------------------------------


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)


def order_in_c(source: str, in_c: InC) -> str:
    """The memory order of the one atomic access in this function that has these words."""
    body = re.search(rf"\b{in_c.function}\([^;{{]*\)\n{{\n(.*?)\n}}\n", source, re.DOTALL)
    assert body, f"{in_c.file}: no function {in_c.function}"
    found = [
        re.findall(r"memory_order_(\w+)", statement)[0]
        for statement in re.split("[;{}]", without_comments(body[1]))
        if in_c.words in statement and "memory_order_" in statement
    ]
    assert len(found) == 1, f"{in_c.function}: {len(found)} accesses have '{in_c.words}'"
    return str(found[0])


@pytest.mark.parametrize(
    ("protocol", "tag"), ORDERED, ids=[f"{p.name}: {tag}" for p, tag in ORDERED]
)
def test_the_c_source_has_the_order_that_was_explored(protocol: Protocol, tag: str) -> None:
    in_c = protocol.orders[tag]
    source = (ROOT / in_c.file).read_text()
    assert order_in_c(source, in_c) == in_c.order
    assert f"{tag.split()[0]}" in source, "the comment's tag is missing"


@pytest.mark.parametrize("file", EXPLORED_WHOLE)
def test_no_ordered_access_is_left_out(file: str) -> None:
    source = without_comments((ROOT / file).read_text())
    explored = {c for protocol in PROTOCOLS for c in protocol.orders.values() if c.file == file}
    assert len(re.findall(r"memory_order_(?:acquire|release)", source)) == len(explored)
    assert "memory_order_seq_cst" not in source
    assert "memory_order_acq_rel" not in source


def test_a_weaker_order_in_the_c_source_is_noticed() -> None:
    in_c = InC("x.h", "put", "&r->head", RELEASE)
    source = "static void put(struct r *r)\n{\n    store(&r->head, 1, memory_order_relaxed);\n}\n"
    assert order_in_c(source, in_c) == RELAXED


# ---- The explorer itself, on cases with a textbook answer ----------------------------------------


def ends(*threads: Thread) -> frozenset[tuple[tuple[Value, ...], ...]]:
    result = Explorer({"x": 0, "y": 0}, list(threads)).run()
    assert result.fault is None
    return result.ends


def doing(*ops: Op) -> Thread:
    def run() -> Run:
        for op in ops:  # noqa: UP028 - a tuple cannot be sent the results
            yield op

    return run


@pytest.mark.parametrize(
    ("store", "load", "stale"),
    [
        (RELEASE, ACQUIRE, False),
        (RELAXED, ACQUIRE, True),
        (RELEASE, RELAXED, True),
        (RELAXED, RELAXED, True),
    ],
)
def test_a_message_is_whole_only_with_release_and_acquire(
    store: str, load: str, stale: bool
) -> None:
    found = ends(
        doing(Store("x", 1, RELAXED), Store("y", 1, store)),
        doing(Load("y", load), Load("x", RELAXED)),
    )
    flag_without_data = ((None, None), (1, 0))
    assert (flag_without_data in found) == stale
    assert ((None, None), (1, 1)) in found


def test_release_and_acquire_let_two_threads_miss_each_other() -> None:
    found = ends(
        doing(Store("x", 1, RELEASE), Load("y", ACQUIRE)),
        doing(Store("y", 1, RELEASE), Load("x", ACQUIRE)),
    )
    assert ((None, 0), (None, 0)) in found


def test_a_place_is_never_read_backwards() -> None:
    found = ends(
        doing(Store("x", 1, RELAXED), Store("x", 2, RELAXED)),
        doing(Load("x", RELAXED), Load("x", RELAXED)),
    )
    assert {told for _, told in found} == {(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)}


def test_only_one_of_two_exchanges_wins() -> None:
    claim = Swap("x", 0, 1, RELAXED)
    assert ends(doing(claim), doing(claim)) == {((True,), (False,)), ((False,), (True,))}


def test_two_updates_lose_nothing() -> None:
    more = Update("x", lambda x: x + 1, RELAXED)
    last = Load("x", RELAXED)
    found = ends(doing(more, last), doing(more, last))
    assert {told for told, _ in found} == {(0, 1), (0, 2), (1, 2)}


@pytest.mark.parametrize(("order", "stale"), [(ACQUIRE, False), (RELAXED, True)])
@pytest.mark.parametrize("op", [Swap("x", 1, 2, RELAXED), Update("x", lambda x: x + 1, RELAXED)])
def test_a_change_that_acquires_learns_what_was_released(
    op: Swap | Update, order: str, stale: bool
) -> None:
    found = ends(
        doing(Store("y", 1, RELAXED), Update("x", lambda _: 1, RELEASE)),
        doing(replace(op, order=order), Load("y", RELAXED)),
    )
    read_one = {told[1] for _, told in found if told[0] in (True, 1)}
    assert (0 in read_one) == stale


def test_an_exchange_passes_on_what_was_released_before_it() -> None:
    found = ends(
        doing(Store("y", 1, RELAXED), Store("x", 1, RELEASE)),
        doing(Swap("x", 1, 2, RELAXED)),
        doing(Load("x", ACQUIRE), Load("y", RELAXED)),
    )
    assert not any(told == (2, 0) for *_, told in found)
    assert any(told == (2, 1) for *_, told in found)


@pytest.mark.parametrize("second", [PlainLoad("x"), PlainStore("x", 2), Load("x", ACQUIRE)])
def test_an_unordered_plain_access_is_a_race(second: Op) -> None:
    fault = Explorer({"x": 0}, [doing(PlainStore("x", 1)), doing(second)]).run().fault
    assert fault is not None
    assert "data race" in fault


def test_a_loop_that_nobody_ends_is_reported() -> None:
    fault = Explorer({"x": 0}, [doing(Load("x", ACQUIRE, bool))]).run().fault
    assert fault is not None
    assert fault.startswith("stuck")


def test_two_unordered_writers_are_outside_the_model() -> None:
    write = doing(Store("x", 1, RELAXED))
    with pytest.raises(RuntimeError, match="outside the model"):
        Explorer({"x": 0}, [write, write]).run()
