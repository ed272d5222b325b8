"""What is measured on several hosts is the same thing: build, configuration and limits, by hash.

Compared before anything is armed. A host that has another file, none, or is not asked for one that
others have, would make a result that says nothing about either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.config.inventory import HostEntry
from harness.errors import HostError, printable

SHOWN = 12  # digits of a hash: enough to tell files apart by eye
_SHA256 = re.compile(r"[0-9a-f]{64}")


def require_same(hosts: Sequence[HostEntry], replies: Mapping[str, Any]) -> dict[str, str]:
    """The hash of each artifact. HostError, a line a fault, that names hosts and hashes.

    `replies` are those to `hash`, by host.
    """
    kinds = sorted({kind for host in hosts for kind in host.artifacts})
    faults: list[str] = []
    agreed: dict[str, str] = {}
    for kind in kinds:
        by_hash: dict[str, list[str]] = {}
        for host in hosts:
            path = host.artifacts.get(kind)
            if path is None:
                faults.append(f"{host.name}: {kind}: its inventory names none, others have one")
                continue
            found = _hash_of(replies.get(host.name), kind)
            if found is None:
                faults.append(f"{host.name}: {kind}: no such file: {printable(path)}")
            elif not isinstance(found, str) or not _SHA256.fullmatch(found):
                shown = printable(repr(found)[:60])
                faults.append(f"{host.name}: {kind}: not a SHA-256: {shown}")
            else:
                by_hash.setdefault(found, []).append(host.name)
        if len(by_hash) > 1:
            who = "; ".join(f"{found[:SHOWN]} on {', '.join(on)}" for found, on in by_hash.items())
            faults.append(f"{kind} is not the same everywhere: {who}")
        for found in by_hash:
            agreed[kind] = found
    if faults:
        raise HostError("\n".join(faults))
    return agreed


def _hash_of(reply: Any, kind: str) -> object:
    """What a host has answered, whatever that is; None: there is no such file."""
    found = reply.get("sha256") if isinstance(reply, dict) else None
    return found.get(kind, "") if isinstance(found, dict) else ""
