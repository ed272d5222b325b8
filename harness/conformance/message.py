"""Messages as scripts write them, made whole: times, files, BodyLength and CheckSum put in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

MAX_INSERT = 1 << 20

_TIME = re.compile(rb"<TIME(?:([+-])([0-9]{1,9}))?>")
_FILE = re.compile(rb"<FILE:([^>]*)>")
_HEAD = re.compile(rb"8=[^\x01]*\x01")
_LENGTH = re.compile(rb"\x019=[^\x01]*\x01")
_SUM = re.compile(rb"\x0110=.*\x01\Z", re.DOTALL)


def complete(text: bytes, now_ns: int, folder: Path) -> bytes:
    """What a line means at that moment. ValueError for a file that cannot be put in."""
    return framed(_with_files(_with_times(text, now_ns), folder))


def framed(text: bytes) -> bytes:
    """BodyLength and CheckSum are computed where they are not given, and kept where they are.

    As the runner that the format comes from has it: the SOH before a CheckSum that is given counts
    as the CheckSum's, so a BodyLength that is computed beside it is one too small. Scripts about
    wrong checksums are written for that. What does not begin with 8= is left alone.
    """
    head = _HEAD.match(text)
    if head is None:
        return text
    body = text[head.end() :]
    has_length = _LENGTH.search(text) is not None
    given = _SUM.search(text, head.end() - 1)
    if given is not None:
        body = text[head.end() : given.start()]
    length = b"" if has_length else b"9=%d\x01" % len(body)
    start = head[0] + length + body
    return start + (given[0] if given is not None else b"10=%03d\x01" % (sum(start) % 256))


def _with_times(text: bytes, now_ns: int) -> bytes:
    def stamp(found: re.Match[bytes]) -> bytes:
        seconds = int(found[2] or 0) * (-1 if found[1] == b"-" else 1)
        try:
            at = datetime.fromtimestamp(now_ns // 10**9, UTC) + timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(f"no time: {found[0].decode()}") from None
        return at.strftime("%Y%m%d-%H:%M:%S").encode()

    return _TIME.sub(stamp, text)


def _with_files(text: bytes, folder: Path) -> bytes:
    """<FILE:name>: a file beside the script, or below, without white space around its bytes."""

    def insert(found: re.Match[bytes]) -> bytes:
        name = found[1].decode("latin-1")
        try:
            path = (folder / name).resolve()
            if Path(name).is_absolute() or not path.is_relative_to(folder.resolve()):
                raise ValueError(f"<FILE:{name}>: not below the folder of the script")
            if path.stat().st_size > MAX_INSERT:
                raise ValueError(f"<FILE:{name}>: more than {MAX_INSERT >> 20} MiB")
            return path.read_bytes().strip()
        except OSError as error:
            raise ValueError(f"<FILE:{name}>: {(error.strerror or str(error)).lower()}") from None

    return _FILE.sub(insert, text)
