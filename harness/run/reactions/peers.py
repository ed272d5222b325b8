"""Members of an exchange that say what is no message, or do not read: over real sockets."""

from __future__ import annotations

import contextlib
import random
import socket
import time

from engine.exchange.server import ExchangeServer, Server, Symbol
from harness.bench.fix_member import Gone, Member
from harness.config.faults_venue import HostileSession, SlowReader
from harness.config.reactions import Case
from harness.errors import HostError
from harness.run.reactions import Observed, react
from harness.run.session import Session

ANY_PORT = "127.0.0.1:0"
SYMBOL = "AAPL"
SLOW = "the peer did not read what was sent for a time"  # csrc/net/loop/tcp.h
PATIENCE_S = 20.0
LOOK_S = 0.01
LINE_BYTES = 500


def _server(**numbers: int) -> ExchangeServer:
    return ExchangeServer(Server(fix=ANY_PORT, symbols=(Symbol(SYMBOL),), numbers=numbers))


@react.register
def _(fault: HostileSession, case: Case, session: Session) -> Observed:
    """An effect is a round whose bytes were passed over, or ended the connection."""
    rng = random.Random(session.scenario.input.seed)
    answered = lost = hostile = 0
    with _server() as server:
        address = server.addresses["fix"]
        member = Member(address, "HOSTILE")
        member.log_on()
        for i in range(fault.rounds):
            try:
                if session.faults_enabled:
                    hostile += 1
                    member.send(_no_message(member, i, rng))
                answered += _ordered(member, f"good{i}")
            except Gone:
                lost += 1
                member.socket.close()
                member = Member(address, "HOSTILE", next_out=member.next_out)
                member.log_on()
                answered += _ordered(member, f"again{i}")
        member.socket.close()
        counted = server.counters()
    values = {
        "orders": fault.rounds,
        "orders_answered": answered,
        "orders_unasked": counted["orders"] - answered,
        "garbled": counted["garbled"],
        "connections_lost": lost,
    }
    return Observed(values, effects=min(hostile, counted["garbled"] + lost), injected=hostile)


def _ordered(member: Member, id: str) -> int:
    """1 when the venue acknowledges the very order."""
    member.send(member.order(id, 100, "10.50", SYMBOL))
    return int(member.hear("8").get(11) == id)


def _no_message(member: Member, i: int, rng: random.Random) -> bytes:
    """An order that is none. It takes no number: who cannot read it cannot count it."""
    text = member.order(f"bad{i}", 100, "10.50", SYMBOL)
    member.next_out -= 1
    match rng.randrange(3):
        case 0:  # another checksum
            return (
                text[:-4] + b"%03d" % ((int(text[-4:-1]) + rng.randrange(1, 256)) % 256) + b"\x01"
            )
        case 1:  # one digit of a field is another
            at = text.index(b"38=100") + 3
            return text[:at] + b"9" + text[at + 1 :]
        case _:  # what does not begin like a message
            return bytes(rng.choice(b"#$%&*!?") for _ in range(rng.randrange(1, 64)))


@react.register
def _(fault: SlowReader, case: Case, session: Session) -> Observed:
    """Injected are requests whose answers nobody read; an effect is a connection that ended."""
    asks = fault.asks if session.faults_enabled else 0
    with (
        _server(stall_ns=200_000_000, n_bytes_tx=1 << 14) as server,
        Member(server.addresses["fix"], "SLOW") as slow,
        Member(server.addresses["fix"], "FINE") as fine,
    ):
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.log_on()
        fine.log_on()
        if asks:
            line = "x" * LINE_BYTES
            burst = b"".join(slow.text("1", f"112={line}|") for _ in range(asks))
            with contextlib.suppress(Gone):
                slow.send(burst)
            _wait_for_drop(server)
        answered = sum(_ordered(fine, f"fine{i}") for i in range(fault.orders))
        ends = server.ends()
    dropped = ends.get(SLOW, 0)
    values = {
        "slow_dropped": dropped,
        "others_dropped": sum(ends.values()) - dropped,
        "orders": fault.orders,
        "orders_answered": answered,
    }
    return Observed(values, effects=dropped, injected=asks)


def _wait_for_drop(server: ExchangeServer) -> None:
    until = time.monotonic() + PATIENCE_S
    while SLOW not in server.ends():
        if time.monotonic() > until:
            raise HostError("the venue does not end the connection of who does not read")
        time.sleep(LOOK_S)
