"""`redline replay`: plays a capture into books, or through a port, and says how it ended.

Exits with 0, with 1 when a check fails, with 2 for a mistake in the command line or the capture,
and with 130 when it was interrupted; what was played until then is printed all the same.
"""

from __future__ import annotations

import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from engine.market.replay import Line, Pace, Protocol

PROTOCOLS = ("itch", "dbn", "fix", "mdp3", "ice", "binance")


def replay(
    capture: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="An ITCH, DBN, FIX, Binance, pcap or pcapng capture; .zst, .gz and .bz2 too.",
        ),
    ],
    protocol: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"What packets speak: {', '.join(PROTOCOLS)}."),
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR:PORT", help="Play this UDP destination; repeat for line B."),
    ] = None,
    speed: Annotated[
        str | None, typer.Option(metavar="SPEED", help="recorded, 2x, 0.5x ...: by its own times.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="So many messages a second, like 1M/s.")
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--max", help="As fast as it can be read; the default.")
    ] = False,
    loops: Annotated[
        int, typer.Option(min=0, metavar="N", help="How often; 0 is until interrupted.")
    ] = 1,
    into: Annotated[
        str, typer.Option(metavar="WHERE", help="book, or port: sent and received first.")
    ] = "book",
    qty_decimals: Annotated[
        int | None,
        typer.Option(min=0, max=18, metavar="N", help="Quantities count 10^-N (FIX, Binance)."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Fail when the book is damaged or messages are lost.")
    ] = False,
    expect_hash: Annotated[
        str | None,
        typer.Option(metavar="0xHASH", help="Fail when the books end with another hash."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Play a capture and say which books it leaves.

    Example: redline replay capture.pcapng --line 224.0.31.1:14310 --line 224.0.32.1:15310 --check
    """
    try:
        import engine
        from engine.market.replay import play
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None
    from harness.report import replayed
    from harness.traffic.captures import recording_of
    from harness.traffic.inputs import open_input

    wanted = None if expect_hash is None else _hash(expect_hash)
    pace = _pace(speed, rate, at_once)
    lines = [_line(text) for text in line or []]
    if into not in ("book", "port"):
        raise RedlineError(f"--into: neither book nor port: {into!r}")
    if protocol is not None and protocol not in PROTOCOLS:
        raise RedlineError(f"--protocol: not one of {', '.join(PROTOCOLS)}: {protocol!r}")
    file = open_input(capture)
    recording = recording_of(file, protocol=cast("Protocol | None", protocol), lines=lines)
    try:
        played = play(
            recording,
            pace=pace,
            loops=loops,
            into=cast(Literal["book", "port"], into),
            qty_decimals=qty_decimals,
            progress=replayed.show_progress if sys.stderr.isatty() else None,
        )
    except (engine.EngineError, ValueError) as error:
        said = error.strerror if isinstance(error, engine.EngineError) else str(error)
        raise RedlineError(f"{capture}: {said or error}") from None
    problems = replayed.problems(played, wanted) if check or wanted is not None else None
    if as_json:
        print(replayed.as_json(file, recording, played, problems))
    else:
        print(replayed.as_text(file, recording, played, problems), end="")
    if played.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(ExitCode.FAIL if problems else ExitCode.READY)


def _pace(speed: str | None, rate: str | None, at_once: bool) -> Pace:
    from engine.market.replay import Pace
    from harness.config import units

    if (speed is not None) + (rate is not None) + at_once > 1:
        raise RedlineError("--speed, --rate and --max: only one of them")
    try:
        if rate is not None:
            return Pace.at_rate(units.positive(units.parse_rate)(rate))
        if speed is not None:
            return Pace.as_recorded(_speed(speed))
    except ValueError as error:  # UnitError is one
        raise RedlineError(f"--{'rate' if rate is not None else 'speed'}: {error}") from None
    return Pace.at_once()


def _speed(text: str) -> Fraction:
    if text == "recorded":
        return Fraction(1)
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)x", text)
    if match is None or not Fraction(match[1]):
        raise ValueError(f"not a speed: {text!r} (write it like recorded, 2x or 0.5x)")
    return Fraction(match[1])


def _line(text: str) -> Line:
    from engine.market.replay import Line

    try:
        return Line.parse(text)
    except ValueError as error:
        raise RedlineError(f"--line: {error}") from None


def _hash(text: str) -> int:
    if not re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        raise RedlineError(
            f"--expect-hash: not a hash: {text!r} (write it like 0x0123456789abcdef)"
        )
    return int(text, 16)
