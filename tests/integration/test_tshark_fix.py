"""What the exchange says on a socket is FIX to a stranger, too: Wireshark's dissector.

Nothing is captured, so no rights are needed: the client writes down what it sent and heard, and
here that becomes the TCP connection that it was, as a pcap file.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.exchange.server import ExchangeServer, Server, Symbol

from .fix_client import FixClient, Message, frame, parse, utc_text

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="needs tshark (apt-get install tshark)")

MSS = 1400
CLIENT, VENUE = 0, 1
ADDRESSES = (b"\x7f\x00\x00\x01", b"\x7f\x00\x00\x01")
FIN, SYN, PSH, ACK = 1, 2, 8, 16
WARN = 0x600000  # _ws.expert.severity, from which on it is a complaint
FIELDS = ("MsgType", "MsgSeqNum", "BeginString", "SenderCompID", "TargetCompID", "SendingTime")
TAGS = (35, 34, 8, 49, 56, 52)


class Piece(NamedTuple):
    """What one call of send or receive had."""

    sender: int
    bytes: bytes
    at_ns: int


# --- a connection, written down -------------------------------------------------------------------


class Tapped(socket.socket):
    """A socket that remembers."""

    wire: list[Piece]

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.wire.append(Piece(CLIENT, bytes(data), time.time_ns()))
        super().sendall(data, flags)

    def recv(self, n_max: int, flags: int = 0, /) -> bytes:
        heard = super().recv(n_max, flags)
        if heard:
            self.wire.append(Piece(VENUE, heard, time.time_ns()))
        return heard


class TappedClient(FixClient):
    """Remembers the bytes of both directions, in the order in which it saw them."""

    def __init__(self, address: str, *, begin: str) -> None:
        super().__init__(address, begin=begin)
        timeout = self.socket.gettimeout()
        self.socket = Tapped(fileno=self.socket.detach())
        self.socket.settimeout(timeout)
        self.wire: list[Piece] = []
        self.socket.wire = self.wire


def sum16(*parts: bytes) -> int:
    """The checksum of IPv4 and TCP."""
    data = b"".join(parts)
    data += b"\x00" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


class Connection:
    """Frames of one TCP connection: sequence numbers, acknowledgements, checksums."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self.ports = ports
        self.next_seq = [1000, 2000]
        self.frames: list[tuple[int, bytes]] = []
        self.ip_id = 0

    def put(self, sender: int, flags: int, at_ns: int, payload: bytes = b"") -> None:
        other = 1 - sender
        acknowledged = self.next_seq[other] if flags & ACK else 0
        tcp = struct.pack(
            ">HHIIBBHHH",
            self.ports[sender],
            self.ports[other],
            self.next_seq[sender],
            acknowledged,
            5 << 4,
            flags,
            0xFFFF,
            0,
            0,
        )
        ends = ADDRESSES[sender] + ADDRESSES[other]
        pseudo = ends + struct.pack(">BBH", 0, 6, len(tcp) + len(payload))
        tcp = tcp[:16] + struct.pack(">H", sum16(pseudo, tcp, payload)) + tcp[18:]
        self.ip_id += 1
        ip = struct.pack(
            ">BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), self.ip_id, 1 << 14, 64, 6, 0
        )
        ip = ip[:10] + struct.pack(">H", sum16(ip, ends)) + ends
        self.frames.append((at_ns, b"\x00" * 12 + b"\x08\x00" + ip + tcp + payload))
        self.next_seq[sender] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    def pcap(self) -> bytes:
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
        for at_ns, one in self.frames:
            at_us = at_ns // 1000
            out += [struct.pack("<IIII", at_us // 10**6, at_us % 10**6, len(one), len(one)), one]
        return b"".join(out)


def connection_of(wire: Sequence[Piece], ports: tuple[int, int]) -> Connection:
    start, end = wire[0].at_ns, wire[-1].at_ns
    c = Connection(ports)
    c.put(CLIENT, SYN, start)
    c.put(VENUE, SYN | ACK, start)
    c.put(CLIENT, ACK, start)
    for piece in wire:
        for at in range(0, len(piece.bytes), MSS):
            c.put(piece.sender, PSH | ACK, piece.at_ns, piece.bytes[at : at + MSS])
            c.put(1 - piece.sender, ACK, piece.at_ns)
    c.put(CLIENT, FIN | ACK, end)
    c.put(VENUE, FIN | ACK, end)
    c.put(CLIENT, ACK, end)
    return c


# --- what tshark makes of it ----------------------------------------------------------------------


@dataclass
class Dissected:
    """`messages` are the values of FIELDS, of each side in the order of its bytes."""

    messages: tuple[list[tuple[str, ...]], list[tuple[str, ...]]]
    n_good: int  # checksums
    n_bad: int
    unknown: set[str]  # tags of the venue's that Wireshark has no name for
    complaints: list[str]


def tshark(pcap: Path, port: int, columns: Sequence[str]) -> list[str]:
    """A row for each frame; what is there more than once in a frame is joined by ';'."""
    assert TSHARK
    done = subprocess.run(
        [
            *(TSHARK, "-n", "-r", pcap, "-d", f"tcp.port=={port},fix"),
            *("-o", "fix.desegment:TRUE", "-o", "tcp.desegment_tcp_streams:TRUE"),
            *("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
            *("-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"),
            *(word for column in columns for word in ("-e", column)),
        ],
        env={**os.environ, "HOME": str(pcap.parent), "XDG_CONFIG_HOME": str(pcap.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def dissect(c: Connection, folder: Path) -> Dissected:
    pcap = folder / "session.pcap"
    pcap.write_bytes(c.pcap())
    port = c.ports[VENUE]
    columns = ["tcp.srcport", *(f"fix.{name}" for name in FIELDS)]
    columns += ["fix.checksum_good", "fix.checksum_bad", "fix.field.tag"]
    columns += ["_ws.expert.severity", "_ws.expert.message", "_ws.malformed"]
    said = Dissected(([], []), 0, 0, set(), [])
    for number, row in enumerate(tshark(pcap, port, columns), 1):
        source, *values, good, bad, tags, severities, text, malformed = row.split("\t")
        sender = VENUE if int(source) == port else CLIENT
        if values[0]:
            said.messages[sender].extend(zip(*(v.split(";") for v in values), strict=True))
        said.n_good += good.split(";").count("1")
        said.n_bad += bad.split(";").count("1")
        if sender == VENUE:
            said.unknown.update(tag for tag in tags.split(";") if tag)
        if malformed or any(int(one) >= WARN for one in severities.split(";") if one):
            said.complaints.append(f"frame {number}: {text} {malformed}")
    return said


def cut(stream: bytes) -> Iterator[Message]:
    """Messages by their own BodyLength, which so is checked."""
    while stream:
        head = stream.index(b"\x01", stream.index(b"\x019=") + 1) + 1
        length = int(stream[:head].split(b"\x019=")[1].rstrip(b"\x01"))
        end = head + length + len(b"10=000\x01")
        assert stream[head + length :].startswith(b"10=")
        yield parse(stream[:end])
        stream = stream[end:]


def told(wire: Sequence[Piece], sender: int) -> list[Message]:
    return list(cut(b"".join(piece.bytes for piece in wire if piece.sender == sender)))


# --- a session with everything in it --------------------------------------------------------------


def everything(client: FixClient) -> None:
    """Each kind of message that this version of the exchange has."""
    client.say("A", f"98=0|108=30|{'1137=9|' if client.begin == 'FIXT.1.1' else ''}")
    client.hear("A")
    client.say("1", "112=there?|")
    assert client.hear("0")[112] == "there?"

    client.order("o1", 1, 100, "10.50")
    assert client.hear("8")[39] == "0"
    client.order("o2", 1, 100, "10.50", "NONE")
    assert client.hear("8")[39] == "8"
    client.say("G", f"11=o3|41=o1|21=1|55=AAPL|54=1|60={utc_text()}|38=80|40=2|44=10.60|")
    assert client.hear("8")[11] == "o3"
    client.say("V", "262=m|263=1|264=0|265=1|267=3|269=0|269=1|269=2|146=1|55=AAPL|")
    client.hear("W")
    client.say("V", "262=n|263=1|264=0|265=1|267=1|269=0|146=1|55=NONE|")
    client.hear("Y")
    client.order("o4", 2, 30, "10.60")
    assert [client.hear("8")[39] for _ in range(3)] == ["0", "1", "2"]
    client.hear("X")
    client.say("H", "11=o3|55=AAPL|54=1|")
    assert client.hear("8")[39] == "1"
    for kind in "89":
        client.say("F", f"11=c{kind}|41=o3|55=AAPL|54=1|60={utc_text()}|38=80|")
        client.hear(kind)
    client.order("o5", 1, 10, "9.00")
    client.hear("8")
    client.say("q", f"11=q1|530=7|60={utc_text()}|")
    client.hear("r")

    client.say("Z", "1=2|")
    client.hear("j")
    client.say("1")  # without a TestReqID
    client.hear("3")
    lost = next(client.numbers)
    client.say("1", "112=later|")
    assert client.hear("2")[7] == str(lost)
    client.socket.sendall(gap_fill(client, lost))
    assert client.hear("0")[112] == "later"
    client.say("2", "7=1|16=0|")
    client.hear("4")
    assert client.hear("8")[43] == "Y"

    client.say("0")
    client.say("5")
    client.hear("5")
    assert client.is_cut_off()


def gap_fill(client: FixClient, lost: int) -> bytes:
    """The number that was lost was nothing of importance."""
    now = utc_text()
    return frame(
        client.begin,
        f"35=4|34={lost}|43=Y|49={client.name}|52={now}|56={client.venue}|122={now}|"
        f"123=Y|36={lost + 1}|",
    )


def silent(client: FixClient) -> None:
    """Logs on and says no more, so that the venue has to."""
    client.say("A", "98=0|108=1|")
    for kind in "A01":
        client.hear(kind)


@pytest.mark.parametrize(
    ("begin", "session", "kinds"),
    [
        ("FIX.4.2", everything, "A0234589WXYjr"),
        ("FIX.4.4", everything, "A0234589WXYjr"),
        ("FIXT.1.1", everything, "A0234589WXYjr"),
        ("FIX.4.4", silent, "A01"),
    ],
)
def test_wireshark_reads_every_message_of_a_session(
    begin: str, session: Callable[[FixClient], None], kinds: str, tmp_path: Path
) -> None:
    config = Server(fix="127.0.0.1:0", symbols=(Symbol("AAPL"),), numbers={"n_orders": 4096})
    with (
        ExchangeServer(config) as exchange,
        TappedClient(exchange.addresses["fix"], begin=begin) as client,
    ):
        ports = (client.socket.getsockname()[1], client.socket.getpeername()[1])
        session(client)
    assert {one[35] for one in told(client.wire, VENUE)} == set(kinds)

    said = dissect(connection_of(client.wire, ports), tmp_path)
    n_messages = 0
    for sender in (CLIENT, VENUE):
        sent = told(client.wire, sender)
        n_messages += len(sent)
        assert said.messages[sender] == [tuple(one[tag] for tag in TAGS) for one in sent]
    assert (said.n_good, said.n_bad) == (n_messages, 0)
    assert said.unknown == set()
    assert said.complaints == []


# --- it would complain ----------------------------------------------------------------------------

PORTS = (40000, 9880)


def small_wire() -> list[Piece]:
    def head(kind: str, number: int, names: tuple[str, str]) -> str:
        return f"35={kind}|34={number}|49={names[0]}|52={utc_text()}|56={names[1]}|"

    ours, theirs = ("US", "VENUE"), ("VENUE", "US")
    return [
        Piece(sender, frame("FIX.4.4", head(kind, number, names) + body), time.time_ns())
        for sender, kind, number, names, body in (
            (CLIENT, "A", 1, ours, "98=0|108=30|"),
            (VENUE, "A", 1, theirs, "98=0|108=30|"),
            (CLIENT, "1", 2, ours, "112=x|"),
            (VENUE, "0", 2, theirs, "112=x|"),
            (VENUE, "0", 3, theirs, ""),
        )
    ]


def changed(wire: Sequence[Piece], i: int, bytes_: bytes) -> list[Piece]:
    assert wire[i].bytes != bytes_
    return [*wire[:i], wire[i]._replace(bytes=bytes_), *wire[i + 1 :]]


def test_a_small_session_is_fine(tmp_path: Path) -> None:
    said = dissect(connection_of(small_wire(), PORTS), tmp_path)
    assert [len(side) for side in said.messages] == [2, 3]
    assert (said.n_good, said.n_bad, said.complaints) == (5, 0, [])


def test_a_wrong_checksum_is_complained_about(tmp_path: Path) -> None:
    wire = small_wire()
    right = wire[3].bytes
    wrong = right[:-4] + f"{(int(right[-4:-1]) + 1) % 256:03d}\x01".encode()
    said = dissect(connection_of(changed(wire, 3, wrong), PORTS), tmp_path)
    assert (said.n_good, said.n_bad) == (4, 1)
    assert len(said.complaints) == 1
    assert "checksum" in said.complaints[0].lower()


def test_a_wrong_length_is_not_the_same_messages(tmp_path: Path) -> None:
    wire = small_wire()
    longer = wire[3].bytes.replace(b"\x019=", b"\x019=1", 1)
    said = dissect(connection_of(changed(wire, 3, longer), PORTS), tmp_path)
    assert (said.n_good, said.n_bad) != (5, 0)


def test_an_unknown_tag_is_noticed(tmp_path: Path) -> None:
    wire = small_wire()
    body = wire[4].bytes.decode()
    odd = frame("FIX.4.4", body[body.index("35=") : body.index("\x0110=") + 1] + "29999=1|")
    said = dissect(connection_of(changed(wire, 4, odd), PORTS), tmp_path)
    assert said.unknown == {"29999"}


def test_a_segment_that_is_damaged_or_lost_is_complained_about(tmp_path: Path) -> None:
    for damage in ("flip", "drop"):
        c = connection_of(small_wire(), PORTS)
        i = next(i for i, (_, one) in enumerate(c.frames) if b"112=x" in one)
        if damage == "flip":
            c.frames[i] = (c.frames[i][0], c.frames[i][1].replace(b"112=x", b"112=y"))
        else:
            del c.frames[i]
        assert dissect(c, tmp_path).complaints != []
