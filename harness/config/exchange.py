"""An exchange, as a file: where it listens, what it lists, who may log on, and what goes wrong.

fix: 127.0.0.1:9880
symbols: [AAPL, {name: MSFT, phase: auction}]
sessions:
  - {version: FIX.4.4, them: DESK1, cancel_on_disconnect: true}
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.config.fields import (
    Count,
    Identifier,
    PositiveDuration,
    Price,
    Rate,
    Size,
    Strict,
    Text,
)
from harness.config.loader import ConfigError, FieldFault, load, project_data
from harness.config.mischief import MischiefConfig

if TYPE_CHECKING:
    from engine.exchange.server import Crowd, Rules, Server
    from engine.market.dictionary import Dictionary

PhaseName = Literal["open", "halted", "auction", "closed"]
StpName = Literal["none", "newest", "oldest", "both", "decrement"]
VersionName = Literal[
    "FIX.4.0",
    "FIX.4.1",
    "FIX.4.2",
    "FIX.4.3",
    "FIX.4.4",
    "FIX.5.0",
    "FIX.5.0SP1",
    "FIX.5.0SP2",
]

MAX_CONNECTIONS = 65_536
MAX_SESSIONS = 4_096

# Files of QuickFIX's names, and what they hold the messages of.
DICTIONARY_FILES: dict[str, str] = {
    "FIX.4.0": "FIX40.xml",
    "FIX.4.1": "FIX41.xml",
    "FIX.4.2": "FIX42.xml",
    "FIX.4.3": "FIX43.xml",
    "FIX.4.4": "FIX44.xml",
    "FIX.5.0": "FIX50.xml",
    "FIX.5.0SP1": "FIX50SP1.xml",
    "FIX.5.0SP2": "FIX50SP2.xml",
}
TRANSPORT_FILE = "FIXT11.xml"

_PORT = re.compile(r"[0-9]{1,5}")
_SYMBOL = re.compile(r"[!-~]{1,16}")


def parse_address(text: object) -> str:
    """'HOST:PORT' with the host spelled out: ':9880' is the loopback's."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = f":{text}"
    if not isinstance(text, str):
        raise ValueError(f"not HOST:PORT: {text!r}")
    host, _, port = text.rpartition(":")
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"not HOST:PORT with a port of 0 to 65535: {text!r}")
    if host in ("", "localhost"):
        return f"127.0.0.1:{int(port)}"
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(inner)
    except ValueError:
        raise ValueError(f"not an IP address: {host!r} (names are not looked up)") from None
    if (address.version == 6) != (inner is not host):
        raise ValueError(f"not HOST:PORT: {text!r} (an IPv6 address stands in brackets)")
    return f"{host}:{int(port)}"


def parse_symbol(text: object) -> str:
    """One to sixteen characters, no space."""
    if not isinstance(text, str) or not _SYMBOL.fullmatch(text):
        raise ValueError(f"not a symbol of 1 to 16 characters without spaces: {text!r}")
    return text


Address = Annotated[str, BeforeValidator(parse_address)]
SymbolName = Annotated[str, BeforeValidator(parse_symbol)]
CompId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f=]+$")]


class SymbolConfig(Strict):
    """What is listed, and whether it trades from the start."""

    name: SymbolName
    phase: PhaseName = "open"


def _named(value: object) -> object:
    """`AAPL` is a symbol that trades."""
    return {"name": value} if isinstance(value, str | int) else value


class RulesConfig(Strict):
    """What a member may do, and what happens to its orders when it is gone."""

    cancel_on_disconnect: bool = False
    rate_per_s: Annotated[Rate | None, Field(alias="rate", le=10**9)] = None
    burst: Annotated[int, Field(ge=1, le=10**9)] = 1
    stp: StpName = "none"

    def engine(self) -> Rules:
        from engine.exchange.match import Stp
        from engine.exchange.server import Rules

        return Rules(
            self.cancel_on_disconnect, self.rate_per_s or 0, self.burst, Stp[self.stp.upper()]
        )


class FixSessionConfig(RulesConfig):
    """`us` is the exchange's CompID, `them` the member's."""

    version: VersionName
    us: CompId = "REDLINE"
    them: CompId

    def shown(self) -> tuple[str, str, str]:
        """What a first message says of it: 5.0 and its service packs share a transport."""
        begin = "FIXT.1.1" if self.version.startswith("FIX.5") else self.version
        return begin, self.us, self.them


class OuchSessionConfig(RulesConfig):
    """A user of SoupBinTCP, and the firm whose orders it enters."""

    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,6}$")]
    password: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{0,10}$")] = ""
    firm: Annotated[str, Field(pattern=r"^[A-Z]{1,4}$")] | None = None


class VenueConfig(Strict):
    """What matching takes: prices are multiples of `tick`; `orders` are live at one time."""

    tick_nano: Annotated[Price, Field(alias="tick", le=10**18)] = 10_000_000
    max_qty: Annotated[int, Field(ge=1, lt=2**31)] = 100_000_000
    orders: Annotated[int, Field(ge=16, le=1 << 24)] = 1 << 17
    levels: Annotated[int, Field(ge=16, le=1 << 20)] = 4096


class MarketDataConfig(Strict):
    """ITCH in MoldUDP64 to one or two addresses; `requests` answers for what was missed."""

    lines: Annotated[tuple[Address, ...], Field(min_length=1, max_length=2)]
    requests: Address | None = None
    session: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,10}$")] | None = None


class ConnectionsConfig(Strict):
    """Bounds: nobody makes the exchange wait or grow."""

    max: Annotated[int, Field(ge=1, le=MAX_CONNECTIONS)] = 1024
    logon_ns: Annotated[PositiveDuration, Field(alias="logon_timeout")] = 10_000_000_000
    stall_ns: Annotated[PositiveDuration, Field(alias="stall_timeout")] = 10_000_000_000
    message_bytes: Annotated[Size, Field(alias="message", ge=1024, le=1 << 20)] = 1 << 14
    receive_bytes: Annotated[Size, Field(alias="receive_buffer", ge=4096, le=1 << 24)] = 1 << 16
    send_bytes: Annotated[Size, Field(alias="send_buffer", ge=4096, le=1 << 28)] = 1 << 18

    @model_validator(mode="after")
    def _sizes_fit(self) -> ConnectionsConfig:
        for key, size in (
            ("receive_buffer", self.receive_bytes),
            ("send_buffer", self.send_bytes),
        ):
            if size & (size - 1):
                raise FieldFault((key,), f"not a power of two: {size} bytes")
        if self.message_bytes > self.receive_bytes:
            raise FieldFault(("message",), "longer than the receive buffer")
        return self


class ResendConfig(Strict):
    """What each session keeps of what it sent, to send it again."""

    bytes: Size = 1 << 20
    messages: Count = 1 << 13

    @model_validator(mode="after")
    def _sizes_wrap_by_a_mask(self) -> ResendConfig:
        for key, size in (("bytes", self.bytes), ("messages", self.messages)):
            if size & (size - 1):
                raise FieldFault((key,), f"not a power of two: {size}")
        return self


class CrowdConfig(Strict):
    """Everybody else: an ITCH file whose messages become orders, so many a second, once."""

    file: Text
    rate_per_s: Annotated[Rate, Field(alias="rate")] = 1000

    def engine(self, beside: Path | None) -> Crowd:
        from engine.exchange.server import Crowd
        from harness.traffic.captures import recording_of
        from harness.traffic.inputs import open_input

        path = project_data(self.file, beside=beside)
        capture = open_input(path)
        if capture.kind != "itch":
            raise ConfigError(f"{path}: not an ITCH file but {capture.description}")
        return Crowd(capture.data, recording_of(capture).recs, self.rate_per_s)


class ExchangeConfig(Strict):
    """All of it; what is left out is as an exchange on a bench has it."""

    name: Identifier = "exchange"
    fix: Address | None = None
    ouch: Address | None = None
    market_data: MarketDataConfig | None = None
    symbols: Annotated[
        tuple[Annotated[SymbolConfig, BeforeValidator(_named)], ...], Field(max_length=65_535)
    ] = ()
    venue: VenueConfig = VenueConfig()
    accept: Literal["any", "listed"] = "any"
    max_sessions: Annotated[int, Field(ge=1, le=MAX_SESSIONS)] = 256
    rules: RulesConfig = RulesConfig()
    sessions: tuple[FixSessionConfig, ...] = ()
    ouch_sessions: tuple[OuchSessionConfig, ...] = ()
    reset_on_logon: bool = False
    connections: ConnectionsConfig = ConnectionsConfig()
    resend: ResendConfig = ResendConfig()
    store: str | None = None
    dictionaries: str | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 1
    mischief: MischiefConfig | None = None
    crowd: CrowdConfig | None = None

    @model_validator(mode="after")
    def _nothing_twice(self) -> ExchangeConfig:
        _unique("symbols", (one.name for one in self.symbols))
        _unique("sessions", (one.shown() for one in self.sessions))
        _unique("ouch_sessions", (one.user.upper() for one in self.ouch_sessions))
        for key, rows in (("sessions", self.sessions), ("ouch_sessions", self.ouch_sessions)):
            if len(rows) > self.max_sessions:
                raise FieldFault((key,), f"more of them than max_sessions: {len(rows)}")
        return self

    def engine(self, beside: Path | None = None) -> Server:
        """As the engine takes it; files are looked for beside the one that names them."""
        from engine.exchange.match import Phase
        from engine.exchange.server import FixSession, OuchSession, Server, Symbol

        data = self.market_data
        return Server(
            fix=self.fix,
            ouch=self.ouch,
            symbols=tuple(Symbol(one.name, Phase[one.phase.upper()]) for one in self.symbols),
            rules=self.rules.engine(),
            takes_any=self.accept == "any",
            fix_sessions=tuple(
                FixSession(one.version, one.us, one.them, one.engine()) for one in self.sessions
            ),
            ouch_sessions=tuple(
                OuchSession(one.user, one.password, one.firm or "", one.engine())
                for one in self.ouch_sessions
            ),
            market_data=data.lines if data else (),
            market_data_requests=data.requests if data else None,
            market_data_session=data.session if data else None,
            store=self.store,
            dictionaries=load_dictionaries(self.dictionaries, beside),
            mischief=self.mischief.engine(self.seed, beside) if self.mischief else None,
            crowd=self.crowd.engine(beside) if self.crowd else None,
            numbers=self._numbers(),
        )

    def _numbers(self) -> dict[str, int]:
        return {
            "n_connections": self.connections.max,
            "n_bytes_rx": self.connections.receive_bytes,
            "n_bytes_tx": self.connections.send_bytes,
            "stall_ns": self.connections.stall_ns,
            "logon_ns": self.connections.logon_ns,
            "max_message": self.connections.message_bytes,
            "n_fix_sessions": self.max_sessions,
            "n_ouch_sessions": self.max_sessions if self.ouch else 1,
            "store_bytes": self.resend.bytes,
            "store_messages": self.resend.messages,
            "resets_on_logon": int(self.reset_on_logon),
            "n_instruments": max(len(self.symbols), 1) if self.symbols else 256,
            "n_orders": self.venue.orders,
            "n_levels_per_side": self.venue.levels,
            "tick_nano": self.venue.tick_nano,
            "max_qty": self.venue.max_qty,
        }


def load_exchange(path: Path) -> ExchangeConfig:
    return load(path, ExchangeConfig)


def load_dictionaries(folder: str | None, beside: Path | None) -> dict[str, Dictionary]:
    """Every version whose XML file is there; ConfigError when none is."""
    if folder is None:
        return {}
    from engine.market.dictionary import Dictionary

    place = project_data(folder, beside=beside)
    found: dict[str, Dictionary] = {}
    for version, name in DICTIONARY_FILES.items():
        file, transport = place / name, place / TRANSPORT_FILE
        if not file.is_file() or (version.startswith("FIX.5") and not transport.is_file()):
            continue
        try:
            if version.startswith("FIX.5"):
                found[version] = Dictionary.load(file, transport)
            else:
                found[version] = Dictionary.load(file)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if not found:
        raise ConfigError(f"{place}: no FIX40.xml ... FIX50SP2.xml in this directory")
    return found


def _unique(key: str, names: Iterable[Any]) -> None:
    seen: dict[Any, int] = {}
    for i, name in enumerate(names):
        if name in seen:
            raise FieldFault((key, i), f"the same as number {seen[name] + 1}")
        seen[name] = i
