"""`redline net echo`: sends back what comes, until Ctrl-C or SIGTERM; then it leaves with 0.

Sockets answer who speaks first; ports of whole frames answer UDP and frames of our own, with MACs,
addresses and ports exchanged; `xdp` does that inside the driver, for one UDP port.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from harness.commands.net_common import address, need_engine
from harness.errors import HostError, RedlineError

if TYPE_CHECKING:
    from engine.net import Port
    from engine.net.port import Backend
    from harness.net.paths import Path

SLICE_S = 0.2  # between two looks whether it shall end, where a program answers


def echo(
    port: Annotated[
        str, typer.Option(metavar="PORT", help="udp, tcp, afpacket, afxdp, or xdp.")
    ] = "udp",
    listen: Annotated[
        str | None,
        typer.Option(metavar="[HOST]:PORT", help="Where udp, tcp and xdp listen."),
    ] = None,
    interface: Annotated[
        str | None, typer.Option(metavar="IF", help="Of afpacket, afxdp and xdp.")
    ] = None,
    mode: Annotated[str, typer.Option(metavar="MODE", help="As of `net rtt`.")] = "auto",
    cpu: Annotated[int | None, typer.Option(metavar="N", help="Who answers.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", help="End after so long.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines instead of text.")
    ] = False,
) -> None:
    """Send back what comes, until Ctrl-C.

    Example: redline net echo --port udp --listen :9000
    """
    need_engine()
    if seconds is not None and not 0 < seconds < 1e9:
        raise RedlineError(f"--for: not a length of time in seconds: {seconds:g}")
    with _ended_by_signals():
        if port == "xdp":
            _in_driver(interface, listen, mode, seconds, as_json=as_json)
        else:
            _by_thread(port, listen, interface, mode, cpu, seconds, as_json=as_json)


class _Ended(BaseException):
    """A signal asked for the end; no error."""


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    def end(signum: int, frame: FrameType | None) -> None:
        raise _Ended

    were = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Ended:
        pass  # before it answered anything
    finally:
        for number, was in were.items():
            signal.signal(number, was)


def _by_thread(
    port: str,
    listen: str | None,
    interface: str | None,
    mode: str,
    cpu: int | None,
    seconds: float | None,
    *,
    as_json: bool,
) -> None:
    from engine.net import echo as run
    from harness.net.paths import RAW, path_of
    from harness.net.place import choose_cpus

    if port == "shm":
        raise RedlineError("--port: shm lies within one process: nobody could ask")
    path = path_of(port, mode)
    own_cpu = choose_cpus(None).engine if cpu is None else cpu
    with ExitStack() as stack:
        opened = stack.enter_context(
            _raw(path, interface, listen)
            if path.backend in RAW
            else _socket(path, interface, listen)
        )
        at = interface if path.backend in RAW else "{}:{}".format(*opened.local)
        mode_text = f" ({opened.caps.mode})" if opened.caps.mode else ""
        _say(
            {"event": "listening", "port": path.backend, "at": at, "mode": opened.caps.mode,
             "cpu": own_cpu},
            f"{path.name} echo at {at}{mode_text}, CPU {own_cpu}; Ctrl-C ends it",
            as_json=as_json,
        )  # fmt: skip
        with contextlib.suppress(_Ended), _explained(path.name):
            max_ns = None if seconds is None else round(seconds * 1e9)
            run(opened, cpu=own_cpu, blocks=path.blocks, max_ns=max_ns)
        stats = opened.stats()
    _say(
        {"event": "ended", **stats},
        f"received {stats['rx_frames']}, sent back {stats['tx_frames']}, "
        f"not understood {stats['rx_invalid']}, dropped by the kernel {stats['rx_dropped']}",
        as_json=as_json,
    )


def _socket(path: Path, interface: str | None, listen: str | None) -> Port:
    from engine.net import open_port

    if interface is not None:
        raise RedlineError(f"--interface: {path.backend} listens at an address: --listen :PORT")
    if listen is None:
        raise RedlineError("--listen: nowhere to listen: give --listen :PORT")
    with _explained(path.name):
        return open_port(
            cast("Backend", path.backend),
            local=address("--listen", listen),
            listen=path.backend == "tcp",
            wait=path.wait,
        )


def _raw(path: Path, interface: str | None, listen: str | None) -> Port:
    """Every frame of an interface: none that carries the way in to this machine."""
    from engine.net import open_port

    if listen is not None:
        raise RedlineError(f"--listen: {path.backend} answers a whole interface: --interface IF")
    name = _interface(interface, path.backend)
    with _explained(path.name):
        return open_port(
            cast("Backend", path.backend),
            interface=name,
            framed=False,
            wait=path.wait,
            xdp_mode=path.xdp_mode,
        )


def _in_driver(
    interface: str | None, listen: str | None, mode: str, seconds: float | None, *, as_json: bool
) -> None:
    from engine.net import XdpEcho

    if mode not in ("auto", "native", "generic"):
        raise RedlineError(f"--mode: xdp is auto, native or generic, not {mode}")
    if listen is None:
        raise RedlineError("--listen: which UDP port? give --listen :PORT")
    _, number = address("--listen", listen)
    name = _interface(interface, "xdp")
    with _explained("xdp"):
        program = XdpEcho(name, udp_port=number, hook=cast("Any", mode))
    with program:
        _say(
            {"event": "listening", "port": "xdp", "at": f"{name}:{number}", "mode": program.hook},
            f"xdp echo at {name}, UDP port {number} ({program.hook}); Ctrl-C ends it",
            as_json=as_json,
        )
        end = None if seconds is None else time.monotonic() + seconds
        with contextlib.suppress(_Ended):
            while end is None or time.monotonic() < end:
                time.sleep(SLICE_S if end is None else min(SLICE_S, max(end - time.monotonic(), 0)))
        n = program.n_frames
    _say({"event": "ended", "tx_frames": n}, f"sent back {n}", as_json=as_json)


def _interface(name: str | None, backend: str) -> str:
    from harness.tuning import management

    if name is None:
        raise RedlineError(f"--interface: {backend} needs one: give --interface IF")
    management.check([name])
    return name


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """What the engine refuses: a mistake of the caller, or a limit of the host."""
    import errno

    from engine import EngineError

    try:
        yield
    except EngineError as error:
        said = f"{what}: {error.strerror or error}"
        mistakes = (errno.EINVAL, errno.EADDRINUSE, errno.EADDRNOTAVAIL)
        raise (RedlineError if error.errno in mistakes else HostError)(said) from None


def _say(told: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(told, sort_keys=True) if as_json else text, flush=True)
    sys.stdout.flush()  # who waits for the port reads a pipe
