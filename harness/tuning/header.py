"""The first line of a journal: whose it is, and where what it says is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.tuning.owner import Owner

SCHEMA = "redline.tuning/1"
NETWORK_NAMESPACE = Path("/proc/self/ns/net")


@dataclass(frozen=True, slots=True)
class Header:
    """A host's root and the network namespace say which setting a name means."""

    owner: Owner
    title: str
    started_utc: str
    root: str
    net_namespace: int

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA} | asdict(self)


def new_header(owner: Owner, title: str, root: Path) -> Header:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Header(owner, title, now, str(root), NETWORK_NAMESPACE.stat().st_ino)


def header_of(raw: Mapping[str, Any]) -> Header:
    """ValueError and KeyError for what no journal of ours begins with."""
    if raw.get("schema") != SCHEMA:
        raise ValueError(f"does not begin with {SCHEMA}")
    owner = raw["owner"]
    if not isinstance(owner, dict) or set(owner) != {field.name for field in fields(Owner)}:
        raise ValueError("no owner")
    texts = [raw[name] for name in ("title", "started_utc", "root")] + [owner["boot_id"]]
    numbers = [raw["net_namespace"], owner["pid"], owner["started"], owner["pid_namespace"]]
    if not all(isinstance(one, str) for one in texts):
        raise ValueError("not a text where one belongs")
    if not _is_root(raw["root"]):
        raise ValueError("not a root of a host")
    if not all(type(one) is int and 0 <= one < 1 << 63 for one in numbers):
        raise ValueError("not a number where one belongs")
    return Header(Owner(**owner), raw["title"], raw["started_utc"], raw["root"], numbers[0])


def _is_root(path: str) -> bool:
    """Whether it means the same directory from wherever it is read, and can mean one at all."""
    return path.startswith("/") and "\0" not in path and ".." not in path.split("/")
