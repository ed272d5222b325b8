"""Questions to the kernel over a netlink socket, and its answers, bounded and in one piece.

Each question has a socket of its own, in the network namespace of its thread. A list during which
something changed is asked for again: it may lack what was there all the time. Sources:
linux/netlink.h, netlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from harness.tuning.ethtool_abi import Garbled

Thing = TypeVar("Thing")

NLM_F_REQUEST, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x01, 0x300, 0x10
NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 2, 3, 4
NEW_BEFORE_GET = 2  # a question's number less that of its answer
NLA_TYPE_MASK = 0x3FFF

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
NUMBER = struct.Struct("=I")
ERROR = struct.Struct("=i")

MAX_MESSAGE_BYTES = 1 << 20  # a link with many virtual functions is the largest, some 100 kB
MAX_LIST_BYTES = 1 << 29  # a router with every route there is lists some 200 MB
TRIES = 8
ANSWER_S = 10.0


def dump(kind: int, order: bytes, parse: Callable[[bytes], Thing | None]) -> list[Thing]:
    """A whole list, less what `parse` takes for None. OSError with the kernel's reason."""
    for _ in range(TRIES):
        try:
            return ask(kind, NLM_F_DUMP, order, parse)
        except InterruptedError:
            continue
    raise OSError(errno.EAGAIN, "the network changes faster than it can be listed")


def ask(kind: int, flags: int, order: bytes, parse: Callable[[bytes], Thing | None]) -> list[Thing]:
    """All that answers one request. InterruptedError when it changed meanwhile."""
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as sock:
        sock.settimeout(ANSWER_S)
        sock.bind((0, 0))
        size = HEADER.size + len(order)
        sock.send(HEADER.pack(size, kind, NLM_F_REQUEST | flags, 1, 0) + order)
        is_list = bool(flags & NLM_F_DUMP)
        return collect(_datagrams(sock), kind - NEW_BEFORE_GET, parse, is_list=is_list)


def _datagrams(sock: socket.socket) -> Iterator[bytes]:
    seen = 0
    while seen <= MAX_LIST_BYTES:
        data, _, flags, sender = sock.recvmsg(MAX_MESSAGE_BYTES)
        if sender[0] != 0:
            continue  # of another process, not of the kernel
        if flags & socket.MSG_TRUNC:
            raise Garbled(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
        seen += len(data)
        yield data
    raise Garbled(f"a list of more than {MAX_LIST_BYTES} bytes")


def collect(
    datagrams: Iterator[bytes],
    wanted: int,
    parse: Callable[[bytes], Thing | None],
    *,
    is_list: bool,
) -> list[Thing]:
    """What answers up to the end of the list. OSError as the kernel says; InterruptedError."""
    found: list[Thing] = []
    is_torn = False
    for data in datagrams:
        for kind, flags, payload in messages(data):
            is_torn |= bool(flags & NLM_F_DUMP_INTR)
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                _raise_error(payload)  # a list can end in an error too
                if is_torn:
                    raise InterruptedError(errno.EINTR, "it changed while it was listed")
                return found
            if kind == NLMSG_OVERRUN:
                raise Garbled("data was lost")
            if kind == wanted:
                thing = parse(payload)
                found += [] if thing is None else [thing]
        if found and not is_list:
            return found
    raise Garbled("the list has no end")


def _raise_error(payload: bytes) -> None:
    if len(payload) < ERROR.size:
        return
    (number,) = ERROR.unpack_from(payload)
    if number < 0:
        raise OSError(min(-number, 4095), os.strerror(min(-number, 4095)))


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, flags, payload) of each message in a datagram. Garbled."""
    at = 0
    while len(data) - at >= HEADER.size:
        size, kind, flags, _, _ = HEADER.unpack_from(data, at)
        if not HEADER.size <= size <= len(data) - at:
            raise Garbled(f"a message of {size} bytes where {len(data) - at} are left")
        yield kind, flags, data[at + HEADER.size : at + size]
        at += aligned(size)
    if at < len(data):
        raise Garbled(f"{len(data) - at} bytes after the last message")


def attributes(data: bytes) -> dict[int, bytes]:
    """By type; of two of a type the last. Garbled."""
    found: dict[int, bytes] = {}
    at = 0
    while len(data) - at >= ATTRIBUTE.size:
        size, kind = ATTRIBUTE.unpack_from(data, at)
        if not ATTRIBUTE.size <= size <= len(data) - at:
            raise Garbled(f"an attribute of {size} bytes where {len(data) - at} are left")
        found[kind & NLA_TYPE_MASK] = data[at + ATTRIBUTE.size : at + size]
        at += aligned(size)
    return found


def number(found: dict[int, bytes], kind: int) -> int | None:
    """An attribute of 32 bits; None without it. Garbled."""
    raw = found.get(kind)
    if raw is None:
        return None
    return int(head(NUMBER, raw)[0])


def head(layout: struct.Struct, payload: bytes) -> tuple[Any, ...]:
    """What a payload begins with. Garbled when it is shorter."""
    if len(payload) < layout.size:
        raise Garbled(f"{len(payload)} bytes instead of {layout.size}")
    return layout.unpack_from(payload)


def aligned(size: int) -> int:
    """Where the next thing begins."""
    return (size + 3) & ~3
