"""`redline net wire`, and `redline net flood --impair`: faults, and whether they came as told.

They exit with 0 when the packets that arrived are those that were told beforehand, and with 1 when
one is not.
"""

from __future__ import annotations

import json
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.net_common import interruptible, need_engine
from harness.errors import ExitCode, RedlineError

if TYPE_CHECKING:
    from harness.config.impair import Impairment
    from harness.faults.floods import ImpairedFlood, Load
    from harness.net.paths import Path

PORTS = ("udp", "afpacket", "afxdp")
MAX_COUNT = 10_000_000
DEFAULT_RATE = "20k/s"


def wire(
    delay: Annotated[str | None, typer.Option(metavar="TIME", help="Of every packet.")] = None,
    jitter: Annotated[
        str | None, typer.Option(metavar="TIME", help="On top of it, at most.")
    ] = None,
    reorder: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Leave behind the next one.")
    ] = None,
    loss: Annotated[str | None, typer.Option(metavar="SHARE", help="Are lost.")] = None,
    duplicate: Annotated[str | None, typer.Option(metavar="SHARE", help="Leave twice.")] = None,
    corrupt: Annotated[str | None, typer.Option(metavar="SHARE", help="Are changed.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Datagrams a second, or max; 20k/s.")
    ] = None,
    line_rate: Annotated[
        str | None, typer.Option(metavar="BITS", help="Of the wire: 100Mbit/s.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", help="Datagrams.")] = 10_000,
    size: Annotated[int, typer.Option(metavar="BYTES", help="Of each.")] = 64,
    port: Annotated[str, typer.Option(metavar="PORT", help="udp, afpacket or afxdp.")] = "udp",
    seed: Annotated[int, typer.Option(metavar="N", help="Of all that is drawn.")] = 1,
    cpus: Annotated[
        str | None, typer.Option("--cpus", metavar="A,B", help="Who sends, who is the wire.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Send datagrams through a cable of software, and say how well it kept to its plan.

    Example: redline net wire --delay 10us --jitter 2us --reorder 0.2% --count 50000
    """
    need_engine()
    from harness.faults.wire_check import wire_impairment

    if port not in PORTS:
        raise RedlineError(f"--port: not one of {', '.join(PORTS)}: {port!r}")
    if not 0 <= seed < 1 << 63:
        raise RedlineError(f"--seed: not 0 to 2^63 - 1: {seed}")
    config = wire_impairment(
        delay=delay,
        jitter=jitter,
        reorder=reorder,
        loss=loss,
        duplicate=duplicate,
        corrupt=corrupt,
        rate=line_rate,
        seed=seed,
    )
    load = _load(port, rate or DEFAULT_RATE, size, count)
    with interruptible():
        floods = _floods(config, load, cpus)
    _judge(floods, as_json=as_json)


def impaired_flood(
    file: FilePath,
    path: Path,
    rate: str,
    size: int,
    duration: str,
    cpus: str | None,
    *,
    as_json: bool,
) -> None:
    """A flood through what the file asks for, on every line and direction that it names."""
    from harness.config import units
    from harness.config.impair import load_impairment
    from harness.net.pattern import read_rate

    if path.backend not in PORTS:
        raise RedlineError(f"--impair: --port is one of {', '.join(PORTS)}, not {path.backend}")
    per_s = read_rate(rate)
    if per_s is None:
        raise RedlineError("--impair: how many? give --rate 50k/s or the like, and --for")
    try:
        seconds = units.positive(units.parse_duration)(duration) / 1e9
    except units.UnitError as error:
        raise RedlineError(f"--for: {error}") from None
    config = load_impairment(file)
    load = _load(path.backend, rate, size, max(round(seconds * per_s), 1))
    with interruptible():
        floods = _floods(config, load, cpus, file=file)
    _judge(floods, as_json=as_json)


def _load(port: str, rate: str, size: int, count: int) -> Load:
    from harness.faults.floods import Load
    from harness.faults.plan import CORRUPT_AT
    from harness.net.flood import MAX_BYTES
    from harness.net.pattern import read_rate

    low = CORRUPT_AT + 8  # there is something behind the header that can be changed
    if not low <= size <= MAX_BYTES:
        raise RedlineError(f"--size: not {low} to {MAX_BYTES} bytes: {size}")
    if not 1 <= count <= MAX_COUNT:
        raise RedlineError(f"--count: not 1 to {MAX_COUNT} datagrams: {count}")
    return Load(port=port, count=count, size=size, rate_per_s=read_rate(rate))  # type: ignore[arg-type]


def _floods(
    config: Impairment, load: Load, cpus: str | None, *, file: FilePath | None = None
) -> list[ImpairedFlood]:
    """One after the other, on a bench with a line for each that is named."""
    from engine import clock as engine_clock
    from harness.bench.netns import netns_bench
    from harness.config.impair import load_impairment
    from harness.faults.floods import run_floods
    from harness.faults.network import offered
    from harness.net.place import choose_cpus
    from harness.net.rtt import CALIBRATION_NS

    pair = choose_cpus(cpus)
    lines = tuple(dict.fromkeys(entry.line for entry in config.impair))
    with netns_bench(lines=lines, wire=config.needs_wire) as bench:
        if file is not None:  # once more, against what there is here: the error names the line
            config = load_impairment(file, offered(load.port, bench))
        clock = engine_clock.calibrate(CALIBRATION_NS)
        return list(
            run_floods(bench, config, load, clock=clock, cpu=pair.rig, wire_cpu=pair.engine)
        )


def _judge(floods: list[ImpairedFlood], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_as_json(one) for one in floods], indent=1, sort_keys=True))
    else:
        for one in floods:
            for line in one.lines():
                print(line)
    if not all(one.passed for one in floods):
        raise typer.Exit(ExitCode.FAIL)


def _as_json(one: ImpairedFlood) -> dict[str, Any]:
    errors = one.release_errors
    return {
        "line": one.way.line,
        "direction": one.way.direction,
        "port": one.load.port,
        "sent": one.n_sent,
        "arrived": len(one.seen),
        "counted": one.counted,
        "told": one.prediction is not None,
        "differences": list(one.differences),
        "release_error_ns": None
        if errors is None or not errors.n
        else {
            "min": errors.min,
            "p50": errors.percentile(50),
            "p99": errors.percentile(99),
            "max": errors.max,
        },
    }
