"""Recordings from Python: what is read, what is refused, and how a play is told."""

from __future__ import annotations

import struct
from fractions import Fraction
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from engine.market import PX_NONE, replay
from engine.market.replay import CaptureError, Line, Pace, play, read

A, B = Line(ip_address("224.0.1.1"), 5001), Line(ip_address("224.0.1.2"), 5002)


def add(reference: int, px: int, *, side: bytes = b"B", ts_ns: int = 1000) -> bytes:
    """An ITCH order of 100 shares; the price counts 1e-4."""
    head = struct.pack(">cHH", b"A", 1, 0) + ts_ns.to_bytes(6, "big")
    return head + struct.pack(">QcI8sI", reference, side, 100, b"ACME    ", px)


def itch(*messages: bytes) -> bytes:
    return b"".join(struct.pack(">H", len(m)) + m for m in messages)


def mold(seq: int, *messages: bytes) -> bytes:
    return struct.pack(">10sQH", b"SESSION  1", seq, len(messages)) + itch(*messages)


def udp(line: Line, payload: bytes) -> bytes:
    """An Ethernet frame around it."""
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0)
    ip += bytes(4) + line.address.packed
    return (
        bytes(12)
        + b"\x08\0"
        + ip
        + struct.pack(">HHHH", 9, line.port, 8 + len(payload), 0)
        + (payload)
    )


def pcap(*packets: tuple[int, Line, bytes]) -> bytes:
    """(ns, line, payload) each."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for ns, line, payload in packets:
        frame = udp(line, payload)
        out += struct.pack("<IIII", *divmod(ns, 10**9), len(frame), len(frame)) + frame
    return out


ORDERS = [add(i, 100_0000 - i * 100, ts_ns=1000 * i) for i in range(1, 9)]
PACKETS = [mold(i, order) for i, order in enumerate(ORDERS, 1)]


def both_lines(drop_a: set[int], drop_b: set[int]) -> bytes:
    """Packet i is at i us on A and 300 ns later on B, unless dropped."""
    sent = []
    for i, packet in enumerate(PACKETS, 1):
        sent += [(i * 1000, A, packet)] * (i not in drop_a)
        sent += [(i * 1000 + 300, B, packet)] * (i not in drop_b)
    return pcap(*sent)


@pytest.mark.parametrize("text", ["224.0.1.1:5001", "[ff02::1]:14310", "10.0.0.1:0"])
def test_a_line_reads_back_as_it_is_written(text):
    assert str(Line.parse(text)) == text


@pytest.mark.parametrize("text", ["224.0.1.1", "224.0.1:5", "x:5", "224.0.1.1:65536", ":5", "1:"])
def test_what_is_no_line_is_named(text):
    with pytest.raises(ValueError, match="not an"):
        Line.parse(text)


def test_a_play_ends_with_books_and_counters():
    played = play(read(itch(*ORDERS)))
    assert (played.n_messages, played.n_orders, played.last_seq) == (8, 8, 8)
    assert (played.damage, played.n_lost, played.unaccounted) == ("", 0, 0)
    assert not played.interrupted
    assert played.lines == ()
    (book,) = played.instruments
    assert book["symbol"] == b"ACME"
    assert book["bid_px_nano"] == (100_0000 - 100) * 100_000
    assert book["ask_px_nano"] == PX_NONE
    assert list(book["n_orders"]) == [8, 0]
    assert replay.STATES[book["state"]] == "one-sided"
    assert book["is_sure"]
    assert played.counters["books"]["updates"] == 8
    assert played.lateness.n == 0


@pytest.mark.parametrize(
    ("drop_a", "drop_b"),
    [(set(), set()), ({2, 3}, set()), ({2, 5}, {3, 8}), (set(range(1, 9)), set())],
)
def test_lines_that_lose_different_packets_play_like_the_file(drop_a, drop_b):
    whole = play(read(itch(*ORDERS)))
    played = play(read(both_lines(drop_a, drop_b)))
    assert played.message_hash == whole.message_hash
    assert played.book_hash == whole.book_hash
    assert played.n_lost == 0
    wins = {one.line: one.counters["wins"] for one in played.lines}
    assert sum(wins.values()) == 8


def test_what_is_on_no_line_is_lost_and_the_book_in_doubt():
    played = play(read(both_lines({4}, {4})))
    assert played.n_lost == 1
    assert played.n_messages == 7
    assert not played.instruments[0]["is_sure"]


def test_lines_are_found_and_the_ones_that_are_named_are_read():
    data = both_lines({2}, set())
    found = read(data)
    assert (found.source, found.protocol, found.framing) == ("pcap", "itch", "MoldUDP64")
    assert [(str(x), x.n_packets) for x in found.lines] == [(str(A), 7), (str(B), 8)]
    only = read(data, lines=[B])
    assert [str(x) for x in only.lines] == [str(B)]
    assert only.skips["other_lines"] == 7
    assert only.n_messages == 8


def test_packets_of_several_lines_are_played_by_their_stamps():
    """Two captures, merged by the piece: line B of a time stands before line A of that time."""
    packets = [(i * 1000 + 300, B, p) for i, p in enumerate(PACKETS, 1)]
    packets += [(i * 1000, A, p) for i, p in enumerate(PACKETS, 1)]
    recording = read(pcap(*packets))
    assert list(recording.recs["line"]) == [0, 1] * 8
    assert [one.counters["wins"] for one in play(recording).lines] == [8, 0]


def test_a_line_keeps_its_order_when_its_stamps_fall_back():
    packets = [(5000, A, PACKETS[0]), (2000, A, PACKETS[1]), (5500, B, PACKETS[0])]
    recording = read(pcap(*packets))
    assert list(recording.recs["ts_ns"]) == [5000, 2000, 5500]


def test_more_lines_than_one_stream_has_must_be_chosen_from():
    lines = [Line(ip_address(f"224.0.1.{i}"), 5000) for i in range(5)]
    recording = read(pcap(*((i, line, PACKETS[0]) for i, line in enumerate(lines))))
    with pytest.raises(ValueError, match=r"5 lines in it \(224.0.1.0:5000, .*\): choose"):
        play(recording)


def test_damage_names_the_byte_and_the_lines_that_were_seen():
    data = both_lines(set(), set())
    with pytest.raises(CaptureError, match=r"^at byte 24: the file ends in a packet$"):
        read(data[: 24 + 20])
    with pytest.raises(
        CaptureError, match=r"^at byte \d+: a UDP packet that is not MoldUDP64$"
    ) as e:
        read(data + pcap((9000, A, b"hello"))[24:])
    assert [line.port for line in e.value.lines] == [5001, 5002]


@pytest.mark.parametrize(
    ("data", "wanted", "words"),
    [
        (itch(*ORDERS), {"protocol": "fix"}, "its records are itch, not fix"),
        (itch(*ORDERS), {"lines": [A]}, "no lines to choose from"),
        (pcap((1, A, PACKETS[0])), {"protocol": "fix"}, "packets that carry fix"),
        (pcap((1, A, PACKETS[0])), {"protocol": "ice"}, "not ICE iMpact"),
        (b"hello, world", {}, "like no capture"),
    ],
)
def test_what_a_file_cannot_have_is_refused(data, wanted, words):
    with pytest.raises(ValueError, match=words):
        read(data, **wanted)


def test_into_a_port_the_same_arrives():
    recording = read(itch(*ORDERS))
    direct, sent = play(recording), play(recording, into="port", loops=3)
    assert sent.message_hash == direct.message_hash
    assert sent.book_hash == direct.book_hash
    assert sent.counters["read"]["loops"] == 3
    assert sent.counters["read"]["loops_different"] == 0
    assert (sent.n_lost, sent.unaccounted) == (0, 0)


def test_a_paced_play_tells_how_late_it_was():
    played = play(read(itch(*ORDERS)), pace=Pace.as_recorded(Fraction(2)))
    assert played.lateness.n == 8
    assert played.elapsed_ns >= 3500  # 7 us at twice the speed


def test_an_interrupted_play_is_told_as_far_as_it_came(monkeypatch):
    recording = read(itch(*ORDERS))
    real = replay._core.Player

    class Impatient:
        """A player, and a Ctrl-C at the second look at it."""

        def __init__(self, **config):
            self.player, self.n_looks = real(**config), 0

        def __getattr__(self, name):
            return getattr(self.player, name)

        def wait(self, timeout_s):
            self.n_looks += 1
            if self.n_looks == 2:
                raise KeyboardInterrupt
            return self.player.wait(timeout_s)

    monkeypatch.setattr(replay, "_core", SimpleNamespace(Player=Impatient))
    seen = []
    played = play(recording, pace=Pace.at_rate(1), loops=0, progress=seen.append)
    assert played.interrupted
    assert 0 < played.n_messages < 8
    assert len(seen) == 1
    assert seen[0]["read"]["delivered"] <= played.n_messages


@pytest.mark.parametrize("speed", [Fraction(0), Fraction(-1), Fraction(1 << 40)])
def test_a_speed_that_cannot_be_played_is_refused(speed):
    with pytest.raises(ValueError, match="speed"):
        Pace.as_recorded(speed)


@pytest.mark.parametrize("rate", [0, -1, 1 << 64])
def test_a_rate_that_cannot_be_played_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        Pace.at_rate(rate)
