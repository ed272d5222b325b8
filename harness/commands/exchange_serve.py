"""`redline exchange serve`: an exchange that FIX and OUCH clients log on to.

Runs until Ctrl-C or SIGTERM, logs everybody out, and leaves with 0; with 2 for a mistake in the
command line, the configuration, or an address that is taken, with 3 for missing rights.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import HostError, RedlineError

if TYPE_CHECKING:
    from engine.exchange.server import Server
    from harness.config.exchange import CrowdConfig, ExchangeConfig


def serve(
    fix: Annotated[
        str | None,
        typer.Option(metavar="[HOST]:PORT", help="Where FIX is spoken; :PORT is the loopback's."),
    ] = None,
    ouch: Annotated[
        str | None, typer.Option(metavar="[HOST]:PORT", help="Where OUCH over SoupBinTCP is.")
    ] = None,
    market_data: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT[,HOST:PORT]", help="Where ITCH goes by UDP: line A, line B."
        ),
    ] = None,
    retransmission: Annotated[
        str | None,
        typer.Option(metavar="[HOST]:PORT", help="Where missed market data is asked for (UDP)."),
    ] = None,
    symbols: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="What is listed; without it, whatever an order names."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="All of it as YAML; options here come on top."),
    ] = None,
    max_connections: Annotated[
        int | None, typer.Option(metavar="N", help="More are closed at once.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep sessions there: they go on after a restart."),
    ] = None,
    dictionaries: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="FIX40.xml ...: messages are held against them."),
    ] = None,
    crowd: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Everybody else: an ITCH file, replayed as orders."),
    ] = None,
    crowd_rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Its messages a second; 1k/s.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="End after so long.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines instead of text.")
    ] = False,
) -> None:
    """Serve an exchange until Ctrl-C: any FIX client may log on and trade.

    Example: redline exchange serve --fix :9880 --symbols AAPL,MSFT
    """
    written = _config(config)
    updates = _options(
        fix=fix,
        ouch=ouch,
        market_data=market_data,
        retransmission=retransmission,
        symbols=symbols,
        max_connections=max_connections,
        config=written,
    )
    if store is not None:
        updates["store"] = str(store)
    if dictionaries is not None:
        updates["dictionaries"] = str(dictionaries)
    if crowd is not None:
        updates["crowd"] = _crowd(crowd, crowd_rate)
    chosen = written.model_copy(update=updates)
    if chosen.fix is None and chosen.ouch is None:
        raise RedlineError("exchange serve: nowhere to listen; give --fix :PORT or --ouch :PORT")
    if seconds is not None and not 0 <= seconds < 1e9:
        raise RedlineError(f"--for: not a length of time in seconds: {seconds:g}")
    _make_store(chosen.store)
    try:
        import engine.exchange.server  # noqa: F401 - the extension may be missing
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None
    _run(chosen.engine(config), seconds=seconds, as_json=as_json)


def _run(server_config: Server, *, seconds: float | None, as_json: bool) -> None:
    from engine.exchange.server import ExchangeServer, ServerError
    from harness.exchange.serve import closing, closing_text, listening, listening_text

    asked_to_end = False

    def end(signum: int, frame: FrameType | None) -> None:
        nonlocal asked_to_end
        asked_to_end = True

    try:
        server = ExchangeServer(server_config)
    except ServerError as error:
        raise _unserved(error, server_config) from None
    with _signals(end):
        said = listening(server, [one.name for one in server_config.symbols])
        _print(said, listening_text(said), as_json=as_json)
        try:
            server.run(lambda: not asked_to_end, seconds=seconds)
            server.stop()
            said = closing(server)
            _print(said, closing_text(said), as_json=as_json)
        finally:
            server.close()


@contextlib.contextmanager
def _signals(end: Any) -> Iterator[None]:
    """Ctrl-C and SIGTERM end it in order; a second one finds the same."""
    were = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, was in were.items():
            signal.signal(number, was)


def _print(said: Mapping[str, Any], lines: Iterator[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(said, sort_keys=True, ensure_ascii=False))
    else:
        for line in lines:
            print(line)
    sys.stdout.flush()  # who waits for the ports reads a pipe


def _crowd(file: Path, rate: str | None) -> CrowdConfig:
    from harness.config import units
    from harness.config.exchange import CrowdConfig

    if rate is not None:
        _read("--crowd-rate", units.positive(units.parse_rate), rate)
    return CrowdConfig.model_validate(
        {"file": str(file)} if rate is None else {"file": str(file), "rate": rate}
    )


def _config(path: Path | None) -> ExchangeConfig:
    from harness.config.exchange import ExchangeConfig, load_exchange
    from harness.config.loader import project_data

    return ExchangeConfig() if path is None else load_exchange(project_data(path))


def _options(
    *,
    fix: str | None,
    ouch: str | None,
    market_data: str | None,
    retransmission: str | None,
    symbols: str | None,
    max_connections: int | None,
    config: ExchangeConfig,
) -> dict[str, Any]:
    """What the command line says, checked as the file is; the error names the option."""
    from harness.config.exchange import (
        MAX_CONNECTIONS,
        MarketDataConfig,
        SymbolConfig,
        parse_address,
        parse_symbol,
    )

    updates: dict[str, Any] = {}
    if fix is not None:
        updates["fix"] = _read("--fix", parse_address, fix)
    if ouch is not None:
        updates["ouch"] = _read("--ouch", parse_address, ouch)
    if symbols is not None:
        names = [_read("--symbols", parse_symbol, name) for name in symbols.split(",")]
        if len(set(names)) < len(names):
            raise RedlineError(f"--symbols: one of them is given twice: {symbols}")
        updates["symbols"] = tuple(SymbolConfig(name=name) for name in names)
    if market_data is not None:
        lines = tuple(_read("--market-data", parse_address, one) for one in market_data.split(","))
        if len(lines) > 2:
            raise RedlineError(f"--market-data: two lines at most: {market_data}")
        updates["market_data"] = MarketDataConfig(lines=lines)
    if retransmission is not None:
        data = updates.get("market_data", config.market_data)
        if data is None:
            raise RedlineError("--retransmission: of what? give --market-data HOST:PORT")
        requests = _read("--retransmission", parse_address, retransmission)
        updates["market_data"] = data.model_copy(update={"requests": requests})
    if max_connections is not None:
        if not 1 <= max_connections <= MAX_CONNECTIONS:
            raise RedlineError(f"--max-connections: not 1 to {MAX_CONNECTIONS}: {max_connections}")
        updates["connections"] = config.connections.model_copy(update={"max": max_connections})
    return updates


def _read(option: str, parse: Any, text: str) -> str:
    try:
        return str(parse(text))
    except ValueError as error:
        raise RedlineError(f"{option}: {error}") from None


def _make_store(store: str | None) -> None:
    if store is None:
        return
    try:
        Path(store).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RedlineError(f"{store}: {(error.strerror or str(error)).lower()}") from None


def _unserved(error: Any, config: Server) -> RedlineError:
    """The address that cannot be had, and why."""
    lines = (*config.market_data, "", "")
    address = {
        "fix": config.fix,
        "ouch": config.ouch,
        "market data A": lines[0],
        "market data B": lines[1],
        "market data requests": config.market_data_requests,
    }.get(error.where)
    text = f"{error.where} {address}: {error.text}" if address else str(error)
    if error.needs_rights:
        return HostError(f"{text} (ports below 1024 need rights; take a higher one)")
    return RedlineError(text)
