"""What the order side leaves behind: the audit log, one record of 64 bytes for every decision."""

from __future__ import annotations

from dataclasses import dataclass

from engine import _core

AUDIT_RECORD_BYTES = 64


@dataclass(frozen=True, slots=True)
class AuditLog:
    """A log of `n_records`, of which the first `n_whole` form an unbroken chain of checksums."""

    n_records: int
    n_whole: int


def read_audit(log: bytes) -> AuditLog:
    """Walk the chain of a whole log; a record that is cut off is not counted."""
    return AuditLog(*_core.audit_verify(log))
