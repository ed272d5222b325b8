"""One value of a network interface that is none of its card's: how long its queue is, its MTU."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import printable
from harness.tuning.ethtool import interface_name
from harness.tuning.ethtool_abi import number
from harness.tuning.host import Host
from harness.tuning.settings.base import Gone, Setting

# SIOCGIF... and SIOCSIF..., and the file of /sys/class/net where a recorded machine has it.
VALUES = {"txqueuelen": (0x8942, 0x8943, "tx_queue_len"), "mtu": (0x8921, 0x8922, "mtu")}
REQUEST = struct.Struct("=16si20x")


@dataclass(frozen=True, slots=True)
class LinkSetting(Setting):
    """`target` is INTERFACE NAME. Not through /sys: that shows the links of whoever mounted it."""

    kind: ClassVar[str] = "link"

    def __post_init__(self) -> None:
        words = self.target.split(" ")
        if len(words) != 2 or words[1] not in VALUES:
            raise ValueError(f"not an interface and a name: '{printable(self.target[:80])}'")
        interface_name(words[0])

    def read(self, host: Host) -> str:
        interface, name = self.target.split(" ")
        get, _, file = VALUES[name]
        if host.is_this_machine:
            return str(_ioctl(get, interface, 0))
        return host.read(f"/sys/class/net/{interface}/{file}")

    def write(self, host: Host, value: str) -> None:
        interface, name = self.target.split(" ")
        _, put, file = VALUES[name]
        if number(value) > 0x7FFFFFFF:
            raise OSError(errno.EINVAL, f"too large: {value}")
        if host.is_this_machine:
            _ioctl(put, interface, number(value))
        else:
            host.write(f"/sys/class/net/{interface}/{file}", value)

    def command(self, value: str) -> str:
        interface, name = self.target.split(" ")
        return f"ip link set dev {interface} {name} {value}"


def _ioctl(request: int, interface: str, value: int) -> int:
    order = bytearray(REQUEST.pack(interface.encode(), value))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            fcntl.ioctl(any_socket, request, order, True)
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise Gone(errno.ENODEV, "no such interface") from None
        raise
    return int(REQUEST.unpack(order)[1])
