"""Where a host keeps what belongs to a network card, beside what the card itself answers.

/sys/class/net shows the interfaces of the network namespace in which it was mounted, which can be
another one than this thread's: then it tells of other cards, that may have the same names.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import socket
import struct

from harness.tuning.ethtool import interface_name
from harness.tuning.host import Host

NET = "/sys/class/net"
DEVICES = "/sys/bus/pci/devices"
SIOCGIFHWADDR = 0x8927


def irqs_of(host: Host, interface: str) -> list[str]:
    """Numbers of the interrupts of the card, in their order. OSError ENODEV when it has none.

    Only those in use: a card has more than its driver asks for. A card behind virtio is the child
    of the device that has them. ValueError for what is no interface's name.
    """
    for folder in ("device/msi_irqs", "device/../msi_irqs"):
        found = host.glob(f"{NET}/{glob.escape(interface_name(interface))}/{folder}/*")
        names = [path.rpartition("/")[2] for path in found]
        irqs = [name for name in names if name.isdecimal() and host.exists(f"/proc/irq/{name}")]
        if irqs:
            return irqs
    raise OSError(errno.ENODEV, f"{interface} has no interrupts of its own")


def irqs_elsewhere(host: Host) -> list[str]:
    """Numbers of the interrupts of cards whose interfaces are all in other network namespaces.

    Nobody can tell from here what hangs on such a card.
    """
    found: list[str] = []
    for parent in ("", "/virtio*"):
        for folder in host.glob(f"{DEVICES}/*{parent}/net"):
            names = [path.rpartition("/")[2] for path in host.glob(f"{folder}/*")]
            if all(not_shown(host, name) for name in names):
                irqs = host.glob(f"{DEVICES}/{glob.escape(folder.split('/')[5])}/msi_irqs/*")
                found += [path.rpartition("/")[2] for path in irqs]
    return found


def not_shown(host: Host, interface: str) -> str | None:
    """Why /sys does not tell of this interface; None when it does. ValueError as above."""
    folder = f"{NET}/{interface_name(interface)}"
    if not host.exists(folder):
        return f"/sys/class/net shows no {interface}"
    if not host.is_this_machine:
        return None
    try:
        ours = (str(socket.if_nametoindex(interface)), _address(interface))
        shown = (host.read(f"{folder}/ifindex"), host.read(f"{folder}/address"))
    except OSError:
        return f"no {interface} in this network namespace"
    if ours == shown:
        return None
    return f"/sys shows another network namespace, with another {interface}"


def _address(interface: str) -> str:
    """Of Ethernet and the like; zeros for an interface that has none, as /sys has it."""
    request = bytearray(struct.pack("=16s24x", interface.encode()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        fcntl.ioctl(any_socket, SIOCGIFHWADDR, request, True)
    return request[18:24].hex(":")
