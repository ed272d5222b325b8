"""A FIX client that spells everything out: sockets, numbers, checksums. No library, no courtesy."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

SOH = "\x01"
PATIENCE_S = 20  # a message that has not come by then does not come

Message = dict[int, str]


class Gone(Exception):
    """The connection ended while a message was waited for."""


def utc_text() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]


def frame(begin: str, body: str) -> bytes:
    """`body` with '|' for SOH, as a message with its length and checksum."""
    inner = body.replace("|", SOH)
    head = f"8={begin}{SOH}9={len(inner)}{SOH}{inner}"
    return f"{head}10={sum(head.encode('latin-1')) % 256:03d}{SOH}".encode("latin-1")


class FixClient:
    """One connection; numbers go on in `next_out` when it is given."""

    def __init__(
        self, address: str, *, begin: str = "FIX.4.4", name: str = "CLIENT", next_out: int = 1
    ) -> None:
        host, _, port = address.rpartition(":")
        self.begin, self.name = begin, name
        self.venue = "REDLINE"
        self.numbers = itertools.count(next_out)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def text(self, kind: str, body: str = "") -> bytes:
        head = f"35={kind}|34={next(self.numbers)}|49={self.name}|52={utc_text()}|56={self.venue}|"
        return frame(self.begin, head + body)

    def say(self, kind: str, body: str = "") -> None:
        self.socket.sendall(self.text(kind, body))

    def logon(self, body: str = "") -> Message:
        appl = "1137=9|" if self.begin == "FIXT.1.1" else ""
        self.say("A", f"98=0|108=30|{appl}{body}")
        return self.hear("A")

    def order(self, order: str, side: int, qty: int, price: str, symbol: str = "AAPL") -> None:
        self.say("D", self.order_body(order, side, qty, price, symbol))

    @staticmethod
    def order_body(order: str, side: int, qty: int, price: str, symbol: str = "AAPL") -> str:
        return (
            f"11={order}|21=1|55={symbol}|54={side}|60={utc_text()}|38={qty}|40=2|44={price}|59=0|"
        )

    def messages(self) -> Iterator[Message]:
        """As they come; Gone when the connection has ended."""
        while True:
            end = self.unread.find(b"\x0110=")
            if end >= 0 and len(self.unread) >= end + 8:
                whole, self.unread = self.unread[: end + 8], self.unread[end + 8 :]
                yield parse(whole[max(0, whole.find(b"8=FIX")) :])
                continue
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionError:
                raise Gone from None
            if not more:
                raise Gone
            self.unread += more

    def hear(self, kind: str | None = None) -> Message:
        """The next message, of that type; others are passed over."""
        end = time.monotonic() + PATIENCE_S
        for message in self.messages():
            if kind is None or message[35] == kind:
                return message
            assert time.monotonic() < end, f"no {kind} came"
        raise AssertionError

    def is_cut_off(self) -> bool:
        """Waits for the end of the connection; whatever comes before is passed over."""
        try:
            while True:
                self.hear()
        except Gone:
            return True


def parse(whole: bytes) -> Message:
    """The last of equal tags counts; enough for what is looked at here."""
    fields = (one.partition("=") for one in whole.decode("latin-1").split(SOH) if one)
    return {int(tag): value for tag, _, value in fields}
