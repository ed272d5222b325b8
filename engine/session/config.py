"""What a FIX session is configured with (csrc/session/fix_session.h says what each is for)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from engine.market.dictionary import Dictionary


class Precision(IntEnum):
    """Of SendingTime; before FIX.4.2 it is seconds whatever this says."""

    MILLIS = 0
    SECONDS = 1
    MICROS = 2
    NANOS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """One side of a session: `sender` is our name, `target` theirs. 0 is the usual value."""

    begin_string: str
    sender: str
    target: str
    dictionary: Dictionary | None = None  # None: header, and what a session message needs
    appl_ver_id: str = ""  # DefaultApplVerID of our Logon: "7" to "9", FIXT only

    sender_sub: str | None = None
    target_sub: str | None = None
    sender_location: str | None = None
    target_location: str | None = None
    username: str | None = None
    password: str | None = None

    is_initiator: bool = False
    reset_on_logon: bool = False
    reset_on_logout: bool = False
    reset_on_disconnect: bool = False
    sends_next_expected: bool = False
    ignores_comp_ids: bool = False
    ignores_time: bool = False
    allows_empty: bool = False
    never_resends: bool = False
    asks_redundantly: bool = False
    precision: Precision = Precision.MILLIS

    heartbeat_s: int = 0  # of an initiator
    heartbeat_min_s: int = 0
    heartbeat_max_s: int = 0
    tolerance_s: int = 0
    logon_timeout_s: int = 0
    logout_timeout_s: int = 0
    test_request_percent: int = 0
    silence_percent: int = 0
    max_message: int = 0
    queue_bytes: int = 0
    queue_messages: int = 0
    store_bytes: int = 1 << 20
    store_messages: int = 1 << 12

    def names(self) -> tuple[str | None, ...]:
        """The texts, in the order of the extension."""
        return (
            self.begin_string,
            self.sender,
            self.target,
            self.sender_sub,
            self.target_sub,
            self.sender_location,
            self.target_location,
            self.username,
            self.password,
        )

    def numbers(self, now: int) -> tuple[int, ...]:
        """The numbers, in the order of the extension."""
        if len(self.appl_ver_id) > 1 or not self.appl_ver_id.isascii():
            raise ValueError(f"appl_ver_id: not one character: {self.appl_ver_id!r}")
        return (
            self.is_initiator,
            self.reset_on_logon,
            self.reset_on_logout,
            self.reset_on_disconnect,
            self.sends_next_expected,
            self.ignores_comp_ids,
            self.ignores_time,
            self.allows_empty,
            self.never_resends,
            self.asks_redundantly,
            ord(self.appl_ver_id or "\0"),
            self.precision,
            self.heartbeat_s,
            self.heartbeat_min_s,
            self.heartbeat_max_s,
            self.tolerance_s,
            self.logon_timeout_s,
            self.logout_timeout_s,
            self.test_request_percent,
            self.silence_percent,
            self.max_message,
            self.queue_bytes,
            self.queue_messages,
            self.store_bytes,
            self.store_messages,
            now,
        )
