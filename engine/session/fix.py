"""A FIX session as a step function, and the acceptor that finds the session of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from engine import _core
from engine.market.fix import Buffer
from engine.session.config import SessionConfig
from engine.session.events import (
    Action,
    Connected,
    CoreAction,
    Delivered,
    Disconnect,
    Disconnected,
    Event,
    LoggedOn,
    LoggedOut,
    Logout,
    Proceed,
    Received,
    Refuse,
    Send,
    Sent,
    Timer,
)

State: TypeAlias = Literal["away", "connected", "logged on", "logging out"]

# What the application does with a delivered message: the answers, in their order.
Application: TypeAlias = Callable[[Delivered], Iterable[Send | Refuse]]

MAX_MESSAGE = 16 << 10  # bytes, of a session that is not told otherwise

# Why a connection ends, in words, by number.
CAUSES: tuple[str, ...] = _core.fix_causes()


class FixSession:
    """One side of a session (csrc/session/fix_session.h). One thread uses it."""

    def __init__(self, config: SessionConfig, *, now: int) -> None:
        self.config = config
        self.core = _core.FixSession(
            names=config.names(), numbers=config.numbers(now), dictionary=_tables(config)
        )

    def step(self, event: Event, now: int) -> list[Action]:
        """One event; then, while `more` is set, `Proceed`. ValueError when it cannot come now.

        EngineError when a message cannot be sent; it has taken no number.
        """
        core = self.core
        match event:
            case Received(data):
                done = core.message(now, data)
            case Timer():
                done = core.timer(now)
            case Proceed():
                done = core.proceed(now)
            case Send(type_, body, head):
                done = core.send(now, type_, body, head)
            case Refuse(reason, tag, text):
                done = core.refuse(now, reason, tag, text)
            case Connected():
                done = core.connected(now)
            case Disconnected():
                done = core.disconnected(now)
            case Logout(text):
                done = core.logout(now, text)
        return [_action(action) for action in done]

    def run(self, event: Event, now: int, application: Application | None = None) -> list[Action]:
        """All steps of an event; what is delivered is shown to the application in its turn."""
        actions = self.step(event, now)
        done = list(actions)
        while True:
            if application is not None and actions and isinstance(actions[-1], Delivered):
                for answer in application(actions[-1]):
                    done += self.step(answer, now)
            if not self.more:
                return done
            actions = self.step(Proceed(), now)
            done += actions

    @property
    def more(self) -> bool:
        """The step is not over."""
        return self.core.more

    @property
    def deadline(self) -> int | None:
        """When Timer is due; None: not before another event."""
        return self.core.deadline

    @property
    def state(self) -> State:
        return cast(State, self.core.state)

    @property
    def next_out(self) -> int:
        """MsgSeqNum of the next message sent."""
        return self.core.next[0]

    @property
    def next_in(self) -> int:
        """MsgSeqNum of the next message expected."""
        return self.core.next[1]

    @property
    def heartbeat_s(self) -> int:
        """HeartBtInt as agreed; 0: none."""
        return self.core.heartbeat_s

    @property
    def max_message(self) -> int:
        """Bytes of a message at most, either way."""
        return self.core.max_message

    @property
    def why(self) -> str:
        """About the last thing that was wrong; or ""."""
        return self.core.why

    def counts(self) -> dict[str, int]:
        """What happened how often."""
        return self.core.counts


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection is to be closed: `why` in words, `cause` as its number in CAUSES."""

    cause: int
    why: str


class FixAcceptor:
    """Sessions that may be logged on to, by BeginString, SenderCompID and TargetCompID."""

    def __init__(self, sessions: Iterable[FixSession]) -> None:
        self._sessions = {id(session.core): session for session in sessions}
        self.core = _core.FixAcceptor(n_max=max(len(self._sessions), 1))
        for session in self._sessions.values():
            self.core.add(session.core)

    def admit(self, message: Buffer) -> FixSession | Refused:
        """The session of a connection's first message: step it with Connected and that message."""
        found = self.core.admit(message)
        if isinstance(found, tuple):
            return Refused(*found)
        return self._sessions[id(found)]


def cut(
    data: Buffer, max_message: int = MAX_MESSAGE
) -> tuple[Literal["ok", "partial", "garbled"], int]:
    """Where the first message of a session's byte stream ends.

    ("ok", bytes of the message), ("garbled", bytes of rubbish: a session wants to see both), or
    ("partial", 0) when more bytes are needed.
    """
    return _core.fix_cut(data, max_message)


def _tables(config: SessionConfig) -> _core.Dictionary | None:
    return None if config.dictionary is None else config.dictionary.core


def _action(action: CoreAction) -> Action:
    match action:
        case ("send", data, seq, is_resent):
            return Sent(data, seq, is_resent)
        case ("deliver", data, fields, seq, is_poss_dup, is_poss_resend):
            return Delivered(data, fields, seq, is_poss_dup, is_poss_resend)
        case ("disconnect", cause, why):
            return Disconnect(cause, why)
        case ("logged on",):
            return LoggedOn()
        case _:
            return LoggedOut()
