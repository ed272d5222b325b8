"""What a network card is and how it is set, asked of the kernel by ioctl(SIOCETHTOOL) alone.

Settings come in groups, their names are those of ethtool(8), every value is text:

  driver      driver version firmware-version bus-info
  link        speed (Mbit/s, or unknown) duplex (full half unknown) autoneg detected (yes no)
  rings       rx rx-mini rx-jumbo tx, and rx-max ... beside each
  coalesce    adaptive-rx adaptive-tx (on off) rx-usecs rx-frames tx-usecs tx-frames ...
  channels    rx tx other combined, and rx-max ... beside each
  features    every feature by the kernel's name: on, off, or off [requested on] where something
              else that is off keeps it off; `fixed` names those that nobody can change
  offloads    the short names of ethtool -K, each on when any of its features is: gro lro tso ...
  pause       autoneg rx tx (on off)
  eee         enabled active tx-lpi (on off) tx-timer (us)
  timestamps  capabilities transmit-types receive-filters (words) clock (index of /dev/ptpN, none)
  statistics  the driver's own counters

Only what answers to ioctl is there. RSS contexts, cable tests and the rest that is netlink alone
are unsupported, and so is a group that a driver has not. Sources: linux/ethtool.h, ethtool(8).

Threads: any; every call has a socket of its own, in the network namespace of its thread.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import re
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.errors import printable
from harness.tuning import ethtool_abi as abi
from harness.tuning.ethtool_abi import Garbled, unsupported

GROUPS = (
    *("driver", "link", "rings", "coalesce", "channels", "features", "offloads"),
    *("pause", "eee", "timestamps", "statistics"),
)
SETTABLE = (*abi.WORDS, "features")
SIOCETHTOOL = 0x8946
NAME_BYTES = 16  # IFNAMSIZ, with its NUL
SPARE = 256  # entries more than announced: a driver may have more of them when it fills them in
MAX_RECORDED_BYTES = 1 << 20

# ethtool -K by its short names, in the order in which they can be changed one by one: what lies
# further down is what others rest on, and the kernel takes those along.
OFFLOADS: Mapping[str, str] = {
    "gro": "rx-gro",
    "lro": "rx-lro",
    "tso": "tx-tcp.*-segmentation",
    "ufo": "tx-udp-fragmentation",
    "gso": "tx-generic-segmentation",
    "rxvlan": "rx-vlan-hw-parse",
    "txvlan": "tx-vlan-hw-insert",
    "ntuple": "rx-ntuple-filter",
    "rxhash": "rx-hashing",
    "sg": "tx-scatter-gather(-fraglist)?",
    "tx": "tx-checksum-.*",
    "rx": "rx-checksum",
}

Ioctl = Callable[[str, "ctypes.Array[ctypes.c_char]"], int]


def interface_name(text: str) -> str:
    """The text, when an interface can be called that. ValueError, one printable line, when not."""
    is_one = (
        0 < len(text.encode(errors="replace")) < NAME_BYTES
        and text not in (".", "..")
        and not text.startswith("-")
        and text.isprintable()
        and not re.search(r"[\s/:]", text)
    )
    if not is_one:
        raise ValueError(f"not the name of an interface: '{printable(text[:40])}'")
    return text


class Ethtool(Protocol):
    """The cards of a host. A name that is none (interface_name) is a ValueError everywhere."""

    def get(self, interface: str, group: str) -> dict[str, str]:
        """The group's values by name. OSError: ENODEV, EOPNOTSUPP, EPERM; EBADMSG when garbled."""

    def set(self, interface: str, group: str, name: str, value: str) -> None:
        """Write one value, keeping the others. OSError with the driver's reason, ValueError."""

    def fixed(self, interface: str) -> frozenset[str]:
        """Features that nobody can change. OSError."""


def ethtool_of(root: Path) -> Ethtool:
    """The cards of this machine for /, else those recorded as ethtool/INTERFACE.json below it."""
    return KernelEthtool() if root == Path("/") else RecordedEthtool(root / "ethtool")


def features_of(offload: str, features: Mapping[str, str]) -> list[str]:
    """The features that a short name of ethtool -K stands for, of those that are there."""
    return [name for name in features if re.fullmatch(OFFLOADS[offload], name)]


def offloads(features: Mapping[str, str]) -> dict[str, str]:
    """Features under their short names: on when any of its features is."""
    found = {short: features_of(short, features) for short in OFFLOADS}
    return {
        short: abi.on_off(any(features[name].startswith("on") for name in names))
        for short, names in found.items()
        if names
    }


def _ask_kernel(interface: str, order: ctypes.Array[ctypes.c_char]) -> int:
    """What the ioctl returns; the answer is in `order`, which is as large as it can get."""
    request = bytearray(struct.pack("16sP16x", interface.encode(), ctypes.addressof(order)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        return int(fcntl.ioctl(any_socket, SIOCETHTOOL, request, True))


class KernelEthtool:
    """The cards of this thread's network namespace."""

    def __init__(self, ioctl: Ioctl = _ask_kernel) -> None:
        self._ioctl = ioctl

    def get(self, interface: str, group: str) -> dict[str, str]:
        interface_name(interface)
        if group in abi.WORDS:
            words = abi.WORDS[group]
            return words.parse(self._words(interface, words))
        reads = {
            "driver": self._driver,
            "link": self._link,
            "features": self._feature_texts,
            "offloads": lambda name: offloads(self._feature_texts(name)),
            "timestamps": self._timestamps,
            "statistics": self._statistics,
        }
        if group not in reads:
            raise unsupported(f"no group {printable(group[:40])!r} here")
        return reads[group](interface)

    def set(self, interface: str, group: str, name: str, value: str) -> None:
        interface_name(interface)
        if group == "features":
            self._set_feature(interface, name, value)
        elif group in abi.WORDS:
            words = abi.WORDS[group]
            self._ask(interface, words.change(self._words(interface, words), name, value))
        else:
            raise unsupported(f"{printable(group[:40])} can only be read")

    def fixed(self, interface: str) -> frozenset[str]:
        features = self._features(interface_name(interface))[0]
        return frozenset(name for name, feature in features.items() if feature.is_fixed)

    def _ask(self, interface: str, order: bytes, room: int = 0) -> tuple[int, bytes]:
        """(what was returned, the answer in up to `room` bytes more than the order has)."""
        buffer = ctypes.create_string_buffer(order, len(order) + room)
        returned = self._ioctl(interface, buffer)
        return returned, buffer.raw

    def _words(self, interface: str, words: abi.Words) -> bytes:
        order = words.layout.pack(words.get, *(0 for _ in words.names))
        return self._ask(interface, order)[1]

    def _driver(self, interface: str) -> dict[str, str]:
        order = abi.HEAD.pack(abi.GET_DRIVER, 0)
        return abi.parse_driver(self._ask(interface, order, abi.DRIVER.size)[1])

    def _link(self, interface: str) -> dict[str, str]:
        """Asked twice: the first answer says how long the second is."""

        def order(n_words: int) -> bytes:
            return abi.LINK_SETTINGS.pack(abi.GET_LINK_SETTINGS, 0, *(0,) * 7, n_words, *(0,) * 4)

        n = abi.link_words(self._ask(interface, order(0))[1])
        _, raw = self._ask(interface, order(n), 3 * 4 * abi.MAX_LINK_WORDS)
        seen = abi.parse_link_settings(raw)
        _, raw = self._ask(interface, abi.HEAD.pack(abi.GET_LINK, 0))
        return seen | {"detected": "yes" if abi.HEAD.unpack(raw[: abi.HEAD.size])[1] else "no"}

    def _timestamps(self, interface: str) -> dict[str, str]:
        order = abi.HEAD.pack(abi.GET_TIMESTAMPS, 0)
        return abi.parse_timestamps(self._ask(interface, order, abi.TIMESTAMPS.size)[1])

    def _names(self, interface: str, which: int) -> list[str]:
        asked = abi.STRING_COUNT.pack(abi.GET_STRING_COUNT, 0, 1 << which, 0)
        count = abi.parse_string_count(self._ask(interface, asked, 16)[1])
        if count == 0:
            return []
        order = abi.STRINGS.pack(abi.GET_STRINGS, which, count)
        room = (count + SPARE) * abi.NAME_BYTES
        return abi.parse_strings(self._ask(interface, order, room)[1])

    def _statistics(self, interface: str) -> dict[str, str]:
        names = self._names(interface, abi.STATISTICS)
        if not names:
            raise unsupported("the driver counts nothing of its own")
        order = abi.HEAD.pack(abi.GET_STATISTICS, len(names))
        _, raw = self._ask(interface, order, (len(names) + SPARE) * 8)
        return abi.parse_statistics(raw, names)

    def _features(self, interface: str) -> tuple[dict[str, abi.Feature], int]:
        """By name, and in how many blocks this kernel keeps them."""
        names = self._names(interface, abi.FEATURES)
        order = abi.HEAD.pack(abi.GET_FEATURES, abi.MAX_FEATURE_BLOCKS)
        _, raw = self._ask(interface, order, 16 * abi.MAX_FEATURE_BLOCKS)
        return abi.parse_features(raw, names), abi.feature_blocks(raw)

    def _feature_texts(self, interface: str) -> dict[str, str]:
        return {name: feature.text for name, feature in self._features(interface)[0].items()}

    def _set_feature(self, interface: str, name: str, value: str) -> None:
        wanted = abi.wanted_of(value)
        features, blocks = self._features(interface)
        feature = features.get(name)
        if feature is None or feature.is_fixed:
            what = "no such feature" if feature is None else "fixed by the driver"
            raise unsupported(f"{printable(name[: abi.NAME_BYTES])}: {what}")
        returned, _ = self._ask(interface, abi.feature_order(blocks, feature.index, wanted))
        if returned & abi.UNSUPPORTED:
            raise unsupported(f"{name}: fixed by the driver")


class RecordedEthtool:
    """Cards that lie in files: {"coalesce": {"rx-usecs": "3"}, "fixed": ["rx-lro"]}, all text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, interface: str, group: str) -> dict[str, str]:
        card = self._card(interface)
        if group == "offloads" and group not in card and "features" in card:
            return offloads(self._values(card, "features"))
        if group not in card:
            raise unsupported(f"the driver has no {printable(group[:40])}")
        return self._values(card, group)

    def set(self, interface: str, group: str, name: str, value: str) -> None:
        values = self.get(interface, group)
        if group not in SETTABLE or name not in values or name.endswith("-max"):
            raise unsupported(f"{printable(name[: abi.NAME_BYTES])} cannot be set")
        if group == "features":
            if name in self.fixed(interface):
                raise unsupported(f"{name}: fixed by the driver")
            value = abi.on_off(abi.wanted_of(value))
        elif values[name] in ("on", "off"):
            abi.is_on(value)
        elif abi.number(value) > abi.number(values.get(f"{name}-max", str(abi.U32))):
            raise OSError(errno.EINVAL, f"{name}: more than {values[f'{name}-max']}")
        card = self._card(interface)
        card[group] = values | {name: value}
        self._path(interface).write_text(json.dumps(card, indent=1) + "\n")

    def fixed(self, interface: str) -> frozenset[str]:
        raw = self._card(interface).get("fixed", [])
        if not isinstance(raw, list):
            raise Garbled("fixed is no list")
        return frozenset(str(name) for name in raw)

    def _path(self, interface: str) -> Path:
        return self._folder / f"{interface_name(interface)}.json"

    def _card(self, interface: str) -> dict[str, object]:
        path = self._path(interface)
        try:
            with path.open("rb") as file:
                card = json.loads(file.read(MAX_RECORDED_BYTES))
        except FileNotFoundError:
            raise OSError(errno.ENODEV, "no such interface") from None
        except (ValueError, RecursionError):
            raise Garbled("not JSON") from None
        if not isinstance(card, dict):
            raise Garbled("not a card")
        return card

    def _values(self, card: Mapping[str, object], group: str) -> dict[str, str]:
        values = card[group]
        if not isinstance(values, dict):
            raise Garbled(f"{group} is no table")
        return {printable(str(name)): printable(str(value)) for name, value in values.items()}
