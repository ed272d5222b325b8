"""An exchange in this process: what is taken is given back, and what makes no sense is refused."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")


from engine.exchange.mischief import Mischief
from engine.exchange.server import (
    FIX_VERSIONS,
    ExchangeServer,
    FixSession,
    OuchSession,
    Server,
    ServerError,
    Symbol,
)

SMALL = {
    "n_orders": 64,
    "n_levels_per_side": 16,
    "n_trades": 16,
    "n_connections": 4,
    "n_fix_sessions": 16,
    "n_ouch_sessions": 4,
}


def small(**changed: Any) -> Server:
    return Server(**{"fix": "127.0.0.1:0", "numbers": SMALL, **changed})


def n_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_opening_and_closing_keeps_no_file_and_no_memory() -> None:
    everything = small(
        ouch="127.0.0.1:0",
        symbols=(Symbol("AAPL"),),
        fix_sessions=tuple(FixSession(version, "US", version) for version in FIX_VERSIONS),
        ouch_sessions=(OuchSession("USER"),),
        market_data=("127.0.0.1:9",),
        market_data_requests="127.0.0.1:0",
        mischief=Mischief(seed=1, request_ns=(1, 2, 3)),
    )

    def once() -> None:
        with ExchangeServer(everything):
            pass

    once()
    gc.collect()
    files, blocks = n_open_files(), sys.getallocatedblocks()
    for _ in range(20):
        once()
    gc.collect()
    assert n_open_files() == files
    assert sys.getallocatedblocks() - blocks <= 20


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fix": "nowhere"}, "not an address: 'nowhere'"),
        ({"symbols": (Symbol("X" * 17),)}, "symbol: longer than 16"),
        ({"fix_sessions": (FixSession("FIX.4.4", "U" * 65, "T"),)}, "SenderCompID: longer than 64"),
        ({"ouch_sessions": (OuchSession("SEVENCH"),)}, "user name: longer than 6"),
        ({"numbers": {**SMALL, "n_bears": 1}}, "no such number: n_bears"),
        ({"numbers": {**SMALL, "n_connections": 1 << 40}}, "n_connections: too large"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(changed: dict[str, Any], said: str) -> None:
    files = n_open_files()
    with pytest.raises(ValueError, match=said):
        ExchangeServer(small(**changed))
    assert n_open_files() == files


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fix": None}, "neither FIX nor OUCH is served"),
        ({"numbers": {**SMALL, "n_bytes_rx": 5000}}, "buffers are powers of two"),
        ({"numbers": {**SMALL, "max_message": 100}}, "the longest message"),
        ({"numbers": {**SMALL, "n_fix_sessions": 0}}, "there must be room for a session"),
        ({"market_data_requests": "127.0.0.1:0"}, "retransmission without a line"),
        (
            {"fix_sessions": (FixSession("FIX.4.4", "US", "T"),) * 2},
            "sessions: T: names that are no good",
        ),
    ],
)
def test_what_makes_no_sense_together_is_a_sentence(changed: dict[str, Any], said: str) -> None:
    files = n_open_files()
    with pytest.raises(ServerError, match=said):
        ExchangeServer(small(**changed))
    assert n_open_files() == files


def test_a_closed_exchange_says_so() -> None:
    server = ExchangeServer(small())
    server.close()
    server.close()
    with pytest.raises(ValueError, match="the exchange is closed"):
        server.counters()


def test_a_started_one_is_turned_by_nobody_else() -> None:
    with ExchangeServer(small()) as server:
        with pytest.raises(ValueError, match="it has a thread of its own"):
            server.run(lambda: True, seconds=1)
        with pytest.raises(ValueError, match="it has been started"):
            server._core.start()


def test_one_thread_at_a_time_turns_it() -> None:
    server = ExchangeServer(small())
    going = threading.Event()

    def turn() -> None:
        going.set()
        server._core.turn(0.5)

    thread = threading.Thread(target=turn)
    thread.start()
    going.wait()
    seen: list[str] = []
    while thread.is_alive() and not seen:
        try:
            server.counters()
        except RuntimeError as error:
            seen.append(str(error))
    thread.join()
    assert seen == ["another thread is inside turn()"]
    server.close()


def test_a_decision_that_is_none_is_refused() -> None:
    with ExchangeServer(small()) as server:
        with pytest.raises(ValueError, match="nothing that a venue decides: new"):
            server._core.decide("new")
        with pytest.raises(ValueError, match="no such phase"):
            server._core.decide("phase", phase=9)


def test_versions_are_those_of_the_engine() -> None:
    with ExchangeServer(
        small(fix_sessions=tuple(FixSession(one, "US", one) for one in FIX_VERSIONS))
    ) as server:
        assert [one.version for one in server.sessions()] == list(FIX_VERSIONS)
