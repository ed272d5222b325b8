"""What is tested, without a network: connections are byte queues, time is an argument.

An acceptor has the sessions that scripts log on to; an initiator is one session that connects to
the script. Both run the production session, step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine import EngineError
from engine.session import (
    Application,
    Connected,
    Disconnect,
    Disconnected,
    Event,
    FixAcceptor,
    FixSession,
    LoggedOut,
    Received,
    Refused,
    Sent,
    Timer,
    cut,
)
from harness.conformance.echo import EchoApplication

NS_PER_S = 1_000_000_000
LOGON_TIMEOUT_NS = 10 * NS_PER_S
MAX_UNREAD = 16 << 20  # a script that reads nothing ends here


class ServerError(Exception):
    """What is tested could not go on; a sentence."""


@dataclass(eq=False, slots=True)
class Wire:
    """A connection as the script has it: what came and was not read yet, and who closed it."""

    unread: bytearray = field(default_factory=bytearray)
    is_open: bool = True
    why: str = ""  # it was closed

    def take(self) -> bytes | None:
        """The first message, framed by its own BodyLength; None when there is none, or a part.

        ValueError when what came can never become one.
        """
        at = self.unread.find(b"\x019=")
        end = self.unread.find(b"\x01", at + 1) if at >= 0 else -1
        if end < 0:
            return None
        length = bytes(self.unread[at + 3 : end])
        if not length.isdigit() or len(length) > 9:
            raise ValueError(f"a BodyLength that is no number: {length[:20]!r}")
        last = self.unread.find(b"\x01", end + 1 + int(length))
        if last < 0:
            return None
        message = bytes(self.unread[: last + 1])
        del self.unread[: last + 1]
        return message


class Server(Protocol):
    """Either side under test."""

    def connect(self, now: int) -> Wire: ...
    def receive(self, wire: Wire, data: bytes, now: int) -> None: ...
    def hang_up(self, wire: Wire, now: int) -> None: ...
    def deadline(self) -> int | None: ...
    def tick(self, now: int) -> None: ...


@dataclass(eq=False, slots=True)
class _Peer:
    """A connection as the server has it."""

    wire: Wire
    gives_up_at: int
    session: FixSession | None = None
    waiting: bytearray = field(default_factory=bytearray)  # no whole message yet


class AcceptorServer:
    """An acceptor, the sessions it knows, and an application for each."""

    def __init__(self, sessions: Mapping[FixSession, EchoApplication]) -> None:
        self._applications: Mapping[FixSession, EchoApplication] = sessions
        self._acceptor = FixAcceptor(sessions)
        self._max_message = max(session.max_message for session in sessions)
        self._peers: dict[Wire, _Peer] = {}

    def connect(self, now: int) -> Wire:
        wire = Wire()
        self._peers[wire] = _Peer(wire, now + LOGON_TIMEOUT_NS)
        return wire

    def receive(self, wire: Wire, data: bytes, now: int) -> None:
        """Bytes of the other side; nobody hears them when the connection is closed."""
        peer = self._peers.get(wire)
        if peer is None:
            return
        peer.waiting += data
        for frame in _frames(peer.waiting, self._max_message):
            if wire not in self._peers:
                return
            self._message(peer, frame, now)

    def hang_up(self, wire: Wire, now: int) -> None:
        peer = self._peers.pop(wire, None)
        wire.is_open = False
        if peer is not None and peer.session is not None:
            self._run(peer, peer.session, Disconnected(), now)

    def deadline(self) -> int | None:
        times = (
            peer.gives_up_at if peer.session is None else peer.session.deadline
            for peer in self._peers.values()
        )
        return min((at for at in times if at is not None), default=None)

    def tick(self, now: int) -> None:
        for peer in list(self._peers.values()):
            session = peer.session
            if session is None and peer.gives_up_at <= now:
                self._close(peer, "no Logon in time")
            elif session is not None and (at := session.deadline) is not None and at <= now:
                self._run(peer, session, Timer(), now)

    def _message(self, peer: _Peer, frame: bytes, now: int) -> None:
        if peer.session is None:
            found = self._acceptor.admit(frame)
            if isinstance(found, Refused):
                self._close(peer, found.why)
                return
            peer.session = found
            self._run(peer, found, Connected(), now)
        self._run(peer, peer.session, Received(frame), now)

    def _run(self, peer: _Peer, session: FixSession, event: Event, now: int) -> None:
        application = self._applications[session]
        for action in _actions(session, event, now, application):
            match action:
                case Sent(data):
                    _put(peer.wire, data)
                case LoggedOut():
                    application.forget()
                case Disconnect(_, why):
                    self._close(peer, why)
                case _:
                    pass

    def _close(self, peer: _Peer, why: str) -> None:
        self._peers.pop(peer.wire, None)
        peer.wire.is_open = False
        peer.wire.why = why


class InitiatorServer:
    """One session that connects to the script."""

    def __init__(self, session: FixSession, application: EchoApplication) -> None:
        self._session = session
        self._application = application
        self._wire: Wire | None = None
        self._waiting = bytearray()

    def connect(self, now: int) -> Wire:
        self._wire = Wire()
        self._waiting.clear()
        self._run(Connected(), now)
        return self._wire or Wire(is_open=False)

    def receive(self, wire: Wire, data: bytes, now: int) -> None:
        if wire is self._wire:
            self._waiting += data
            for frame in _frames(self._waiting, self._session.max_message):
                self._run(Received(frame), now)

    def hang_up(self, wire: Wire, now: int) -> None:
        wire.is_open = False
        if wire is self._wire:
            self._wire = None
            self._run(Disconnected(), now)

    def deadline(self) -> int | None:
        return self._session.deadline

    def tick(self, now: int) -> None:
        self._run(Timer(), now)

    def _run(self, event: Event, now: int) -> None:
        wire = self._wire
        for action in _actions(self._session, event, now, self._application):
            if isinstance(action, Sent) and wire is not None:
                _put(wire, action.data)
            elif isinstance(action, Disconnect) and wire is not None:
                wire.is_open, wire.why = False, action.why
                self._wire = None


def _actions(
    session: FixSession, event: Event, now: int, application: Application
) -> Iterable[object]:
    try:
        return session.run(event, now, application)
    except EngineError as error:
        raise ServerError(f"the application's answer was refused: {error.strerror}") from None


def _frames(waiting: bytearray, max_message: int) -> Iterable[bytes]:
    """Whole messages, and garbage, taken from what waits."""
    while waiting:
        _, n_bytes = cut(waiting, max_message)
        if n_bytes == 0:
            return
        frame = bytes(waiting[:n_bytes])
        del waiting[:n_bytes]
        yield frame


def _put(wire: Wire, data: bytes) -> None:
    if len(wire.unread) + len(data) > MAX_UNREAD:
        raise ServerError(f"more than {MAX_UNREAD >> 20} MiB came that the script never expected")
    wire.unread += data
