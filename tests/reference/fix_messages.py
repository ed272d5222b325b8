"""Seeded FIX streams: what counterparties send, and what they should not.

A stream is mostly good messages, short ones so that a million are read in time, with tags of every
size, '=' in values, raw data with SOH in it and repeating groups. About a quarter of the messages
carry one fault each, and garbage lies between them, some of it made of the beginnings of messages.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from reference import fix

TEXT = bytes(range(0x20, 0x7F)) + b"=|\x00\x7f\x80\xff"
TYPES = [b"0", b"8", b"D", b"X", b"AE", b"j", b"UXY"]
VERSIONS = [b"FIX.4.4", b"FIX.4.2", b"FIXT.1.1", b"FIX", b"FIX.5.0SP2-LONG-"]
# Each is as likely as the others to be a field of a message.
N_POOL = 3000
LENGTH_TAGS = sorted(fix.DATA_TAGS)


def tag_of(rng: random.Random) -> int:
    """A tag of 1 to 10 digits, each length as likely, none of which states a length."""
    n_digits = rng.randint(1, 10)
    while True:
        tag = rng.randint(10 ** (n_digits - 1), min(10**n_digits - 1, fix.MAX_TAG))
        if tag not in fix.DATA_TAGS:
            return tag


def text_of(rng: random.Random, most: int = 12) -> bytes:
    n = rng.randint(1, most) if rng.random() < 0.97 else rng.randint(60, 200)
    return bytes(rng.choices(TEXT, k=n))


def plain_field(rng: random.Random) -> bytes:
    return b"%d=%b" % (tag_of(rng), text_of(rng))


def data_fields(rng: random.Random) -> bytes:
    """A length and raw data of that length, in which SOH, '=' and fields may be seen."""
    length_tag = rng.choice(LENGTH_TAGS)
    data = bytes(rng.choices(b"\x01\x0110=8FIX.9", k=rng.randint(1, 20)))
    return b"%d=%d\x01%d=%b" % (length_tag, len(data), fix.DATA_TAGS[length_tag], data)


def lonely_length(rng: random.Random) -> bytes:
    return b"%d=%d\x01%b" % (rng.choice(LENGTH_TAGS), rng.randint(0, 99), plain_field(rng))


def group(rng: random.Random) -> bytes:
    n = rng.randint(0, 3)
    entry = [b"279=%d\x01270=%d.%d" % (i, rng.randint(1, 999), i) for i in range(n)]
    return b"\x01".join([b"268=%d" % n, *entry])


def no_field(rng: random.Random) -> bytes:
    """Something between two SOH that is no field, or raw data that does not fit its length."""
    tag, length_tag = tag_of(rng), rng.choice(LENGTH_TAGS)
    data_tag = fix.DATA_TAGS[length_tag]
    return rng.choice(
        [
            b"",
            b"=",
            b"=5",
            b"%d" % tag,
            b"%d=" % tag,
            b"0%d=1" % tag,
            b"0=1",
            b"+%d=1" % tag,
            b"%d =1" % tag,
            b"-1=1",
            b"x=1",
            b"%d=1" % rng.randint(2**31, 2**34),
            b"%d=1" % 10 ** rng.randint(10, 40),
            b"\xff\xfe=1",
            b"12:4=1",
            b"/1=1",
            b"%d=" % length_tag,
            b"%d=x" % length_tag,
            b"%d=-1" % length_tag,
            b"%d=%d" % (length_tag, 10 ** rng.randint(19, 25)),
            b"%d=0\x01%d=" % (length_tag, data_tag),
            b"%d=0\x01%d=ab" % (length_tag, data_tag),
            b"%d=3\x01%d=ab" % (length_tag, data_tag),
            b"%d=3\x01%d=abcd" % (length_tag, data_tag),
            b"%d=3\x01%d=a\x01b\x01c" % (length_tag, data_tag),
            b"%d=%d\x01%d=ab" % (length_tag, rng.randint(5, 99), data_tag),
            b"%d=%d\x01%d=ab" % (length_tag, 2**32 + 2, data_tag),
        ]
    )


def wrapped(body: bytes, version: bytes, length: int | None = None) -> bytes:
    head = b"8=%b\x019=%d\x01" % (version, len(body) if length is None else length)
    return head + body + b"10=%03d\x01" % fix.checksum(head + body)


# --- faults of the frame --------------------------------------------------------------------------


def bad_checksum(rng: random.Random, message: bytes) -> bytes:
    return message[:-4] + b"%03d\x01" % ((int(message[-4:-1]) + rng.randint(1, 255)) % 256)


def bad_check_digits(rng: random.Random, message: bytes) -> bytes:
    return message[:-4] + rng.choice([b"1 2", b"-12", b"0x1", b"9=9", b"\x01\x01\x01"]) + b"\x01"


def bad_length(rng: random.Random, message: bytes) -> bytes:
    """The length says a few bytes more or less, or something that is no length."""
    begin, length, rest = message.split(b"\x01", 2)
    n = max(0, int(length[2:]) + rng.choice([-7, -3, -2, -1, 1, 2, 3, 7, 30]))
    text = rng.choice([b"%d" % n] * 5 + [b"", b"4", b"x", b"-5", b"1048577", b"99999999", b"1 0"])
    return b"%b\x019=%b\x01%b" % (begin, text, rest)


def long_begin_string(rng: random.Random, message: bytes) -> bytes:
    return message.replace(b"\x01", b"." * rng.randint(10, 20) + b"\x01", 1)


def third_is_not_type(rng: random.Random, message: bytes) -> bytes:
    body = message.split(b"\x01", 2)[2][:-7]
    return wrapped(
        body.replace(b"35=", rng.choice([b"36=", b"5=", b"035=", b"53="]), 1), b"FIX.4.4"
    )


def cut(rng: random.Random, message: bytes) -> bytes:
    return message[: rng.randint(1, len(message) - 1)]


def beheaded(rng: random.Random, message: bytes) -> bytes:
    return message[rng.randint(1, len(message) - 1) :]


def flipped(rng: random.Random, message: bytes) -> bytes:
    """One byte is another."""
    at = rng.randrange(len(message))
    # Not so long that the stream waits for the end of it.
    byte = rng.choice(b"\x00\x01 =8A\xff" if at < 20 else bytes(range(256)))
    return message[:at] + bytes([byte]) + message[at + 1 :]


def garbage(rng: random.Random) -> bytes:
    return rng.choice(
        [
            b"\n",
            b"\r\n",
            b"8",
            b"8=",
            b"8=F",
            b"8=FI",
            b"8=FIX",
            b"8=FIX.4.4\x01",
            b"8=FIX.4.4\x019",
            b"8=FIX.4.4\x019=\x01",
            b"8=FIX.4.4\x0110=000\x01",
            b"8=8=8=FIX.4.4",
            b"8=FIX8=FIX8=FIX",
            b"\x01" * rng.randint(1, 40),
            bytes(rng.choices(TEXT, k=rng.randint(1, 100))),
        ]
    )


FRAME_FAULTS: list[Callable[[random.Random, bytes], bytes]] = [
    bad_checksum,
    bad_check_digits,
    bad_length,
    long_begin_string,
    third_is_not_type,
    cut,
    beheaded,
    flipped,
    flipped,
]


def stream(rng: random.Random, n_messages: int) -> bytes:
    """`n_messages` end to end, some faulty, garbage between some of them; the last one is good."""
    pool = [plain_field(rng) for _ in range(N_POOL)]
    pool += [data_fields(rng) for _ in range(N_POOL // 20)]
    pool += [lonely_length(rng) for _ in range(N_POOL // 40)]
    pool += [group(rng) for _ in range(N_POOL // 20)]
    pieces: list[bytes] = []
    for i in range(n_messages):
        fields = rng.choices(pool, k=min(int(rng.expovariate(0.4)), 40))
        chance = rng.random()
        if chance < 0.12:
            fields.insert(rng.randint(0, len(fields)), no_field(rng))
        body = b"\x01".join([b"35=%b" % rng.choice(TYPES), *fields, b""])
        message = wrapped(body, VERSIONS[0] if chance < 0.8 else rng.choice(VERSIONS))
        if 0.88 < chance < 0.98 and i < n_messages - 1:
            message = rng.choice(FRAME_FAULTS)(rng, message)
        if chance > 0.95:
            pieces.append(garbage(rng))
        pieces.append(message)
    return b"".join(pieces)
