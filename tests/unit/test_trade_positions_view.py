"""engine.trade.positions: what readers see of a ledger, and what no ledger takes."""

from __future__ import annotations

import mmap
import os
import random
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine import _core
from engine.market import Side
from engine.trade.positions import (
    ACCOUNT,
    MARK,
    POSITION,
    Ledger,
    LedgerView,
    Method,
    money,
    view_bytes,
)

METHODS = [Method.AVERAGE, Method.FIFO]
N_LOTS = 5


def test_another_process_reads_the_ledger_out_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(bytes(view_bytes(2, 3)))
    with path.open("r+b") as file:
        ledger = Ledger(METHODS, 3, N_LOTS, memory=mmap.mmap(file.fileno(), 0))
    assert ledger.fill(1, 2, Side.SELL, 10**9, 7)
    assert ledger.mark(2, 2 * 10**9, 5)
    assert ledger.fee(1, 2, -(2**100))
    pid = os.fork()
    if pid == 0:  # pragma: no cover - the child ends without a word
        with path.open("rb") as file:
            view = LedgerView(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        same = view.read_position(1, 2) == ledger.position(1, 2)
        same = same and view.read_account(1) == ledger.account(1)
        os._exit(0 if same and view.read_mark(2) == 2 * 10**9 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_live_arrays_follow_the_ledger_and_cannot_be_written() -> None:
    ledger = Ledger(METHODS, 3, N_LOTS)
    view = ledger.view()
    net, fees = view.positions["net"], view.accounts["fees_low"]
    assert ledger.fill(1, 2, Side.BUY, 100, 7)
    assert ledger.fee(1, 2, 11)
    assert net.tolist() == [[0, 0, 0], [0, 0, 7]]
    assert fees.tolist() == [0, 11]
    assert money(view.positions[1, 2], "cash") == -711
    assert ledger.mark(0, -5, 9)
    assert view.marks["px_nano"].tolist() == [-5, -(2**63), -(2**63)]
    for rows in (view.positions, view.accounts, view.marks):
        assert not rows.flags.writeable
    out, valid = view.read_positions()
    assert valid.all()
    assert out["net"].tolist() == net.tolist()
    assert (out["sequence"] == 0).all()


def test_a_view_outlives_its_ledger() -> None:
    ledger = Ledger(METHODS, 1, N_LOTS)
    view = ledger.view()
    assert ledger.fill(0, 0, Side.BUY, 100, 7)
    del ledger
    position = view.read_position(0, 0)
    assert position is not None
    assert position.net == 7


def test_a_row_that_is_being_written_is_not_read() -> None:
    memory = bytearray_of_lines(view_bytes(2, 1))
    ledger = Ledger(METHODS, 1, N_LOTS, memory=memory)
    view = ledger.view()
    rows = np.frombuffer(memory, POSITION, 2, view_bytes(2, 1) - 2 * POSITION.itemsize)
    rows["sequence"][0] |= 1
    assert view.read_position(0, 0) is None
    assert view.read_position(1, 0) is not None
    _, valid = view.read_positions()
    assert valid.tolist() == [[False], [True]]


def bytearray_of_lines(n_bytes: int) -> memoryview:
    """Zeroed, and where a cache line begins."""
    rough = np.zeros(n_bytes + 64, np.uint8)
    at = -rough.ctypes.data % 64
    return memoryview(rough[at : at + n_bytes])


@pytest.mark.parametrize("n_bytes", [0, 63, 64, 1000])
def test_bytes_that_are_no_view_are_refused(n_bytes: int) -> None:
    with pytest.raises(ValueError, match="memory"):
        LedgerView(bytearray_of_lines(n_bytes))
    with pytest.raises(ValueError, match="memory"):
        Ledger(METHODS, 9, memory=bytearray_of_lines(n_bytes))


def test_rows_are_as_long_as_in_c() -> None:
    memory = bytearray_of_lines(view_bytes(2, 3))
    Ledger(METHODS, 3, memory=memory)
    assert _core.ledger_view_shape(memory) == (2, 3)
    with pytest.raises(ValueError, match="memory"):
        _core.ledger_view_shape(memory[:-1])
    for what, dtype in enumerate((POSITION, ACCOUNT, MARK)):
        valid = np.empty(7, np.bool_)
        _core.ledger_view_read(memory, what, 0, np.zeros(7, dtype), valid)
        assert valid.sum() == (6, 2, 3)[what]
        with pytest.raises(ValueError, match="out"):
            _core.ledger_view_read(memory, what, 0, np.zeros(7, np.uint64), valid)
    with pytest.raises(ValueError, match="what"):
        _core.ledger_view_read(memory, 3, 0, np.zeros(7, MARK), np.empty(7, np.bool_))


# --- hostile arguments ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("methods", "n_instruments", "n_lots"),
    [([], 1, 0), ([0] * 65, 1, 0), ([2], 1, 0), ([0], 0, 0), ([0], 65536, 0), ([1], 1, 2**31)],
)
def test_a_ledger_of_an_impossible_size_is_refused(
    methods: list[Method], n_instruments: int, n_lots: int
) -> None:
    with pytest.raises(ValueError, match="Ledger"):
        Ledger(methods, n_instruments, n_lots)


def test_numbers_beyond_their_range_are_an_error_and_not_another_number() -> None:
    ledger = Ledger(METHODS, 2, N_LOTS)
    for args in [(0, 0, 0, 1, -1), (0, 0, 0, 2**63, 1), (0, 0, 256, 1, 1), (2**32, 0, 0, 1, 1)]:
        with pytest.raises(ValueError, match="is not"):
            ledger.fill(*args)
    for fee in (2**127, -(2**127) - 1):
        with pytest.raises(ValueError, match="128 bits"):
            ledger.fee(0, 0, fee)
    with pytest.raises(TypeError, match="not an integer"):
        ledger.fee(0, 0, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="account"):
        ledger.account(2)
    with pytest.raises(ValueError, match="no instrument 2"):
        ledger.position(0, 2)
    with pytest.raises(IndexError):
        ledger.view().read_position(0, 2)
    assert not ledger.fill(2, 0, 0, 1, 1)
    assert not ledger.fill(0, 2, 0, 1, 1)
    assert not ledger.fill(0, 0, 2, 1, 1)
    assert ledger.hash() == Ledger(METHODS, 2, N_LOTS).hash()


def test_the_same_life_has_the_same_hash_and_another_does_not() -> None:
    def life(seed: int, n: int) -> int:
        rng, ledger = random.Random(seed), Ledger(METHODS, 2, 100)
        for _ in range(n):
            ledger.fill(rng.randrange(2), rng.randrange(2), rng.randrange(2), 5, rng.randrange(9))
        return ledger.hash()

    hashes = {life(seed, n) for seed in range(5) for n in (50, 51, 60)}
    assert len(hashes) > 10
    assert life(3, 50) == life(3, 50)
