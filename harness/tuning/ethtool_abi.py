"""What ioctl(SIOCETHTOOL) takes and answers, as linux/ethtool.h lays it out. Bytes in, text out.

Nothing here asks a kernel. A driver fills in what it likes: a count is bounded before anything is
sized by it, a name is cut and made printable, and an answer that is too short is Garbled.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import printable

GET_DRIVER, GET_LINK, GET_LINK_SETTINGS = 0x03, 0x0A, 0x4C
GET_STRINGS, GET_STRING_COUNT = 0x1B, 0x37
GET_FEATURES, SET_FEATURES = 0x3A, 0x3B
GET_TIMESTAMPS, GET_STATISTICS = 0x41, 0x1D
STATISTICS, FEATURES = 1, 4  # sets of strings
UNSUPPORTED, WISH = 1, 2  # what setting features answers: cannot be changed, noted but not done

NAME_BYTES = 32  # ETH_GSTRING_LEN
MAX_STRINGS = 1 << 14  # a card with a few hundred queues has some thousand counters
MAX_FEATURE_BLOCKS = 32  # of 32 features each; kernels have two
MAX_LINK_WORDS = 127  # a signed byte
U32 = 0xFFFFFFFF

DRIVER = struct.Struct("=I32s32s32s32s32s12x5I")
LINK_SETTINGS = struct.Struct("=II7Bb4B28x")
TIMESTAMPS = struct.Struct("=IIiI12xI12x")
HEAD = struct.Struct("=II")
STRINGS = struct.Struct("=III")
STRING_COUNT = struct.Struct("=IIQI")


class Garbled(OSError):
    """An answer that cannot be what was asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EBADMSG, f"garbled answer: {what}")


@dataclass(frozen=True, slots=True)
class Words:
    """A group that lies in memory as its command and a row of 32-bit numbers.

    Of `names` those in `switches` are on or off, those in `shown` can only be read, and an empty
    one is none of our business. A name with a `-max` beside it is not there when that is 0.
    """

    get: int
    put: int
    names: tuple[str, ...]
    switches: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()

    @property
    def layout(self) -> struct.Struct:
        return struct.Struct(f"={1 + len(self.names)}I")

    def parse(self, raw: bytes) -> dict[str, str]:
        """The values by name. Garbled."""
        words = dict(zip(self.names, _unpack(self.layout, raw)[1:], strict=True))
        return {
            name: self._text(name, word)
            for name, word in words.items()
            if name and words.get(f"{name.removesuffix('-max')}-max", 1)
        }

    def change(self, raw: bytes, name: str, value: str) -> bytes:
        """The order that sets one value and keeps what `raw` says of the others. OSError."""
        if name not in self.parse(raw) or name in self.shown or name.endswith("-max"):
            raise unsupported(f"{name[:NAME_BYTES]} cannot be set")
        words = [self.put, *_unpack(self.layout, raw)[1:]]
        words[1 + self.names.index(name)] = self._word(name, value)
        return self.layout.pack(*words)

    def _text(self, name: str, word: int) -> str:
        return on_off(bool(word)) if name in self.switches else str(word)

    def _word(self, name: str, value: str) -> int:
        return int(is_on(value)) if name in self.switches else number(value)


def _with_max(*names: str) -> tuple[str, ...]:
    return (*(f"{name}-max" for name in names), *names)


WORDS: Mapping[str, Words] = {
    "rings": Words(0x10, 0x11, _with_max("rx", "rx-mini", "rx-jumbo", "tx")),
    "channels": Words(0x3C, 0x3D, _with_max("rx", "tx", "other", "combined")),
    "pause": Words(
        0x12, 0x13, ("autoneg", "rx", "tx"), switches=frozenset({"autoneg", "rx", "tx"})
    ),
    "eee": Words(
        0x44,
        0x45,
        ("", "", "", "active", "enabled", "tx-lpi", "tx-timer", "", ""),
        switches=frozenset({"active", "enabled", "tx-lpi"}),
        shown=frozenset({"active"}),
    ),
    "coalesce": Words(
        0x0E,
        0x0F,
        (
            *("rx-usecs", "rx-frames", "rx-usecs-irq", "rx-frames-irq"),
            *("tx-usecs", "tx-frames", "tx-usecs-irq", "tx-frames-irq"),
            *("stats-block-usecs", "adaptive-rx", "adaptive-tx", "pkt-rate-low"),
            *("rx-usecs-low", "rx-frames-low", "tx-usecs-low", "tx-frames-low"),
            "pkt-rate-high",
            *("rx-usecs-high", "rx-frames-high", "tx-usecs-high", "tx-frames-high"),
            "sample-interval",
        ),
        switches=frozenset({"adaptive-rx", "adaptive-tx"}),
    ),
}

# SOF_TIMESTAMPING_*, HWTSTAMP_TX_* and HWTSTAMP_FILTER_* by bit, as ethtool -T calls them.
CAPABILITIES = (
    *("hardware-transmit", "software-transmit", "hardware-receive", "software-receive"),
    *("software-system-clock", "hardware-legacy-clock", "hardware-raw-clock"),
)
TRANSMIT_TYPES = ("off", "on", "onestep-sync", "onestep-p2p")
RECEIVE_FILTERS = (
    *("none", "all", "some", "ptpv1-l4-event", "ptpv1-l4-sync", "ptpv1-l4-delay-req"),
    *("ptpv2-l4-event", "ptpv2-l4-sync", "ptpv2-l4-delay-req"),
    *("ptpv2-l2-event", "ptpv2-l2-sync", "ptpv2-l2-delay-req"),
    *("ptpv2-event", "ptpv2-sync", "ptpv2-delay-req", "ntp-all"),
)
DUPLEX = {0: "half", 1: "full"}


def unsupported(why: str) -> OSError:
    return OSError(errno.EOPNOTSUPP, why)


def on_off(is_it: bool) -> str:
    return "on" if is_it else "off"


def is_on(value: str) -> bool:
    """OSError EINVAL when it is neither on nor off."""
    if value not in ("on", "off"):
        raise OSError(errno.EINVAL, f"neither on nor off: {value[:NAME_BYTES]!r}")
    return value == "on"


def number(value: str) -> int:
    """A number that fits. OSError EINVAL."""
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= U32):
        raise OSError(errno.EINVAL, f"not a number of 32 bits: {value[:NAME_BYTES]!r}")
    return int(value)


def text(raw: bytes) -> str:
    """A string of the kernel: up to its NUL, on one line whatever it holds."""
    return printable(raw.split(b"\0", 1)[0].decode(errors="replace").strip())


def parse_driver(raw: bytes) -> dict[str, str]:
    _, driver, version, firmware, bus, *_ = _unpack(DRIVER, raw)
    return {
        "driver": text(driver),
        "version": text(version),
        "firmware-version": text(firmware),
        "bus-info": text(bus),
    }


def parse_link_settings(raw: bytes) -> dict[str, str]:
    fields = _unpack(LINK_SETTINGS, raw)
    speed, duplex, autoneg = fields[1], fields[2], fields[5]
    return {
        "speed": "unknown" if speed in (0, U32) else str(speed),
        "duplex": DUPLEX.get(duplex, "unknown"),
        "autoneg": on_off(autoneg == 1),
    }


def link_words(raw: bytes) -> int:
    """How many words a mask of link modes has; a kernel answers the first question with minus it.

    Garbled when it is none.
    """
    n = -int(_unpack(LINK_SETTINGS, raw)[9])
    if not 0 < n <= MAX_LINK_WORDS:
        raise Garbled(f"{n} words of link modes")
    return n


def parse_timestamps(raw: bytes) -> dict[str, str]:
    _, capabilities, clock, transmit, receive = _unpack(TIMESTAMPS, raw)
    return {
        "capabilities": _named_bits(capabilities, CAPABILITIES),
        "clock": "none" if clock < 0 else str(clock),
        "transmit-types": _named_bits(transmit, TRANSMIT_TYPES),
        "receive-filters": _named_bits(receive, RECEIVE_FILTERS),
    }


def _named_bits(bits: int, names: Sequence[str]) -> str:
    return " ".join(name for i, name in enumerate(names) if bits >> i & 1)


def parse_string_count(raw: bytes) -> int:
    """How many strings a set has: 0 when there is no such set. Garbled when it is absurd."""
    _, _, mask, count = _unpack(STRING_COUNT, raw)
    return _bounded(count, MAX_STRINGS, "strings") if mask else 0


def parse_strings(raw: bytes) -> list[str]:
    """The names of a set; one that is empty is a hole."""
    count = _bounded(_unpack(STRINGS, raw)[2], MAX_STRINGS, "strings")
    body = _body(raw, STRINGS.size, count * NAME_BYTES)
    return [text(body[i : i + NAME_BYTES]) for i in range(0, len(body), NAME_BYTES)]


def parse_statistics(raw: bytes, names: Sequence[str]) -> dict[str, str]:
    count = _bounded(_unpack(HEAD, raw)[1], MAX_STRINGS, "statistics")
    values = struct.unpack(f"={count}Q", _body(raw, HEAD.size, count * 8))
    return {name: str(value) for name, value in zip(names, values, strict=False) if name}


@dataclass(frozen=True, slots=True)
class Feature:
    """What a card does by itself, or could; `wanted` is what was asked for last."""

    index: int
    is_fixed: bool
    wanted: bool
    active: bool

    @property
    def text(self) -> str:
        if self.wanted == self.active or self.is_fixed:
            return on_off(self.active)
        return f"{on_off(self.active)} [requested {on_off(self.wanted)}]"


def feature_blocks(raw: bytes) -> int:
    """How many blocks of 32 features this kernel has. Garbled."""
    return _bounded(_unpack(HEAD, raw)[1], MAX_FEATURE_BLOCKS, "blocks of features")


def parse_features(raw: bytes, names: Sequence[str]) -> dict[str, Feature]:
    blocks = feature_blocks(raw)
    words = struct.unpack(f"={4 * blocks}I", _body(raw, HEAD.size, 16 * blocks))
    found: dict[str, Feature] = {}
    for index, name in enumerate(names[: 32 * blocks]):
        available, wanted, active, never = (
            bool(words[4 * (index // 32) + which] >> index % 32 & 1) for which in range(4)
        )
        if name:
            found.setdefault(name, Feature(index, never or not available, wanted, active))
    return found


def feature_order(blocks: int, index: int, wanted: bool) -> bytes:
    """What sets one feature and no other."""
    words = [0] * (2 * blocks)
    words[2 * (index // 32)] = 1 << index % 32
    words[2 * (index // 32) + 1] = int(wanted) << index % 32
    return HEAD.pack(SET_FEATURES, blocks) + struct.pack(f"={2 * blocks}I", *words)


def wanted_of(value: str) -> bool:
    """What a feature's value asks for: of `off [requested on]` it is on. OSError EINVAL."""
    plain, bracket, asked = value.partition(" [requested ")
    if bracket and not asked.endswith("]"):
        is_on(value)
    is_on(plain)
    return is_on(asked[:-1] if bracket else plain)


def _bounded(count: int, most: int, what: str) -> int:
    if count > most:
        raise Garbled(f"{count} {what}")
    return count


def _body(raw: bytes, start: int, n_bytes: int) -> bytes:
    if len(raw) < start + n_bytes:
        raise Garbled(f"{len(raw)} bytes where {start + n_bytes} were announced")
    return raw[start : start + n_bytes]


def _unpack(layout: struct.Struct, raw: bytes) -> tuple[Any, ...]:
    if len(raw) < layout.size:
        raise Garbled(f"{len(raw)} bytes instead of {layout.size}")
    return layout.unpack_from(raw)
