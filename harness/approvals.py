"""An approval on its way from one person to the next: a statement and who has signed it so far.

The file is JSON and safe to send around: nothing in it is secret, and what was altered does not
verify. What it approves is never taken from it: whoever uses it says what is to be approved, and
the statement must be that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from engine.trade.limits import LimitSet
from harness.authority import LIMITS_LOOSEN, NotAuthorised, Statement, sign, verify
from harness.config.loader import ConfigError, read_text

FORMAT: Final = "redline-approval-1"


@dataclass(frozen=True, slots=True)
class Approval:
    statement: Statement
    signatures: tuple[bytes, ...] = ()

    def signed(self, key: Path) -> Approval:
        """The same with one more signature."""
        return Approval(self.statement, (*self.signatures, sign(self.statement, key)))

    def check(
        self, *, kind: str, subject: str, epoch: int, allowed_signers: Path, now: int
    ) -> tuple[str, str]:
        """The two people who approved exactly this; NotAuthorised says what is wrong with it."""
        self.check_is_of(kind=kind, subject=subject, epoch=epoch)
        return verify(self.statement, self.signatures, allowed_signers, now)

    def check_is_of(self, *, kind: str, subject: str, epoch: int) -> None:
        said = self.statement
        if said.kind != kind:
            raise NotAuthorised(f"the approval is of {said.kind}, not of {kind}")
        if said.epoch != epoch:
            raise NotAuthorised(f"the approval is of epoch {said.epoch}; now it is {epoch}")
        if said.subject != subject:
            raise NotAuthorised(
                f"the approval is of something else: {said.subject!r}, not {subject!r}"
            )


def limits_subject(was: LimitSet | None, now: LimitSet) -> str:
    """What is approved when limits become looser: from which set to which."""
    return f"limits {was.sha256 if was is not None else 'none'} to {now.sha256}"


def limits_statement(
    was: LimitSet | None, now: LimitSet, *, reason: str, expires_utc_s: int
) -> Statement:
    return Statement(LIMITS_LOOSEN, limits_subject(was, now), now.version, reason, expires_utc_s)


def read_approval(path: Path) -> Approval:
    """The file, completely checked except for what only `check` can tell."""
    try:
        said = json.loads(read_text(path), object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not an approval: {error}") from None
    try:
        return _approval(said)
    except (NotAuthorised, ValueError) as error:
        raise ConfigError(f"{path}: not an approval: {error}") from None


def _approval(said: Any) -> Approval:
    if not isinstance(said, dict) or set(said) != {"format", "statement", "signatures"}:
        raise ValueError("it must have a format, a statement and signatures, and nothing else")
    if said["format"] != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    statement, signatures = said["statement"], said["signatures"]
    names = {field.name for field in fields(Statement)}
    if not isinstance(statement, dict) or set(statement) != names:
        raise ValueError(f"its statement must have {', '.join(sorted(names))}, and nothing else")
    if not isinstance(signatures, list) or not all(
        isinstance(one, str) and one.isascii() for one in signatures
    ):
        raise ValueError("its signatures must be a list of texts")
    return Approval(Statement(**statement), tuple(one.encode("ascii") for one in signatures))


def write_approval(path: Path, approval: Approval) -> None:
    """Whole or not at all: written beside it, then renamed."""
    text = json.dumps(
        {
            "format": FORMAT,
            "statement": asdict(approval.statement),
            "signatures": [one.decode("ascii") for one in approval.signatures],
        },
        indent=1,
    )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key is given twice")
    return said
