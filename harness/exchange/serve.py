"""What `redline exchange serve` says: where it listens, and what has happened when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.exchange.server import ExchangeServer, Session

MIB = 1 << 20


def listening(server: ExchangeServer, symbols: Sequence[str]) -> dict[str, Any]:
    """Where it can be reached, and what may be traded there; no symbols: any."""
    return {
        "event": "listening",
        "addresses": dict(server.addresses),
        "symbols": list(symbols),
        "memory_bytes": server.n_bytes,
    }


def listening_text(said: Mapping[str, Any]) -> Iterator[str]:
    for name, address in said["addresses"].items():
        yield f"{name:<22} {address}"
    listed = said["symbols"]
    shown = ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")
    yield f"{'symbols':<22} {shown or 'any that an order names'}"
    yield f"{'memory, at most':<22} {said['memory_bytes'] / MIB:.0f} MiB"


def closing(server: ExchangeServer) -> dict[str, Any]:
    """What has happened, for the summary."""
    said: dict[str, Any] = {
        "event": "closed",
        "counters": server.counters(),
        "drops": server.ends(),
        "sessions": [_row(one) for one in server.sessions()],
    }
    mischief = server.mischief()
    if mischief is not None:
        said["mischief"] = mischief
    return said


def closing_text(said: Mapping[str, Any]) -> Iterator[str]:
    n = said["counters"]
    yield f"connections {n['connections']}, refused {n['refused']}"
    yield f"sessions    {n['sessions']}, logons {n['logons']}"
    yield f"messages    {n['messages_in']} in, {n['messages_out']} out, {n['resent']} sent again"
    yield f"orders      {n['orders']}, trades {n['trades']}, rejects {n['rejects']}"
    yield (
        f"refused     {n['session_rejects']} by sessions, {n['throttled']} above a rate, "
        f"{n['garbled']} garbled"
    )
    if n["md_packets"]:
        yield f"market data {n['md_messages']} messages, {n['md_packets']} packets a line"
    for reason, count in sorted(said["drops"].items(), key=lambda item: (-item[1], item[0])):
        yield f"ended       {count} x {reason}"
    for kind, count in said.get("mischief", {}).items():
        if count:
            yield f"mischief    {count} x {kind}"


def _row(one: Session) -> dict[str, Any]:
    return {
        "protocol": one.protocol,
        "version": one.version,
        "us": one.us,
        "them": one.them,
        "state": one.state,
        "next_in": one.next_in,
        "next_out": one.next_out,
        "logons": one.logons,
    }
