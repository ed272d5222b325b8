"""What happens to a FIX session, and what it wants done: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal, TypeAlias

# --- events ---


@dataclass(frozen=True, slots=True)
class Connected:
    """An initiator sends its Logon, an acceptor waits for one."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The other side closed; harmless after our own Disconnect."""


@dataclass(frozen=True, slots=True)
class Received:
    """One frame, or garbage, as `cut` cuts it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Timer:
    """`deadline` has come; harmless before."""


@dataclass(frozen=True, slots=True)
class Proceed:
    """`more` is set: the step goes on; the application is done with what was delivered."""


@dataclass(frozen=True, slots=True)
class Logout:
    """Ends the session: Logout, theirs or a time-out, Disconnect."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """An application message: "tag=value" SOH fields; `head`: those of the header that are no
    session's.
    """

    type: str
    body: bytes
    head: bytes = b""


class Refusal(IntEnum):
    """BusinessRejectReason (380); FIELD and a SessionRejectReason (373) make a Reject."""

    OTHER = 0
    UNKNOWN_ID = 1
    UNKNOWN_SECURITY = 2
    TYPE = 3
    NOT_AVAILABLE = 4
    MISSING = 5
    NOT_AUTHORIZED = 6
    FIELD = 1000


@dataclass(frozen=True, slots=True)
class Refuse:
    """The message just delivered is wrong; `tag` is what is wrong with it."""

    reason: int
    tag: int = 0
    text: str | None = None


Event: TypeAlias = Connected | Disconnected | Received | Timer | Proceed | Logout | Send | Refuse

# --- actions ---


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes for the other side: one message; `is_resent` fills a gap."""

    data: bytes
    seq: int
    is_resent: bool


@dataclass(frozen=True)
class Delivered:
    """An application message, in order, exactly once; `fields` are all, 8 to 10, as they came."""

    data: bytes
    fields: tuple[tuple[int, bytes], ...]
    seq: int
    is_poss_dup: bool
    is_poss_resend: bool

    @cached_property
    def type(self) -> str:
        return self.fields[2][1].decode("latin-1")

    def value(self, tag: int) -> bytes | None:
        """Of the first field of that tag; None when there is none."""
        return next((value for known, value in self.fields if known == tag), None)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection: `why` in words, `cause` as its number in CAUSES."""

    cause: int
    why: str


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """Messages may be exchanged."""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Comes once for each LoggedOn, before the Disconnect that goes with it."""


Action: TypeAlias = Sent | Delivered | Disconnect | LoggedOn | LoggedOut

# The same as the extension has it: a word, and what goes with it.
CoreAction: TypeAlias = (
    tuple[Literal["send"], bytes, int, bool]
    | tuple[Literal["deliver"], bytes, tuple[tuple[int, bytes], ...], int, bool, bool]
    | tuple[Literal["disconnect"], int, str]
    | tuple[Literal["logged on", "logged out"]]
)
