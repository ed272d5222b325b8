"""A member of an exchange over FIX, spelled out by hand: it can say what no session would let it.

with Member("127.0.0.1:5001", "ME") as member:
    member.log_on()
    member.send(member.order("o1", 100, "10.50"))
    answer = member.hear("8")
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from harness.errors import HostError

SOH = b"\x01"
BEGIN = "FIX.4.4"
VENUE = "REDLINE"
PATIENCE_S = 20.0  # a message that has not come by then does not come


class Gone(Exception):
    """The venue has ended the connection."""


class Member:
    """One connection. HostError: the venue is not there, or says nothing."""

    def __init__(self, address: str, name: str, *, next_out: int = 1) -> None:
        host, _, port = address.rpartition(":")
        self.name = name
        self.next_out = next_out
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.socket.close()

    def log_on(self) -> None:
        """And wait for the answer."""
        self.send(self.text("A", "98=0|108=30|"))
        self.hear("A")

    def text(self, kind: str, body: str = "") -> bytes:
        """A message with the next number, which is taken; '|' for SOH in the body."""
        inner = f"35={kind}|34={self.next_out}|49={self.name}|52={_utc()}|56={VENUE}|{body}"
        self.next_out += 1
        return framed(inner.replace("|", "\x01").encode())

    def order(self, id: str, qty: int, price: str, symbol: str) -> bytes:
        """A new limit order to buy."""
        body = f"11={id}|21=1|55={symbol}|54=1|60={_utc()}|38={qty}|40=2|44={price}|59=0|"
        return self.text("D", body)

    def send(self, data: bytes) -> None:
        """Gone when nobody takes it."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            raise Gone from None

    def hear(self, kind: str) -> dict[int, str]:
        """The next message of that type; others are passed over. Gone: the connection ended."""
        until = time.monotonic() + PATIENCE_S
        for message in self._messages():
            if message.get(35) == kind:
                return message
            if time.monotonic() > until:
                break
        raise HostError(f"the venue sent no {kind}")

    def _messages(self) -> Iterator[dict[int, str]]:
        while True:
            end = self._unread.find(SOH + b"10=")
            if end >= 0 and len(self._unread) >= end + 8:
                whole, self._unread = self._unread[: end + 8], self._unread[end + 8 :]
                yield _fields(whole)
                continue
            try:
                more = self.socket.recv(1 << 16)
            except TimeoutError:
                raise HostError("the venue says nothing") from None
            except ConnectionError:
                raise Gone from None
            if not more:
                raise Gone
            self._unread += more


def framed(inner: bytes) -> bytes:
    """With its length and checksum."""
    head = b"8=" + BEGIN.encode() + SOH + b"9=%d" % len(inner) + SOH + inner
    return head + b"10=%03d" % (sum(head) % 256) + SOH


def _fields(whole: bytes) -> dict[int, str]:
    pairs = (field.partition(b"=") for field in whole.split(SOH) if field)
    return {int(tag): value.decode("latin-1") for tag, _, value in pairs if tag.isdigit()}


def _utc() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]
