"""Scripts: lines that connect, send, expect and disconnect. Reading one plays nothing.

    # a comment
    iCONNECT                    connect; eCONNECT waits to be connected to
    I8=FIX.4.4<SOH>35=A<SOH>... send; I2, sends on connection 2
    E8=FIX.4.4<SOH>9=63<SOH>... the next message must be this one
    iDISCONNECT                 close; eDISCONNECT waits for the other side to

Bytes are Latin-1, so that any byte may stand in a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.errors import RedlineError

MAX_FILE = 4 << 20
MAX_LINE = 1 << 20  # what a session takes for one message at most
MAX_LINES = 100_000


class ScriptError(RedlineError):
    """FILE:LINE: what is wrong with a script."""


class Kind(Enum):
    """What a line does."""

    SEND = "I"
    EXPECT = "E"
    CONNECT = "iCONNECT"
    DISCONNECT = "iDISCONNECT"
    WAIT_CONNECT = "eCONNECT"
    WAIT_DISCONNECT = "eDISCONNECT"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that does something; `text` is the message of SEND and EXPECT, as it is written."""

    number: int
    kind: Kind
    connection: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be played."""

    path: Path
    lines: tuple[Line, ...]

    @property
    def is_initiator(self) -> bool:
        """It is the script that is connected to: the session under test initiates."""
        return any(line.kind is Kind.WAIT_CONNECT for line in self.lines)

    def values(self, tag: int, kind: Kind = Kind.SEND) -> list[str]:
        """Every value that its messages give a tag, in their order."""
        pattern = re.compile(rb"(?:^|\x01)%d=([^\x01]*)" % tag)
        return [
            found[1].decode("latin-1")
            for line in self.lines
            if line.kind is kind
            for found in pattern.finditer(line.text)
        ]


_LINE = re.compile(rb"(?P<who>[IERie])(?:(?P<connection>[0-9]),)?(?P<rest>.*)", re.DOTALL)
_WORDS = {kind.value.encode(): kind for kind in Kind if len(kind.value) > 1}


def read_script(path: Path) -> Script:
    """Reads a file. ScriptError for one that is no script; OSError when it cannot be read."""
    if path.stat().st_size > MAX_FILE:
        raise ScriptError(f"{path}:1: more than {MAX_FILE >> 20} MiB: no script")
    lines = path.read_bytes().split(b"\n")
    if len(lines) > MAX_LINES:
        raise ScriptError(f"{path}:{MAX_LINES}: more lines than a script may have")
    read = []
    for number, text in enumerate(lines, 1):
        text = text.removesuffix(b"\r")
        if text.strip() and not text.startswith(b"#"):
            try:
                read.append(_line(number, text))
            except ValueError as error:
                raise ScriptError(f"{path}:{number}: {error}") from None
    if not any(line.kind in (Kind.CONNECT, Kind.WAIT_CONNECT) for line in read):
        raise ScriptError(f"{path}:1: nothing connects: no iCONNECT and no eCONNECT")
    return Script(path, tuple(read))


def _line(number: int, text: bytes) -> Line:
    if len(text) > MAX_LINE:
        raise ValueError(f"a line of {len(text)} bytes: at most {MAX_LINE} are a message")
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError(f"not a line of a script: {shown(text)}")
    who, rest = found["who"].decode(), found["rest"]
    connection = int(found["connection"] or 1)
    if who in "ie":
        kind = _WORDS.get(who.encode() + rest.strip())
        if kind is None:
            raise ValueError(f"not CONNECT nor DISCONNECT: {shown(text)}")
        return Line(number, kind, connection)
    if not rest:
        raise ValueError("a message without a byte")
    # R is what the far side of an initiator answers: sent, like I.
    return Line(number, Kind.EXPECT if who == "E" else Kind.SEND, connection, rest)


def shown(text: bytes, most: int = 60) -> str:
    """Bytes in one line for a person: `|` for SOH, what does not print escaped, cut when long."""
    line = text.decode("latin-1").replace("\x01", "|")
    plain = "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in line)
    return plain if len(plain) <= most else plain[: most - 3] + "..."
