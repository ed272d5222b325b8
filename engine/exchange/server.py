"""An exchange that real clients log on to: FIX and OUCH over TCP, ITCH over UDP.

    with ExchangeServer(Server(fix="127.0.0.1:0", symbols=(Symbol("AAPL"),))) as server:
        print(server.addresses["fix"])  # the port that was obtained
        ...

It runs on a thread of its own, which knows no Python, until the block is left; `run` serves in the
calling thread instead. Sessions are logged out at the end.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from engine import _core
from engine.exchange.match import ANYBODY, BOTH_SIDES, Phase, Stp
from engine.exchange.mischief import Mischief
from engine.market.dictionary import Dictionary

__all__ = [
    "FIX_VERSIONS",
    "ExchangeServer",
    "FixSession",
    "OuchSession",
    "Rules",
    "Server",
    "ServerError",
    "Session",
    "Symbol",
]

SLICE_S = 0.1  # between two looks for a signal, in the calling thread
GRACE_S = 3.0  # for Logouts to be answered; a session waits 2 s itself

# Name of a version: BeginString, ApplVerID. In the order of enum rl_fix_version.
FIX_VERSIONS: Mapping[str, tuple[str, str]] = {
    "FIX.4.0": ("FIX.4.0", ""),
    "FIX.4.1": ("FIX.4.1", ""),
    "FIX.4.2": ("FIX.4.2", ""),
    "FIX.4.3": ("FIX.4.3", ""),
    "FIX.4.4": ("FIX.4.4", ""),
    "FIX.5.0": ("FIXT.1.1", "7"),
    "FIX.5.0SP1": ("FIXT.1.1", "8"),
    "FIX.5.0SP2": ("FIXT.1.1", "9"),
}


class ServerError(Exception):
    """It cannot serve as it was asked to; `where` is the part, `needs_rights` the kind."""

    def __init__(self, where: str, text: str, *, needs_rights: bool) -> None:
        super().__init__(f"{where}: {text}" if where else text)
        self.where = where
        self.text = text
        self.needs_rights = needs_rights


@dataclass(frozen=True, slots=True)
class Symbol:
    name: str
    phase: Phase = Phase.OPEN


@dataclass(frozen=True, slots=True)
class Rules:
    """What a member may do; `rate_per_s` 0 is any rate."""

    cancel_on_disconnect: bool = False
    rate_per_s: int = 0
    burst: int = 0
    stp: Stp = Stp.NONE

    def as_core(self) -> tuple[bool, int, int, int]:
        return (self.cancel_on_disconnect, self.rate_per_s, self.burst, int(self.stp))


@dataclass(frozen=True, slots=True)
class FixSession:
    """A session that is known before anybody logs on; `us` is the exchange's name in it."""

    version: str  # a key of FIX_VERSIONS
    us: str
    them: str
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class OuchSession:
    user: str
    password: str = ""
    firm: str = ""
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Everybody else: the ITCH messages of a stream as orders, so many a second, once."""

    data: bytes
    recs: npt.NDArray[np.void]  # dtype STREAM_REC: where the messages lie
    rate_per_s: int = 1000

    def as_core(self) -> tuple[bytes, npt.NDArray[np.void], int]:
        """As the extension takes it."""
        return self.data, np.ascontiguousarray(self.recs), self.rate_per_s


@dataclass(frozen=True, slots=True)
class Server:
    """What is served to whom. Addresses are HOST:PORT, port 0 is any free one; None: not served.

    `numbers` are members of struct rl_serve_config by their names (csrc/rig/exchange/serve.h).
    """

    fix: str | None = None
    ouch: str | None = None
    symbols: Sequence[Symbol] = ()  # none: whatever a new order names is listed
    rules: Rules = Rules()  # of sessions that are not listed
    takes_any: bool = True  # whoever logs on is given a session
    fix_sessions: Sequence[FixSession] = ()
    ouch_sessions: Sequence[OuchSession] = ()
    market_data: Sequence[str] = ()  # lines A and B
    market_data_requests: str | None = None
    market_data_session: str | None = None
    store: str | None = None  # a directory; None: in memory
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)  # by version
    mischief: Mischief | None = None
    crowd: Crowd | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands. OUCH: `us` is the Soup session, `them` the user."""

    protocol: str
    state: str
    version: str
    us: str
    them: str
    peer: str
    member: int | None
    next_in: int
    next_out: int
    messages_in: int
    messages_out: int
    resent: int
    logons: int


class ExchangeServer:
    """The exchange; ServerError when an address cannot be had. One thread owns it."""

    def __init__(self, config: Server) -> None:
        numbers = {
            "takes_any": int(config.takes_any),
            "takes_any_ouch": int(config.takes_any),
            "lists_any": int(not config.symbols),
            **config.numbers,
        }
        versions = list(FIX_VERSIONS)
        try:
            self._core = _core.Exchange(
                numbers=numbers,
                symbols=[(one.name, int(one.phase)) for one in config.symbols],
                rules=config.rules.as_core(),
                fix=config.fix,
                ouch=config.ouch,
                identities=[
                    (begin, one.us, one.them, appl, one.rules.as_core())
                    for one in config.fix_sessions
                    for begin, appl in (FIX_VERSIONS[one.version],)
                ],
                ouch_identities=[
                    (one.user, one.password, one.firm, one.rules.as_core())
                    for one in config.ouch_sessions
                ],
                md_lines=tuple(config.market_data),
                md_requests=config.market_data_requests,
                md_session=config.market_data_session,
                store_dir=config.store,
                dictionaries={
                    versions.index(name): one.core for name, one in config.dictionaries.items()
                },
                mischief=None if config.mischief is None else config.mischief.as_core(),
                crowd=None if config.crowd is None else config.crowd.as_core(),
            )
        except _core.EngineError as error:
            raise _explained(error) from None
        self.addresses: Mapping[str, str] = self._core.addresses()
        self.n_bytes: int = self._core.n_bytes  # of memory, the most it can touch

    def __enter__(self) -> Self:
        self._core.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(GRACE_S if error is None else 0.0)
        self.close()

    def run(self, goes_on: Callable[[], bool], *, seconds: float | None = None) -> None:
        """Serve in this thread until `goes_on` says no, or for so long."""
        end = None if seconds is None else time.monotonic() + seconds
        while goes_on():
            left = SLICE_S if end is None else end - time.monotonic()
            if left <= 0:
                return
            self._core.turn(min(left, SLICE_S))

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Log everybody out and wait for it, at most so long. Counters can still be read."""
        self._core.stop(grace_s)

    def close(self) -> None:
        self._core.close()

    def counters(self) -> dict[str, int]:
        """What has happened so far."""
        return self._core.counters()

    def ends(self) -> dict[str, int]:
        """How many connections ended, by reason."""
        return self._core.ends()

    def mischief(self) -> dict[str, int] | None:
        """What was made to go wrong so far; None when nothing was asked for."""
        return self._core.mischief()

    def sessions(self) -> tuple[Session, ...]:
        return tuple(_session(row) for row in self._core.sessions())

    def set_phase(self, phase: Phase, symbol: str | None = None) -> None:
        """Halt, open, auction, close: one symbol, or all."""
        self._core.decide("phase", symbol=symbol, phase=int(phase))

    def bust(self, match: int) -> None:
        """Take a trade back."""
        self._core.decide("bust", match=match)

    def end_day(self) -> None:
        """DAY orders expire."""
        self._core.decide("day end")

    def cancel_all(
        self, *, member: int = ANYBODY, symbol: str | None = None, side: int = BOTH_SIDES
    ) -> None:
        self._core.decide("mass cancel", symbol=symbol, owner=member, side=side)


def _explained(error: _core.EngineError) -> ServerError:
    where, colon, text = str(error.strerror or error).partition(": ")
    if not colon:
        where, text = "", where
    if text[1:2].islower():  # a sentence of the system's begins large, a name stays as it is
        text = text[0].lower() + text[1:]
    return ServerError(where, text, needs_rights=error.errno in (errno.EACCES, errno.EPERM))


def _session(row: Mapping[str, object]) -> Session:
    def text(name: str) -> str:
        return str(row[name])

    def number(name: str) -> int:
        return int(str(row[name]))

    names = {value: name for name, value in FIX_VERSIONS.items()}
    begin, appl = text("begin_string"), text("appl_ver_id")
    return Session(
        protocol=text("protocol"),
        state=text("state"),
        version=names.get((begin, appl), begin),
        us=text("sender"),
        them=text("target"),
        peer=text("peer"),
        member=None if number("member") < 0 else number("member"),
        next_in=number("next_in"),
        next_out=number("next_out"),
        messages_in=number("messages_in"),
        messages_out=number("messages_out"),
        resent=number("resent"),
        logons=number("logons"),
    )
