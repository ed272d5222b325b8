"""One value of a network card, as ethtool(8) would set it."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import printable
from harness.tuning.ethtool import SETTABLE, interface_name
from harness.tuning.ethtool_abi import on_off, wanted_of
from harness.tuning.host import Host
from harness.tuning.settings.base import Gone, Setting

# Options of ethtool(8), and its own word where that is another one than the value's name here.
OPTIONS = {
    "rings": "--set-ring",
    "coalesce": "--coalesce",
    "channels": "--set-channels",
    "features": "--features",
    "pause": "--pause",
    "eee": "--set-eee",
}
WORDS = {"enabled": "eee"}
# Rounded to what the card can count, or moved along with another value by the driver.
ROUNDING = ("rings", "coalesce", "features", "pause", "eee")


@dataclass(frozen=True, slots=True)
class EthtoolSetting(Setting):
    """`target` is INTERFACE GROUP NAME, as harness.tuning.ethtool has them. ValueError."""

    kind: ClassVar[str] = "ethtool"

    def __post_init__(self) -> None:
        words = self.target.split(" ")
        if len(words) != 3 or words[1] not in SETTABLE or not _NAME.fullmatch(words[2]):
            raise ValueError(
                f"not an interface, a group and a name: '{printable(self.target[:80])}'"
            )
        interface_name(words[0])

    @property
    def rounds(self) -> bool:
        return self.target.split(" ")[1] in ROUNDING

    def read(self, host: Host) -> str:
        interface, group, name = self.target.split(" ")
        try:
            values = host.ethtool.get(interface, group)
        except OSError as error:
            raise _told(error) from None
        if name not in values:
            raise OSError(errno.EOPNOTSUPP, f"the card has no {name}")
        return values[name]

    def write(self, host: Host, value: str) -> None:
        interface, group, name = self.target.split(" ")
        try:
            host.ethtool.set(interface, group, name, value)
        except OSError as error:
            raise _told(error) from None

    def command(self, value: str) -> str:
        interface, group, name = self.target.split(" ")
        if group == "features":
            value = on_off(wanted_of(value))
        return f"ethtool {OPTIONS[group]} {interface} {WORDS.get(name, name)} {value}"


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def _told(error: OSError) -> OSError:
    return Gone(errno.ENODEV, "no such interface") if error.errno == errno.ENODEV else error
