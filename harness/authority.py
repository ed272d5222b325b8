"""Two people for what one must not do alone: resetting a kill, loosening a limit, overriding it.

A statement says exactly what is asked, at which epoch, why and until when. Each person signs its
canonical bytes with an SSH key of their own (`ssh-keygen -Y sign`, OpenSSH 8.2 or later), which may
lie on a hardware token; `verify` holds the signatures against an allowed_signers file. A person is
a principal of that file, not a key: two keys of one principal are one person, and a key that speaks
for two principals makes the file useless and is refused.

A signature is good for one statement only. The epoch (or version) in it makes it stale as soon as
what it was for has happened; the expiry bounds how far apart the two may sign; `spend` remembers
statements for which there is no such number. What is refused raises NotAuthorised with one line.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import signatures
from harness.errors import ExitCode, RedlineError
from harness.signatures import NotSigned, read_allowed, signer_of

NAMESPACE: Final = "redline"  # a signature made for git or a file is not one of ours
FORMAT: Final = "redline-statement-1"

KILL_RESET: Final = "kill.reset"
LIMITS_LOOSEN: Final = "limits.loosen"
RISK_OVERRIDE: Final = "risk.override"
# The longest time a statement may have to live when it is used; also how far apart two may sign.
HORIZON_S: Final[Mapping[str, int]] = {
    KILL_RESET: 5 * 60,
    LIMITS_LOOSEN: 24 * 3600,
    RISK_OVERRIDE: 3600,
}

MAX_TEXT: Final = 500
MAX_SIGNATURES: Final = 8


class NotAuthorised(RedlineError):
    """What was asked for is not allowed, in one line."""

    exit_code = ExitCode.FAIL


@dataclass(frozen=True, slots=True)
class Statement:
    """What two people sign. Texts are one line each; `expires_utc_s` is seconds since 1970."""

    kind: str  # one of HORIZON_S
    subject: str  # what exactly: hashes, scopes, numbers
    epoch: int  # of the kill word, or the version that the change leads to
    reason: str
    expires_utc_s: int

    def __post_init__(self) -> None:
        if self.kind not in HORIZON_S:
            raise NotAuthorised(
                f"statement: kind: not one of {', '.join(HORIZON_S)}: {self.kind!r}"
            )
        for name in ("subject", "reason"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise NotAuthorised(f"statement: {name}: is empty")
            if len(text) > MAX_TEXT or not text.isprintable():
                raise NotAuthorised(
                    f"statement: {name}: must be one printable line of at most {MAX_TEXT} letters"
                )
        for name in ("epoch", "expires_utc_s"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < 1 << 63:
                raise NotAuthorised(f"statement: {name}: not a whole number from 0: {value!r}")

    def to_bytes(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys, no spaces, ASCII."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()


def sign(statement: Statement, key: Path) -> bytes:
    """An armoured signature by the private key, or by the agent when `key` is a public key."""
    return signatures.sign(statement.to_bytes(), key, NAMESPACE)


def verify(
    statement: Statement, signed: Sequence[bytes], allowed_signers: Path, now: int
) -> tuple[str, str]:
    """The two different people who signed this statement; NotAuthorised says why there are not two.

    `now` is seconds since 1970 by a clock that is known to be right. Every signature given must be
    good: one that is not is a sign of something wrong, not of nothing.
    """
    if now >= statement.expires_utc_s:
        raise NotAuthorised(f"{statement.kind}: expired {now - statement.expires_utc_s} s ago")
    left, horizon = statement.expires_utc_s - now, HORIZON_S[statement.kind]
    if left > horizon:
        raise NotAuthorised(
            f"{statement.kind}: expires in {left} s; at most {horizon} s are allowed"
        )
    if not 2 <= len(signed) <= MAX_SIGNATURES:
        raise NotAuthorised(
            f"{statement.kind}: needs the signatures of two people, has {len(signed)}"
        )
    allowed = read_allowed(allowed_signers)
    people: list[str] = []
    for i, signature in enumerate(signed, 1):
        try:
            who = signer_of(
                statement.to_bytes(), signature, allowed, NAMESPACE, now, f"signature {i}"
            )
        except NotSigned as error:
            raise NotAuthorised(f"{statement.kind}: {error}") from None
        if who not in people:
            people.append(who)
    if len(people) < 2:
        raise NotAuthorised(
            f"{statement.kind}: {people[0]} signed twice; a second person must sign"
        )
    return people[0], people[1]


def spend(statement: Statement, register: Path) -> None:
    """Writes down that this statement was used; NotAuthorised when it had been.

    Durable before it returns. The register only grows; it is locked against a second process.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(register, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with open(fd, "rb", closefd=False) as file:
            used = file.read().split(b"\n")
        if used[-1]:  # a line that was cut off says that something was used, not what
            raise NotAuthorised(f"{register}: its last line is cut off; two people must look at it")
        line = statement.digest.encode()
        if line in used:
            raise NotAuthorised(f"{statement.kind}: this approval was used before")
        os.write(fd, line + b"\n")
        os.fsync(fd)
        _fsync_directory(register.parent)
    finally:
        os.close(fd)


def _fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
