"""QuickFIX, as a client that nobody here wrote: it trades, is cut off, recovers, and agrees."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.server import ExchangeServer, Server, Symbol

from .conftest import ROOT

SOURCE = ROOT / "tests" / "clients" / "quickfix_trader.cpp"
ORDERS = 10_000
CUTS = 4
PATIENCE_S = 150


def dictionary() -> Path:
    for place in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared" / "data"):
        if place and (path := Path(place) / "fix" / "dictionaries" / "FIX44.xml").is_file():
            return path
    pytest.skip("no FIX44.xml: neither in $REDLINE_DATA nor in ../shared/data")


@pytest.fixture(scope="module")
def trader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, compiled."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++")
    if not Path("/usr/include/quickfix/SocketInitiator.h").exists():
        pytest.skip("libquickfix-dev is not installed")
    program = tmp_path_factory.mktemp("clients") / "quickfix_trader"
    subprocess.run(
        [compiler, "-std=c++14", "-Wno-deprecated", SOURCE, "-o", program, "-lquickfix"],
        check=True,
    )
    return program


class Wire:
    """Between client and exchange, so that connections can be cut in the middle of anything."""

    def __init__(self, address: str, cut_after: int, cuts: int) -> None:
        host, _, port = address.rpartition(":")
        self.upstream = (host, int(port))
        self.cut_after, self.cuts_left, self.n_bytes = cut_after, cuts, 0
        self.n_cut = 0
        self.lock = threading.Lock()
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()
        self._cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.upstream)
            with self.lock:
                self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                with self.lock:
                    self.n_bytes += len(data)
                    is_due = self.cuts_left > 0 and self.n_bytes > self.cut_after
                    if is_due:
                        self.n_bytes, self.cuts_left = 0, self.cuts_left - 1
                if is_due:
                    sink.sendall(data[: len(data) // 2])  # in the middle of a message
                    self._cut()
                    return
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _cut(self) -> None:
        """Resets every connection: nothing under way arrives."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
            self.n_cut += bool(pairs)
        for one in (end for pair in pairs for end in pair):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def trade(trader: Path, port: int, orders: int, seed: int, *dictionary: Path) -> dict[str, Any]:
    done = subprocess.run(
        [trader, "127.0.0.1", str(port), "FIX.4.4", str(orders), str(seed), *dictionary],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout[:2000]
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["settled"]
    assert done.stderr == ""  # what it did not expect, in its words
    return found


def agree(found: dict[str, Any], server: ExchangeServer) -> None:
    """Orders, executions and positions: each desk's, the other desk's, and the venue's."""
    desks = found["desks"]
    for desk in desks.values():
        assert desk["surprises"] == desk["rejects"] == 0
        assert desk["open"] == desk["venue"]  # what is open, and how far it is
    executions = [
        (int(exec_id) // 8, tuple(fill))
        for desk in desks.values()
        for exec_id, fill in desk["fills"].items()
    ]
    matches = Counter(match for match, _ in executions)
    assert set(matches.values()) == {2}  # each trade has two sides, and both were told
    assert len(matches) == server.counters()["trades"]
    sums: Counter[tuple[int, str, int, str]] = Counter()
    for match, (symbol, side, qty, price) in executions:
        sums[match, symbol, qty, price] += side
    assert set(sums.values()) == {0}
    for symbol in ("AAPL", "MSFT"):
        held = [desk["position"].get(symbol, 0) for desk in desks.values()]
        assert sum(held) == 0
    assert server.counters()["orders"] == sum(desk["orders"] for desk in desks.values())


@dataclass(frozen=True)
class Day:
    found: dict[str, Any]
    server: ExchangeServer
    wire: Wire


@pytest.fixture(scope="module")
def day(trader: Path) -> Iterator[Day]:
    config = Server(
        fix="127.0.0.1:0",
        symbols=(Symbol("AAPL"), Symbol("MSFT")),
        numbers={"store_messages": 1 << 17, "store_bytes": 1 << 26, "n_fix_sessions": 4},
    )
    with ExchangeServer(config) as server:
        wire = Wire(server.addresses["fix"], cut_after=600_000, cuts=CUTS)
        try:
            found = trade(trader, wire.port, ORDERS, 1, dictionary())
        finally:
            wire.close()
        yield Day(found, server, wire)


def test_quickfix_trades_ten_thousand_orders_is_cut_off_and_agrees(day: Day) -> None:
    desks = day.found["desks"].values()
    assert day.wire.cuts_left == 0
    assert sum(desk["logons"] for desk in desks) > 2
    assert sum(desk["orders"] for desk in desks) == ORDERS
    assert sum(desk["replaces"] for desk in desks) > ORDERS / 5
    assert sum(desk["cancels"] for desk in desks) > ORDERS / 10
    assert day.server.counters()["resent"] > 0
    agree(day.found, day.server)


def test_a_desk_without_an_order_is_told_so_and_agrees(trader: Path) -> None:
    with ExchangeServer(
        Server(fix="127.0.0.1:0", symbols=(Symbol("AAPL"), Symbol("MSFT")))
    ) as server:
        wire = Wire(server.addresses["fix"], cut_after=0, cuts=0)
        try:
            found = trade(trader, wire.port, 1, 1, dictionary())
        finally:
            wire.close()
        assert sorted(desk["orders"] for desk in found["desks"].values()) == [0, 1]
        assert all(desk["surprises"] == 0 for desk in found["desks"].values())
        assert all(desk["open"] == desk["venue"] for desk in found["desks"].values())


def test_an_execution_that_one_side_lacks_is_noticed(day: Day) -> None:
    found = copy.deepcopy(day.found)
    next(desk for desk in found["desks"].values() if desk["fills"])["fills"].popitem()
    with pytest.raises(AssertionError):
        agree(found, day.server)


def test_an_order_that_one_side_has_otherwise_is_noticed(day: Day) -> None:
    found = copy.deepcopy(day.found)
    desk_open = found["desks"]["ALICE"]["open"]
    order = next(iter(desk_open), "Q0")  # a desk may end its day with nothing open
    cum, leaves = desk_open.get(order, (0, 0))
    desk_open[order] = [cum + 1, leaves]
    with pytest.raises(AssertionError):
        agree(found, day.server)
