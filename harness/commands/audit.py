"""`redline audit`: proves, exports and replays the log that the order side leaves.

`verify` exits with the class of the first fault: 0 whole, 1 torn tail or no end, 2 damaged or
altered, 3 chain broken or a part missing, 4 numbers, 5 times (docs/reference/audit-format.md). A
directory that holds no log, or cannot be read, exits with 66, which no verdict does; so nobody
takes a wrong path for a damaged log, or the other way round.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import ExitCode, HostError, RedlineError

if TYPE_CHECKING:
    from engine.trade.audit import Verdict

audit = typer.Typer(help="The audit log: what was decided, provably.", no_args_is_help=True)

LogPath = Annotated[Path, typer.Argument(metavar="DIR", help="The directory of an audit log.")]
First = Annotated[
    int,
    typer.Option(
        "--first", min=0, metavar="N", help="Begin with segment N: older ones were moved away."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class NoLogError(RedlineError):
    """There is nothing to judge."""

    exit_code = ExitCode.NO_INPUT


@audit.command()
def verify(
    log: LogPath,
    first: First = 0,
    plain: Annotated[
        bool, typer.Option("--plain", help="By the second verifier: pure Python, slow.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Prove every record of a log; the exit code is the class of the fault.

    Example: redline audit verify runs/20260101T120000Z-0a1b2c/audit
    """
    found = _by_plain(log, first) if plain else _as_json(log, _verify(log, first))
    if as_json:
        print(json.dumps(found, indent=1, sort_keys=True))
    else:
        print(_text(log, found))
    raise typer.Exit(found["fault"])


@audit.command()
def export(
    log: LogPath,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here instead of to stdout.")
    ] = None,
    format: Annotated[str, typer.Option(metavar="NAME", help="jsonl or csv.")] = "jsonl",
    order: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this order, and requests that name it.")
    ] = None,
    account: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only orders of this account.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only these kinds; may be repeated.")
    ] = None,
    first: First = 0,
) -> None:
    """Write the proven records of a log as JSON lines or CSV; what is not proven stays out.

    Exits with 1, after all that is proven was written, when the log is not whole.

    Example: redline audit export runs/20260101T120000Z-0a1b2c/audit --format csv --kind sent
    """
    verdict = _verify(log, first)
    from engine.trade import audit as log_reader
    from harness.audit import export as exporter

    if format not in exporter.FORMATS:
        raise RedlineError(f"--format: neither {' nor '.join(exporter.FORMATS)}: {format!r}")
    which = exporter.Filter(
        order=_order_id(order), account=account, kinds=tuple(_kind(name) for name in kind or [])
    )
    rows = exporter.rows(log_reader.read(log, first_segment=first, verdict=verdict), which)
    write = exporter.FORMATS[format]
    try:
        if out is None:
            n = write(rows, sys.stdout)
            sys.stdout.flush()
        else:
            with out.open("w", newline="") as file:
                n = write(rows, file)
    except BrokenPipeError:
        sys.stderr.close()  # the reader, like head, has what it wanted
        raise typer.Exit(ExitCode.READY) from None
    found = _as_json(log, verdict)
    print(f"{n:,} of {verdict.n_records:,} records. {_text(log, found)}", file=sys.stderr)
    raise typer.Exit(ExitCode.READY if verdict.fault == 0 else ExitCode.FAIL)


@audit.command()
def replay(
    log: LogPath,
    first: First = 0,
    fifo_lots: Annotated[
        int, typer.Option(min=1, metavar="N", help="FIFO lots a position may have had.")
    ] = 1024,
    expect_hash: Annotated[
        str | None, typer.Option(metavar="0xHASH", help="Fail when the state has another hash.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Feed a log to a fresh order side and say which state it ends in.

    Exits with 1 when the log is damaged, or contradicts itself: a record that meets another state
    than the one it tells of, or an engine's final state with another hash.

    Example: redline audit replay runs/20260101T120000Z-0a1b2c/audit
    """
    wanted = None if expect_hash is None else _hash(expect_hash)
    _reader()
    from engine.trade.audit import Fault, replay_log

    done = _read(log, lambda: replay_log(log, first_segment=first, n_fifo_lots=fifo_lots))
    problems = []
    if done.contradiction is not None:
        number, why = done.contradiction
        problems.append(f"record {number}: {why}")
    elif done.verdict.fault > Fault.TORN:
        problems.append(_text(log, _as_json(log, done.verdict)))
    if wanted is not None and done.hash != wanted:
        problems.append(f"the state has hash {_hex(done.hash)}, not {_hex(wanted)}")
    if as_json:
        said = {
            "directory": str(log),
            "hash": _hex(done.hash),
            "n_records": done.n_records,
            "n_starts": done.n_starts,
            "n_stops": done.n_stops,
            "problems": problems,
        }
        print(json.dumps(said, indent=1, sort_keys=True))
    else:
        print(
            f"{log}: {done.n_records:,} records replayed, {done.n_starts} starts, "
            f"{done.n_stops} ends with the engine's hash; final state {_hex(done.hash)}"
        )
        for problem in problems:
            print(problem)
    raise typer.Exit(ExitCode.FAIL if problems else ExitCode.READY)


def _reader() -> Any:
    try:
        from engine.trade import audit as log_reader
    except ImportError as error:
        raise HostError(str(error).splitlines()[0]) from None
    return log_reader


def _read(log: Path, call: Any) -> Any:
    """The call's result; one line when there is nothing to read."""
    import engine

    if log.exists() and not log.is_dir():
        raise NoLogError(f"{log}: is a file; an audit log is a directory of segments")
    try:
        return call()
    except engine.EngineError as error:
        raise NoLogError(f"{log}: {(error.strerror or str(error)).lower()}") from None


def _verify(log: Path, first: int) -> Verdict:
    reader = _reader()
    verdict: Verdict = _read(log, lambda: reader.verify(log, first_segment=first))
    return verdict


def _as_json(log: Path, verdict: Verdict) -> dict[str, Any]:
    fields = asdict(verdict)
    place = {name: fields.pop(name) for name in ("segment", "offset", "record", "text")}
    fields["fault"] = int(verdict.fault)
    fields["head_hash"] = verdict.head_hash.hex()
    fields["class"] = verdict.fault.name.lower()
    fields["directory"] = str(log)
    fields["first_fault"] = None if not fields["fault"] else _place(log, **place)
    return fields


def _place(log: Path, segment: int, offset: int, record: int, text: str) -> dict[str, Any]:
    file = str(log / f"{segment:08d}.audit")
    return {"file": file, "offset": offset, "record": record, "text": text}


def _by_plain(log: Path, first: int) -> dict[str, Any]:
    from harness.audit import verifier

    if log.exists() and not log.is_dir():
        raise NoLogError(f"{log}: is a file; an audit log is a directory of segments")
    try:
        finding = verifier.verify(log, first)
    except OSError as error:
        raise NoLogError(f"{log}: {(error.strerror or str(error)).lower()}") from None
    fields = asdict(finding)
    place = fields.pop("place")
    fields["head_hash"] = finding.head_hash.hex()
    fields["class"] = verifier.CLASSES[finding.fault]
    fields["directory"] = str(log)
    fields["first_fault"] = place and _place(log, **place, text=verifier.TEXTS[finding.fault])
    return fields


def _text(log: Path, found: dict[str, Any]) -> str:
    n = f"{found['n_records']:,} records in {found['n_segments']} segments"
    head = f"head {found['head_number']} {found['head_hash']}"
    fault = found["first_fault"]
    if fault is None:
        return f"{log}: whole: {n}, {head}"
    where = f"{fault['file']}:{fault['offset']}: record {fault['record']}: {fault['text']}"
    return f"{where} ({found['class']}; proven before it: {n}, {head})"


def _order_id(text: str | None) -> int | None:
    from harness.audit.export import id_of

    try:
        return None if text is None else id_of(text)
    except ValueError as error:
        raise RedlineError(f"--order: {error}") from None


def _kind(name: str) -> Any:
    from engine.trade.audit import Kind

    try:
        return Kind[name.upper()]
    except KeyError:
        known = ", ".join(kind.name.lower() for kind in Kind)
        raise RedlineError(f"--kind: not one of {known}: {name!r}") from None


def _hash(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise RedlineError(f"--expect-hash: not a hash: {text!r} (like 0x1f2e...)") from None


def _hex(hash_: int | None) -> str:
    return "none" if hash_ is None else f"0x{hash_:016x}"
