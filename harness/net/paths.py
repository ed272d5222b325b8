"""Paths between two ends: which port, opened how, and who answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from harness.errors import HostError, RedlineError
from harness.net.place import ECHO_PORT, PINGER_PORT, Place

if TYPE_CHECKING:
    from engine.net import Port
    from engine.net.port import Accel, Backend, Wait, XdpMode
    from harness.bench.netns import End

BACKENDS: Final = ("shm", "udp", "tcp", "afpacket", "afxdp")
RAW: Final = ("afpacket", "afxdp")
WAITS: Final = ("spin", "block", "busy-poll")
ACCELS: Final = ("none", "onload", "vma")
NO_OPTIONS: Final[Mapping[str, Any]] = {}
XDP_MODES: Final = ("auto", "zero-copy", "native", "generic")


@dataclass(frozen=True, slots=True)
class Path:
    """One way to go; `answer` "xdp": the far end is a program in its driver, not a thread."""

    backend: str
    wait: Wait = "spin"
    xdp_mode: XdpMode = "auto"
    answer: Literal["thread", "xdp"] = "thread"
    accel: Accel = "none"  # which has to take the sockets over, or there is no path

    @property
    def name(self) -> str:
        words = [self.backend]
        if self.backend == "afxdp" and self.xdp_mode != "auto":
            words.append(self.xdp_mode)
        if self.wait != "spin":
            words.append(self.wait)
        if self.accel != "none":
            words.append(f"by {self.accel}")
        if self.answer == "xdp":
            words.append("-> XDP echo")
        return " ".join(words)

    @property
    def blocks(self) -> bool:
        return self.wait != "spin"


# All that is compared: the floor, whole frames, datagrams, streams.
MATRIX: Final = (
    Path("shm"),
    Path("afxdp", xdp_mode="generic", answer="xdp"),
    Path("afxdp", xdp_mode="native", answer="xdp"),
    Path("afpacket"),
    Path("afxdp", xdp_mode="generic"),
    Path("afxdp", xdp_mode="native"),
    Path("udp"),
    Path("udp", wait="busy-poll"),
    Path("udp", wait="block"),
    Path("tcp"),
)


def path_of(backend: str, mode: str, accel: str = "none") -> Path:
    """What --port, --mode and --accel say. RedlineError names the option."""
    path = _path_of(backend, mode)
    if accel not in ACCELS:
        raise RedlineError(f"--accel: not one of {', '.join(ACCELS)}: {accel!r}")
    if accel != "none" and backend not in ("udp", "tcp"):
        raise RedlineError(f"--accel: {accel} takes over udp and tcp sockets, not {backend}")
    return replace(path, accel=cast("Accel", accel))


def _path_of(backend: str, mode: str) -> Path:
    if backend not in BACKENDS:
        raise RedlineError(f"--port: not one of {', '.join(BACKENDS)}: {backend!r}")
    if mode in XDP_MODES[1:]:
        if backend != "afxdp":
            raise RedlineError(f"--mode: {mode} is of afxdp, not of {backend}")
        return Path(backend, xdp_mode=cast("XdpMode", mode))
    if mode in WAITS:
        if backend == "shm" and mode != "spin":
            raise RedlineError(f"--mode: shm only spins, not {mode}")
        return Path(backend, wait=cast("Wait", mode))
    if mode == "auto":
        return Path(backend)
    known = ", ".join(dict.fromkeys(("auto", *XDP_MODES, *WAITS)))
    raise RedlineError(f"--mode: not one of {known}: {mode!r}")


@contextmanager
def opened(
    path: Path,
    where: Place,
    *,
    stamps: bool = False,
    options: Mapping[str, Any] = NO_OPTIONS,
) -> Iterator[tuple[Port, Port | None]]:
    """Both ends of a path: who asks, and who answers (None: a program does).

    `options` go to every port that is opened. HostError with a sentence when one cannot be had.
    """
    from engine import EngineError
    from engine.net import XdpEcho, cable

    if path.backend in RAW and where.near is None:
        raise HostError(f"{path.name}: {_missing_right(path) or where.why}")
    with ExitStack() as stack:
        try:
            if path.backend == "shm":
                one, other = stack.enter_context(cable())
                ports: tuple[Port, Port | None] = (one, other)
            elif path.answer == "xdp":
                near, far = where.ends()
                asks = _end(path, near, far, PINGER_PORT, ECHO_PORT, stamps, options)
                stack.enter_context(asks)
                stack.enter_context(
                    XdpEcho(
                        far.interface,
                        udp_port=ECHO_PORT,
                        hook="generic" if path.xdp_mode == "generic" else "native",
                        netns=far.netns,
                    )
                )
                ports = asks, None
            else:
                ports = _pair(path, where, stamps, options, stack)
        except EngineError as error:
            said = _missing_right(path) or error.strerror or error
            raise HostError(f"{path.name}: {said}") from None
        yield ports


def _missing_right(path: Path) -> str | None:
    """What a port of whole frames on a bench lacks, with all that cures it; None: nothing."""
    from harness.tuning import rights

    if path.backend not in RAW:
        return None
    own = rights.AFPACKET if path.backend == "afpacket" else rights.AFXDP
    return rights.why_not(rights.BENCH, rights.ENTER, own)


def _pair(
    path: Path,
    where: Place,
    stamps: bool,
    options: Mapping[str, Any],
    stack: ExitStack,
) -> tuple[Port, Port]:
    if path.backend in RAW or where.near is not None:
        near, far = where.ends()
        # The far end first: a TCP connection is answered by who listens already.
        answers = _end(path, far, near, ECHO_PORT, PINGER_PORT, stamps, options, listen=True)
        stack.enter_context(answers)
        asks = _end(path, near, far, PINGER_PORT, ECHO_PORT, stamps, options)
        stack.enter_context(asks)
        return asks, answers
    return _loopback(path, stamps, options, stack)


def _end(
    path: Path,
    own: End,
    other: End,
    own_port: int,
    other_port: int,
    stamps: bool,
    options: Mapping[str, Any],
    *,
    listen: bool = False,
) -> Port:
    from engine.net import open_port

    is_tcp = path.backend == "tcp"
    return open_port(
        cast("Backend", path.backend),
        netns=own.netns,
        interface=own.interface,
        mac=own.mac,
        peer_mac=other.mac,
        local=(own.ip, own_port),
        peer=None if is_tcp and listen else (other.ip, other_port),
        listen=is_tcp and listen,
        wait=path.wait,
        xdp_mode=path.xdp_mode,
        stamps=stamps,
        accel=path.accel,
        checksum=False,  # optional over IPv4, and no part of what is measured
        **options,
    )


def _loopback(
    path: Path, stamps: bool, options: Mapping[str, Any], stack: ExitStack
) -> tuple[Port, Port]:
    """Two sockets of 127.0.0.1, on ports that the kernel finds."""
    from engine.net import open_port

    backend = cast("Backend", path.backend)
    is_tcp = path.backend == "tcp"
    answers = stack.enter_context(
        open_port(
            backend,
            local=("127.0.0.1", 0),
            listen=is_tcp,
            wait=path.wait,
            stamps=stamps,
            accel=path.accel,
            **options,
        )
    )
    asks = stack.enter_context(
        open_port(
            backend,
            peer=answers.local,
            wait=path.wait,
            stamps=stamps,
            accel=path.accel,
            **options,
        )
    )
    return asks, answers
