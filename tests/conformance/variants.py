"""The scripts of fix44 for every other version: what differs is said here, once.

A script is rewritten line by line. What a version does not have (141 in FIX.4.0, allocations before
FIX.4.2) leaves its script out.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.conformance.versions import VERSIONS, Version

SCRIPTS = Path(__file__).parent / "fix44"
HERE = VERSIONS["FIX44"]
OTHERS = [version for version in VERSIONS.values() if version is not HERE]

# Scripts that a version cannot have, by what it lacks.
NO_RESET_FLAG = {"logon_asks_for_a_reset", "session_starts_over"}
NO_ALLOCATIONS = {"group_count", "group_comes_back"}
LEFT_OUT = {"FIX40": NO_RESET_FLAG | NO_ALLOCATIONS, "FIX41": NO_ALLOCATIONS}

SOH = "\x01"
LAST_REASON_OF_42 = 11  # of SessionRejectReason


def names(version: Version) -> list[str]:
    """Scripts that the version can have."""
    left_out = LEFT_OUT.get(version.name, set())
    return sorted(path.stem for path in SCRIPTS.glob("*.def") if path.stem not in left_out)


def rewritten(text: str, version: Version) -> str:
    """A script of FIX.4.4 for another version."""
    return "".join(_line(line, version) for line in text.splitlines(keepends=True))


def _line(line: str, version: Version) -> str:
    if not re.match(r"[IE](\d,)?8=", line):
        return line
    line = line.replace("8=FIX.4.4", f"8={version.begin_string}", 1)
    line = line.replace(HERE.client + SOH, version.client + SOH)
    type_ = re.search(r"\x0135=([^\x01]*)", line)
    assert type_ is not None
    is_expected = line.startswith("E")
    if version.appl_ver_id and type_[1] in ("A", "j"):
        line = line.replace("\n", f"1137={version.appl_ver_id}{SOH}\n")
    if version.name in ("FIX40", "FIX41"):
        line = _old(line, type_[1], is_expected)
    if is_expected and version.name == "FIX42":
        reason = re.search(r"\x01373=(\d+)", line)
        if reason is not None and int(reason[1]) > LAST_REASON_OF_42:
            line = line.replace(reason[0], "")
    return line


def _old(line: str, type_: str, is_expected: bool) -> str:
    """Before FIX.4.2 times are in seconds, no order has one, and 999999 means "up to the last"."""
    if type_ == "D":
        line = re.sub(r"\x0160=[^\x01]*", "", line)
    if type_ == "2":
        line = line.replace("\x0116=0\x01", "\x0116=999999\x01")
    if not is_expected:
        return line
    return _old_reject(re.sub(r"(\x01(?:52|122)=[^\x01]*?)\.000", r"\1", line), type_)


def _old_reject(line: str, type_: str) -> str:
    """Before FIX.4.2 a Reject has only its text, with the tag behind it."""
    if type_ == "j":
        line = line.replace("35=j", "35=3").replace("Message Type", "message type")
    if type_ not in ("3", "j"):
        return line
    tag = re.search(r"\x01371=(\d+)", line)
    if tag is not None:
        line = re.sub(r"(\x0158=[^\x01]*)", rf"\1 ({tag[1]})", line)
    return re.sub(r"\x01(371|372|373|380)=[^\x01]*", "", line)
