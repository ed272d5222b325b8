"""`redline net`: small tools for networks, of use without the rest.

    redline net ports
    redline net rtt --port afxdp
    redline net echo --port udp --listen :9000
    redline net flood --source bpf-live --port afxdp
    redline net wire --delay 10us --jitter 2us

They exit with 0, with 1 when numbers that must agree do not, with 2 for a mistake in the command
line and with 3 when this host, or this user's rights on it, cannot do it; the missing right or
program is named.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.net_common import address, interruptible, need_engine
from harness.commands.net_echo import echo
from harness.commands.net_wire import impaired_flood, wire
from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from engine.market import Stream
    from harness.net.flood import Plan
    from harness.net.paths import Path
    from harness.net.rtt import Settings

net = typer.Typer(help="Ports of this host: round trips, floods, an echo.")
net.command()(echo)
net.command()(wire)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Cpus = Annotated[
    str | None, typer.Option("--cpus", metavar="A,B", help="Who asks or sends, who answers.")
]
Loopback = Annotated[
    bool, typer.Option("--loopback", help="Stay on loopback, also with the rights for a bench.")
]

MAX_COUNT = 100_000_000
WARMUP = 1000
MAX_REPEATS = 1000
MAX_SECONDS = 3600.0
PORT_HELP = "shm, udp, tcp, afpacket or afxdp."


@net.command()
def ports(
    loopback: Loopback = False,
    as_json: Json = False,
) -> None:
    """Say which ports can be had here, what they obtain, and why not the others.

    Example: redline net ports
    """
    need_engine()
    from harness.net import ports as tried
    from harness.net.place import place
    from harness.net.text import ports_text

    with interruptible(), place(on_loopback=loopback) as where:
        rows = tried.table(where)
    _print([row.as_json() for row in rows], ports_text(rows), as_json=as_json)


@net.command()
def rtt(
    port: Annotated[str, typer.Option(metavar="PORT", help=PORT_HELP)] = "udp",
    mode: Annotated[
        str,
        typer.Option(
            metavar="MODE", help="auto, zero-copy, native, generic, spin, block or busy-poll."
        ),
    ] = "auto",
    size: Annotated[int, typer.Option(metavar="BYTES", help="Of a datagram.")] = 64,
    count: Annotated[str, typer.Option(metavar="N", help="Round trips, like 20k.")] = "20k",
    cpus: Cpus = None,
    accel: Annotated[
        str,
        typer.Option(metavar="WHO", help="onload or vma: has to have taken over the sockets."),
    ] = "none",
    stamps: Annotated[
        bool, typer.Option("--stamps", help="Have arrivals stamped, by the NIC or the kernel.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Ask an echo of somebody else (udp, tcp)."),
    ] = None,
    compare_all: Annotated[
        bool, typer.Option("--matrix", help="All ports in turns, beside sockperf.")
    ] = False,
    repeats: Annotated[int, typer.Option(metavar="K", help="Runs of each; best and median.")] = 1,
    loopback: Loopback = False,
    as_json: Json = False,
) -> None:
    """Measure round trips, never halved, on a bench of its own or on loopback.

    Example: redline net rtt --matrix --repeats 5
    """
    need_engine()
    from harness.net.paths import MATRIX, path_of
    from harness.net.rtt import Settings

    chosen = path_of(port, mode, accel)
    n = _count(count)
    settings = Settings(size=_size(size), count=n, warmup=min(n, WARMUP), stamps=stamps)
    if not 1 <= repeats <= MAX_REPEATS:
        raise RedlineError(f"--repeats: not 1 to {MAX_REPEATS}: {repeats}")
    if to is not None:
        if compare_all:
            raise RedlineError("--matrix and --to: only one of them")
        _rtt_to(to, chosen, settings, repeats, cpus, as_json=as_json)
        return
    _rtt_here(
        list(MATRIX) if compare_all else [chosen],
        settings,
        repeats,
        cpus,
        loopback=loopback,
        as_json=as_json,
        beside_others=compare_all,
    )


@net.command()
def flood(
    source: Annotated[
        str, typer.Option(metavar="WHO", help="blast, bpf-live, pktgen, scapy or tcpreplay.")
    ] = "blast",
    port: Annotated[str, typer.Option(metavar="PORT", help=PORT_HELP)] = "afxdp",
    mode: Annotated[str, typer.Option(metavar="MODE", help="As of `net rtt`.")] = "auto",
    rate: Annotated[
        str, typer.Option(metavar="RATE", help="Frames a second, like 500k/s, or max.")
    ] = "max",
    pattern: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="constant, poisson, recorded, burst:16@1us, onoff:10ms/40ms, ramp:1k/s..9k/s@1s.",
        ),
    ] = "constant",
    size: Annotated[int, typer.Option(metavar="BYTES", help="Of a datagram.")] = 64,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long.")] = "1s",
    packed: Annotated[
        int,
        typer.Option(metavar="N", help="Market data instead, N messages in each datagram."),
    ] = 0,
    impair: Annotated[
        FilePath | None,
        typer.Option(metavar="FILE", help="What goes wrong on the way (loss, duplicates ...)."),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="A line from every source that can be had.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of poisson and recorded times.")] = 1,
    cpus: Cpus = None,
    loopback: Loopback = False,
    as_json: Json = False,
) -> None:
    """Send numbered frames by the clock, and say what became of each.

    Example: redline net flood --port afpacket --rate 100k/s --pattern burst:16@1us --for 3s
    """
    need_engine()
    from engine import clock as engine_clock
    from harness.net import sources
    from harness.net.paths import path_of
    from harness.net.place import choose_cpus, place
    from harness.net.rtt import CALIBRATION_NS
    from harness.net.text import compare_text, flood_text

    if source not in sources.SOURCES:
        raise RedlineError(f"--source: not one of {', '.join(sources.SOURCES)}: {source!r}")
    path = path_of(port, mode)
    if impair is not None:
        if compare or packed or source != "blast" or pattern != "constant" or mode != "auto":
            raise RedlineError("--impair goes with --port, --rate, --size, --for and --cpus only")
        impaired_flood(impair, path, rate, _size(size), duration, cpus, as_json=as_json)
        return
    plan = _plan(rate, pattern, size, duration, packed, seed, path)
    pair = choose_cpus(cpus)
    clock = engine_clock.calibrate(CALIBRATION_NS)
    size_text = f"{plan.pack} messages a datagram" if packed else f"{plan.size} bytes"
    heading = f"flood: {size_text}, {plan.pattern}, {duration}, CPUs {pair.rig} and {pair.engine}"
    with interruptible(), place(on_loopback=loopback) as where:
        if compare:
            results = sources.compare(path, where, plan, pair, clock, _progress)
        else:
            results = [sources.run(source, path, where, plan, pair, clock)]
    if compare:
        _print(
            [one.as_json() for one in results],
            compare_text(results, heading=heading),
            as_json=as_json,
        )
    else:
        _print(results[0].as_json(), flood_text(results[0], heading=heading), as_json=as_json)
    if any(one.broken for one in results):
        raise typer.Exit(ExitCode.FAIL)


# ---- Round trips --------------------------------------------------------------------------------


def _rtt_here(
    paths: list[Path],
    settings: Settings,
    repeats: int,
    cpus: str | None,
    *,
    loopback: bool,
    as_json: bool,
    beside_others: bool,
) -> None:
    from engine import clock as engine_clock
    from harness.net import dpdk, sockperf
    from harness.net import rtt as measured
    from harness.net.place import choose_cpus, place
    from harness.net.rtt import Peer
    from harness.net.text import rtt_text

    pair = choose_cpus(cpus)
    clock = engine_clock.calibrate(measured.CALIBRATION_NS)
    with interruptible(), place(on_loopback=loopback) as where:
        peers = (
            [
                Peer(dpdk.NAME, "memory", lambda: dpdk.measure(settings, pair)),
                Peer(sockperf.NAME, where.kind, lambda: sockperf.measure(where, settings, pair)),
            ]
            if beside_others
            else []
        )
        rows = measured.matrix(
            paths,
            where,
            settings,
            pair,
            clock,
            repeats,
            peers=peers,
            progress=_progress if beside_others else lambda name: None,
        )
        kind = where.kind
    if not any(row.runs for row in rows):
        raise HostError(f"{rows[0].name}: {rows[0].missing}")
    heading = (
        f"{settings.size} bytes, {settings.count} round trips after {settings.warmup}, "
        f"{kind}, CPUs {pair.rig} and {pair.engine}"
    )
    told = {
        "size": settings.size,
        "count": settings.count,
        "repeats": repeats,
        "cpus": [pair.rig, pair.engine],
        "where": kind,
        "rows": [row.as_json() for row in rows],
    }
    _print(told, rtt_text(rows, heading=heading, repeats=repeats), as_json=as_json)


def _rtt_to(
    to: str, path: Path, settings: Settings, repeats: int, cpus: str | None, *, as_json: bool
) -> None:
    """Against an echo somewhere: `redline net echo`, or whoever sends back what comes."""
    from engine import clock as engine_clock
    from harness.net import rtt as measured
    from harness.net.place import choose_cpus
    from harness.net.text import rtt_text

    if path.backend not in ("udp", "tcp"):
        raise RedlineError(f"--to: only udp and tcp ask somebody else, not {path.backend}")
    peer = address("--to", to)
    cpu = choose_cpus(cpus).rig
    clock = engine_clock.calibrate(measured.CALIBRATION_NS)
    with interruptible():
        runs = [measured.measure_to(peer, path, settings, cpu, clock) for _ in range(repeats)]
    row = measured.Row(name=f"{path.name} to {to}", where="somebody else", runs=runs)
    heading = f"{settings.size} bytes, {settings.count} round trips after {settings.warmup}"
    told = {"size": settings.size, "count": settings.count, "repeats": repeats, "cpus": [cpu],
            "where": to, "rows": [row.as_json()]}  # fmt: skip
    _print(
        told,
        rtt_text([row], heading=f"{heading}, CPU {cpu}", repeats=repeats),
        as_json=as_json,
    )


# ---- What floods --------------------------------------------------------------------------------


def _plan(
    rate: str,
    pattern: str,
    size: int,
    duration: str,
    packed: int,
    seed: int,
    path: Path,
) -> Plan:
    from harness.config import units
    from harness.net.flood import Plan
    from harness.net.pattern import read_pattern, read_rate

    try:
        seconds = units.positive(units.parse_duration)(duration) / 1e9
    except units.UnitError as error:
        raise RedlineError(f"--for: {error}") from None
    if seconds > MAX_SECONDS:
        raise RedlineError(f"--for: longer than {MAX_SECONDS:g} s: {duration}")
    if not 0 <= seed < 1 << 63:
        raise RedlineError(f"--seed: not 0 to 2^63 - 1: {seed}")
    per_s = read_rate(rate)
    schedule = read_pattern(pattern, per_s, seed)
    stream, n_bytes = (None, _size(size)) if packed == 0 else _market_data(packed, path)
    said = "as fast as it goes" if schedule is None else f"{pattern} at {rate}"
    if pattern.startswith("ramp"):
        said = pattern  # has its own rates
    return Plan(
        seconds=seconds,
        size=n_bytes,
        schedule=schedule,
        stream=stream,
        pack=max(packed, 1),
        pattern=said,
    )


def _market_data(packed: int, path: Path) -> tuple[Stream, int]:
    """Messages to send over and over, and the longest datagram that so many of them make."""
    from harness.net.flood import HEADER_BYTES, MAX_BYTES
    from harness.traffic.synthetic import make

    if packed < 1:
        raise RedlineError(f"--packed: not a number of messages: {packed}")
    stream = make("itch", seed=1, n_instruments=100, n_orders=10_000, n_messages=100_000).stream
    n_bytes = HEADER_BYTES + packed * (2 + int(stream.recs["n_bytes"].max()))
    if n_bytes > MAX_BYTES and path.backend != "shm":
        most = (MAX_BYTES - HEADER_BYTES) // (2 + int(stream.recs["n_bytes"].max()))
        raise RedlineError(f"--packed: a datagram holds at most {most} messages, not {packed}")
    return stream, n_bytes


# ---- Together -----------------------------------------------------------------------------------


def _count(text: str) -> int:
    """20000, 20k, 1M."""
    digits, scale = text, 1
    for suffix, factor in (("k", 1000), ("M", 1_000_000)):
        if text.endswith(suffix):
            digits, scale = text.removesuffix(suffix), factor
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        raise RedlineError(f"--count: not a number of round trips: {text!r} (write it like 20k)")
    count = int(digits) * scale
    if not 1 <= count <= MAX_COUNT:
        raise RedlineError(f"--count: not 1 to {MAX_COUNT}: {text}")
    return count


def _size(size: int) -> int:
    from harness.net.flood import HEADER_BYTES, MAX_BYTES

    if not HEADER_BYTES <= size <= MAX_BYTES:
        raise RedlineError(f"--size: not {HEADER_BYTES} to {MAX_BYTES} bytes: {size}")
    return size


def _progress(name: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{name} ", end="", file=sys.stderr, flush=True)


def _print(told: object, lines: Iterator[str], *, as_json: bool) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if as_json:
        print(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False))
        return
    for line in lines:
        print(line)
